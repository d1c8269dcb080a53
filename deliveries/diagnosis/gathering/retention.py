"""How far pruning lags: the oldest row of each kind against how long it is to be kept."""

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.diagnosis.facts import RetentionFacts
from deliveries.diagnosis.gathering.bounds import looking

_OLDEST = 1_000

# The lowest keys are the oldest rows. Not terminal, or ended late: those are passed over.
LATE = Statement(
    name="diagnosis.late",
    purpose="how far the oldest rows are past their retention",
    sql="""
WITH oldest AS MATERIALIZED (
  SELECT finished_at FROM deliveries ORDER BY id LIMIT %(oldest)b::bigint
), payloads AS MATERIALIZED (
  SELECT d.finished_at FROM delivery_payloads AS p JOIN deliveries AS d ON d.id = p.delivery_pk
  ORDER BY p.delivery_pk LIMIT %(oldest)b::bigint
), malformed AS MATERIALIZED (
  SELECT recorded_at FROM malformed_commands ORDER BY id LIMIT %(oldest)b::bigint
)
SELECT extract(epoch FROM now() - %(delivery)b::interval
               - (SELECT min(finished_at) FROM oldest))::float8 AS deliveries,
       extract(epoch FROM now() - %(payload)b::interval
               - (SELECT min(finished_at) FROM payloads))::float8 AS payloads,
       extract(epoch FROM now() - %(malformed)b::interval
               - (SELECT min(recorded_at) FROM malformed))::float8 AS malformed_commands
""",
)


def gather_retention(config: Config) -> RetentionFacts:
    with looking():
        row = LATE.fetch(
            oldest=_OLDEST,
            delivery=config.delivery_retention,
            payload=config.payload_retention,
            malformed=config.malformed_command_retention,
        )[0]
    return RetentionFacts(
        late={kind: max(0.0, late or 0.0) for kind, late in row._asdict().items()}
    )
