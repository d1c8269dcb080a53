"""The schema, its migrations, and the index that every hand-out needs. Pure."""

from deliveries.conf import Config
from deliveries.diagnosis.facts import PlanFacts, SchemaFacts
from deliveries.diagnosis.finding import Verdict, failed, ok, warning
from deliveries.diagnosis.judging.wording import first_of, lasting

_SLOW_LOOK_MS = 200.0  # a healthy index takes some milliseconds, however long
_SMALL_TABLE = 10_000  # below it PostgreSQL may rightly read the table instead of the index


def exists(_config: Config, facts: SchemaFacts) -> Verdict:
    if facts.schema != "mail":
        return failed(
            'no schema "mail" that this role may use',
            "An owner creates it: CREATE SCHEMA mail AUTHORIZATION mailservice.",
        )
    return ok('schema "mail" is in use')


def migrations(_config: Config, facts: SchemaFacts) -> Verdict:
    if facts.schema is None:
        return failed("no schema to look at", "Create schema mail first.")
    if facts.pending:
        return failed(
            f"pending: {first_of(facts.pending)}",
            "Start any process of this release: it applies them. If its role may not, give the"
            " owner's in MAIL_POSTGRES_MIGRATION_DSN.",
        )
    if facts.unknown:
        return warning(
            f"applied by a newer release: {first_of(facts.unknown)}",
            "Run this command from the release that the processes run.",
        )
    return ok("all applied")


def due_index(_config: Config, facts: PlanFacts) -> Verdict:
    if facts.is_valid is None:
        return failed(
            f"the index {facts.index} is missing",
            "Every hand-out reads the whole table. Create it as deliveries/migrations says.",
        )
    if not facts.is_valid:
        return failed(f"the index {facts.index} is not valid", f"REINDEX INDEX mail.{facts.index};")
    took = f"what is due is found in {lasting(facts.look_ahead_ms / 1000)}"
    if facts.look_ahead_ms > _SLOW_LOOK_MS:
        return warning(
            f"{facts.index} is valid; {took}",
            "Dead entries pile up in it: end what keeps a transaction open (postgres.sessions),"
            " then VACUUM mail.deliveries.",
        )
    if facts.index in facts.used:
        return ok(f"{facts.index} serves the hand-out; {took}")
    if facts.estimated_rows < _SMALL_TABLE:
        return ok(f"{facts.index} is valid; {facts.estimated_rows:,} rows need no index")
    return failed(
        f"the hand-out does not use {facts.index}, over {facts.estimated_rows:,} rows",
        "ANALYZE mail.deliveries; then look again.",
    )
