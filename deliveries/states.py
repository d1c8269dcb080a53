"""The vocabulary of the state machine, and the moves it allows. Pure: imports no Django.

The words are the service's outside contract: they stand in the database, the API, the logs and the
metrics. `transitions/` is the only writer of state; the tables below are what it may write, and a
test holds its statements to them.
"""

from enum import StrEnum, unique

LOGIN_CODE_TEMPLATE = "auth.login_code"


@unique
class Source(StrEnum):
    """Who asked. Each source is a lane of its own, served in this order."""

    AUTHSESSION = "authsession"
    OPERATOR_RESEND = "operator_resend"
    NOTIFICATION = "notification"


@unique
class PayloadMode(StrEnum):
    RENDERED = "rendered"
    TEMPLATE = "template"


@unique
class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    RENDERED = "rendered"
    SENDING = "sending"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    DEAD_LETTER = "dead_letter"


@unique
class AttemptStatus(StrEnum):
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    PROVIDER_ACCEPTED = "provider_accepted"
    PROVIDER_REJECTED = "provider_rejected"
    TRANSPORT_FAILED = "transport_failed"
    TIMED_OUT = "timed_out"


@unique
class Phase(StrEnum):
    """Where in the SMTP dialogue an attempt ended, in the order of the dialogue."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    FINAL = "final"


@unique
class FailureCode(StrEnum):
    """Why an attempt, or the delivery after it, did not end with the relay's acceptance."""

    DNS_FAILED = "dns_failed"
    CONNECT_FAILED = "connect_failed"
    GREETING_REFUSED = "greeting_refused"
    EHLO_REFUSED = "ehlo_refused"
    STARTTLS_UNAVAILABLE = "starttls_unavailable"
    TLS_FAILED = "tls_failed"
    AUTH_FAILED = "auth_failed"
    SENDER_REFUSED = "sender_refused"
    TEMPORARY_REPLY = "temporary_reply"
    PERMANENT_REPLY = "permanent_reply"
    SUPPRESSED_BY_PROVIDER = "suppressed_by_provider"
    MESSAGE_TOO_LARGE = "message_too_large"
    SMTPUTF8_UNAVAILABLE = "smtputf8_unavailable"
    CONNECTION_LOST = "connection_lost"
    PROTOCOL_ERROR = "protocol_error"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    # a delivery's own, never an attempt's
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    OUTCOME_UNKNOWN = "outcome_unknown"


@unique
class ProcessType(StrEnum):
    """The Procfile's process types."""

    WEB = "web"
    CONSUMER = "consumer"
    SCHEDULER = "scheduler"
    ATTEMPTS = "attempts"
    PRUNE = "prune"


WAITING = frozenset({DeliveryStatus.QUEUED, DeliveryStatus.RENDERED})
TERMINAL = frozenset(
    {
        DeliveryStatus.SENT,
        DeliveryStatus.SUPPRESSED,
        DeliveryStatus.FAILED,
        DeliveryStatus.DEAD_LETTER,
    }
)

DELIVERY_MOVES: dict[DeliveryStatus, frozenset[DeliveryStatus]] = {
    # A hand-out starts what waits; expiry and cancellation end it, as sent if an earlier attempt
    # was accepted for some of its recipients.
    DeliveryStatus.QUEUED: frozenset(
        {DeliveryStatus.SENDING, DeliveryStatus.FAILED, DeliveryStatus.SENT}
    ),
    DeliveryStatus.RENDERED: frozenset(
        {DeliveryStatus.SENDING, DeliveryStatus.FAILED, DeliveryStatus.SENT}
    ),
    # a finished attempt ends the delivery or sends it back to where it waited
    DeliveryStatus.SENDING: WAITING | TERMINAL,
    **{status: frozenset() for status in TERMINAL},
    # a late outcome undoes a recovery in the transaction that records it: what has ended ends again
    DeliveryStatus.FAILED: frozenset({DeliveryStatus.SENDING}),
    DeliveryStatus.DEAD_LETTER: frozenset({DeliveryStatus.SENDING}),
}

FINISHED_ATTEMPT = frozenset(
    {
        AttemptStatus.PROVIDER_ACCEPTED,
        AttemptStatus.PROVIDER_REJECTED,
        AttemptStatus.TRANSPORT_FAILED,
        AttemptStatus.TIMED_OUT,
    }
)

ATTEMPT_MOVES: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    AttemptStatus.SCHEDULED: frozenset({AttemptStatus.IN_PROGRESS}),
    AttemptStatus.IN_PROGRESS: FINISHED_ATTEMPT,
    **{status: frozenset() for status in FINISHED_ATTEMPT},
    # a late outcome undoes a recovery, in the transaction that records it
    AttemptStatus.TIMED_OUT: frozenset({AttemptStatus.IN_PROGRESS}),
}
