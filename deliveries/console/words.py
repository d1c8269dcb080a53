"""The states and the failure codes as a person reads them: a tone, a title, what it means. Pure."""

from dataclasses import dataclass
from enum import StrEnum, unique

from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase, Source


@unique
class Tone(StrEnum):
    """How a thing looks: colors follow it, and it never stands without a word."""

    GOOD = "good"
    BUSY = "busy"
    WAIT = "wait"
    WARN = "warn"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Word:
    """`title` stands in a badge, `meaning` is a sentence."""

    title: str
    tone: Tone
    meaning: str


DELIVERY_STATUS: dict[str, Word] = {
    DeliveryStatus.QUEUED: Word("queued", Tone.WAIT, "It waits for an attempt."),
    DeliveryStatus.RENDERED: Word(
        "rendered", Tone.WAIT, "Its template is rendered, and it waits for an attempt."
    ),
    DeliveryStatus.SENDING: Word("sending", Tone.BUSY, "An attempt is handed out or under way."),
    DeliveryStatus.SENT: Word("sent", Tone.GOOD, "The relay accepted it."),
    DeliveryStatus.SUPPRESSED: Word(
        "suppressed", Tone.WARN, "The provider suppresses its recipients, or nothing is sent here."
    ),
    DeliveryStatus.FAILED: Word("failed", Tone.BAD, "It ended without the relay's acceptance."),
    DeliveryStatus.DEAD_LETTER: Word(
        "dead letter", Tone.BAD, "Every attempt failed, and the retry ladder is used up."
    ),
}

ATTEMPT_STATUS: dict[str, Word] = {
    AttemptStatus.SCHEDULED: Word("scheduled", Tone.WAIT, "It waits for a worker."),
    AttemptStatus.IN_PROGRESS: Word("in progress", Tone.BUSY, "A worker has it."),
    AttemptStatus.PROVIDER_ACCEPTED: Word("accepted", Tone.GOOD, "The relay took the message."),
    AttemptStatus.PROVIDER_REJECTED: Word(
        "rejected", Tone.BAD, "The relay refused the message for good."
    ),
    AttemptStatus.TRANSPORT_FAILED: Word(
        "transport failed", Tone.WARN, "The message did not get through this time."
    ),
    AttemptStatus.TIMED_OUT: Word("timed out", Tone.WARN, "No answer came in time."),
}

SOURCE: dict[str, str] = {
    Source.AUTHSESSION: "login codes",
    Source.OPERATOR_RESEND: "resent by an operator",
    Source.NOTIFICATION: "notifications",
}

FAILURE: dict[str, str] = {
    FailureCode.DNS_FAILED: "The relay's name could not be looked up.",
    FailureCode.CONNECT_FAILED: "The relay could not be reached.",
    FailureCode.GREETING_REFUSED: "The relay answered the connection with a refusal.",
    FailureCode.EHLO_REFUSED: "The relay refused our greeting.",
    FailureCode.STARTTLS_UNAVAILABLE: (
        "The relay offers no encryption, and nothing is sent without it."
    ),
    FailureCode.TLS_FAILED: "The encrypted link failed: certificate, name or handshake.",
    FailureCode.AUTH_FAILED: "The relay did not accept our account.",
    FailureCode.SENDER_REFUSED: "The relay does not let us send from our address.",
    FailureCode.TEMPORARY_REPLY: (
        "The relay refused for now; it will be tried again if the ladder allows."
    ),
    FailureCode.PERMANENT_REPLY: "The relay refused for good.",
    FailureCode.SUPPRESSED_BY_PROVIDER: "The provider suppresses the recipient.",
    FailureCode.MESSAGE_TOO_LARGE: "The message is larger than the relay takes.",
    FailureCode.SMTPUTF8_UNAVAILABLE: "An address needs SMTPUTF8, which the relay lacks.",
    FailureCode.CONNECTION_LOST: "The link to the relay broke.",
    FailureCode.PROTOCOL_ERROR: "The relay said something that is not SMTP.",
    FailureCode.TIMEOUT: "The relay did not answer in time.",
    FailureCode.WORKER_LOST: "The process that had the attempt was lost.",
    FailureCode.EXPIRED: "Its time was over before it could be sent.",
    FailureCode.CANCELLED: "An operator cancelled it.",
    FailureCode.OUTCOME_UNKNOWN: "Nobody knows whether the relay took it, and it may not go twice.",
}

PHASE: dict[str, str] = {
    Phase.CONNECT: "while connecting",
    Phase.GREETING: "at the greeting",
    Phase.EHLO: "at EHLO",
    Phase.STARTTLS: "at STARTTLS",
    Phase.AUTH: "at the login",
    Phase.MAIL: "at the sender (MAIL)",
    Phase.RCPT: "at a recipient (RCPT)",
    Phase.DATA: "at DATA",
    Phase.BODY: "within the message",
    Phase.FINAL: "after the whole message",
}
