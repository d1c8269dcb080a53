"""What only one process may do at a time: a short lease in the database, with an epoch.

Never a session lock: a frozen process would hold it for as long as its connection lives. The epoch
grows at every change of the leader, so that what an old leader does late can be recognized.
"""

from datetime import timedelta

from deliveries.database import Statement

LEASE = timedelta(seconds=3)
# With one look per second, its successor has it three seconds after its end.
MAINTENANCE_LEASE = timedelta(seconds=2)
MAINTENANCE = "maintenance"

LEAD = Statement(
    name="process.lead",
    purpose="take or keep a leadership; no row when someone else has it",
    sql="""
INSERT INTO leaderships AS l (name, worker_id, epoch, lease_until)
VALUES (%(name)b::text, %(worker_id)b::bigint, 1, now() + %(lease)b::interval)
ON CONFLICT (name) DO UPDATE
  SET epoch = l.epoch + (l.worker_id <> excluded.worker_id)::integer,
      worker_id = excluded.worker_id, lease_until = excluded.lease_until
  WHERE l.worker_id = excluded.worker_id OR l.lease_until <= now()
RETURNING epoch
""",
)

RESIGN = Statement(
    name="process.resign",
    purpose="end a leadership, so that the next need not wait for the lease",
    sql="""
UPDATE leaderships SET lease_until = now()
WHERE name = %(name)b::text AND worker_id = %(worker_id)b::bigint
""",
)


def lead(*, name: str, worker_id: int, lease: timedelta = LEASE) -> int | None:
    """Take or keep the leadership; return its epoch, None while another process has it."""
    rows = LEAD.fetch(name=name, worker_id=worker_id, lease=lease)
    return rows[0].epoch if rows else None


def resign(*, name: str, worker_id: int) -> None:
    RESIGN.fetch(name=name, worker_id=worker_id)
