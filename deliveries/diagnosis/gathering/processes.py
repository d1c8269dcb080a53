"""The service's own processes, by their rows and their leases."""

from deliveries.conf import Config
from deliveries.database import Statement
from deliveries.diagnosis.facts import ProcessFacts, WorkerFacts
from deliveries.diagnosis.gathering.bounds import looking
from deliveries.states import ProcessType

# A clean stop sets the end of the lease to the moment of the last sign of life; a lost process did
# not.
WORKERS = Statement(
    name="diagnosis.workers",
    purpose="processes by type: alive, and lost in the last hour",
    sql="""
SELECT type, count(*) FILTER (WHERE alive) AS alive,
       coalesce(array_agg(DISTINCT host) FILTER (WHERE alive), '{}') AS hosts,
       coalesce(array_agg(host || ' pid ' || pid) FILTER (WHERE alive), '{}') AS living,
       coalesce(sum(capacity) FILTER (WHERE alive), 0)::integer AS capacity,
       count(*) FILTER (WHERE lost) AS lost,
       coalesce(array_agg(host || ' pid ' || pid) FILTER (WHERE lost), '{}') AS gone,
       coalesce(max(extract(epoch FROM now() - last_seen_at)) FILTER (WHERE alive), 0)::float8
         AS slowest_heartbeat
FROM (
  SELECT type, host, pid, capacity, last_seen_at, lease_until > now() AS alive,
         lease_until <= now() AND lease_until > last_seen_at
           AND lease_until > now() - interval '1 hour' AS lost
  FROM workers
) AS w
GROUP BY type
""",
)

LEADERSHIPS = Statement(
    name="diagnosis.leaderships",
    purpose="what only one process may do, and whether one does it",
    sql="SELECT name, lease_until > now() AS is_held FROM leaderships",
)


def gather_workers(_config: Config) -> WorkerFacts:
    with looking():
        rows = WORKERS.fetch()
        leads = {row.name: row.is_held for row in LEADERSHIPS.fetch()}
    found = {
        row.type: ProcessFacts(
            alive=row.alive,
            hosts=tuple(sorted(row.hosts)),
            living=tuple(sorted(row.living)),
            capacity=row.capacity,
            lost=row.lost,
            gone=tuple(sorted(row.gone)),
            slowest_heartbeat=row.slowest_heartbeat,
        )
        for row in rows
    }
    return WorkerFacts(
        by_type={kind: found.get(kind, ProcessFacts()) for kind in ProcessType}, leads=leads
    )
