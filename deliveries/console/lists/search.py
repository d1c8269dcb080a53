"""What an operator types into a search box: an id, a recipient, a key or a trace id."""

import json
import re
from typing import Any

from deliveries.database import Statement
from deliveries.intake.texts import is_storable

MOST_FOUND = 1_000
_TRACE_ID = re.compile(
    r"(?:[0-9a-f]{2}-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?", re.IGNORECASE
)

# Each reads an index made for it, the first two of the lists' own, in which hashes stand for texts.
BY_ID_OR_KEY = Statement(
    name="console.by_id_or_key",
    purpose="the deliveries that have this id, or came under this key",
    sql="""
SELECT id FROM deliveries WHERE delivery_id = %(term)b::text
UNION
(SELECT id FROM deliveries
 WHERE hashtextextended(idempotency_key, 0) = hashtextextended(%(term)b::text, 0)
   AND idempotency_key = %(term)b::text
 LIMIT %(limit)b::bigint)
""",
)

BY_RECIPIENT = Statement(
    name="console.by_recipient",
    purpose="the newest deliveries to one address, as first recipient or among several",
    sql="""
(SELECT delivery_pk AS id FROM delivery_payloads
 WHERE hashtextextended(mailboxes #>> '{to,0,email}', 0) = hashtextextended(%(term)b::text, 0)
   AND mailboxes #>> '{to,0,email}' = %(term)b::text
 ORDER BY delivery_pk * -1 LIMIT %(limit)b::bigint)
UNION
(SELECT delivery_pk FROM delivery_payloads
 WHERE (mailboxes #> '{to,1}' IS NOT NULL OR mailboxes ?| '{cc,bcc}')
   AND (mailboxes @> %(in_to)b::jsonb OR mailboxes @> %(in_cc)b::jsonb
        OR mailboxes @> %(in_bcc)b::jsonb)
 LIMIT %(limit)b::bigint)
""",
)

BY_TRACE = Statement(
    name="console.by_trace",
    purpose="the deliveries of one trace",
    sql="""
SELECT id FROM deliveries
WHERE traceparent IS NOT NULL
  AND hashtextextended(substr(traceparent, 4, 32), 0) = hashtextextended(%(term)b::text, 0)
  AND substr(traceparent, 4, 32) = %(term)b::text
LIMIT %(limit)b::bigint
""",
)


def find_deliveries(term: str) -> list[int]:
    """The keys of the deliveries that `term` names, at most some thousand."""
    term = term.strip()
    if not term or not is_storable(term):
        return []
    found = set(_keys(BY_ID_OR_KEY, term=term))
    trace = _TRACE_ID.fullmatch(term)
    if trace is not None:
        found.update(_keys(BY_TRACE, term=trace.group(1).lower()))
    if "@" in term:
        found.update(_by_recipient(term))
    return sorted(found, reverse=True)


def _by_recipient(term: str) -> list[int]:
    local, _, domain = term.rpartition("@")
    address = f"{local}@{domain.lower()}"
    groups = {
        f"in_{role}": json.dumps({role: [{"email": address}]}) for role in ("to", "cc", "bcc")
    }
    return _keys(BY_RECIPIENT, term=address, **groups)


def _keys(statement: Statement, **parameters: Any) -> list[int]:
    return [row.id for row in statement.fetch(limit=MOST_FOUND, **parameters)]
