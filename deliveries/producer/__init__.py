"""The producer's side of Mail Service, for other services to import.

Puts commands on the stream and posts login codes. Needs the standard library and redis-py; loads no
Django and nothing else of this service.
"""

from deliveries.producer.entry import delivery_id_of
from deliveries.producer.errors import (
    IdempotencyConflictError,
    InvalidCommandError,
    ProducerError,
    RequestRejectedError,
    StreamRefusedError,
    UnconfirmedError,
    UnexpectedAnswerError,
)
from deliveries.producer.login_codes import (
    LoginCode,
    LoginCodeClient,
    LoginCodeDelivery,
    Outcome,
)
from deliveries.producer.mail import Attachment, Mailbox, RenderedMail, TemplateMail
from deliveries.producer.patience import Patience
from deliveries.producer.stream import DEFAULT_STREAM, CommandPublisher, Published
from deliveries.producer.trace import TraceContext

__all__ = [
    "DEFAULT_STREAM",
    "Attachment",
    "CommandPublisher",
    "IdempotencyConflictError",
    "InvalidCommandError",
    "LoginCode",
    "LoginCodeClient",
    "LoginCodeDelivery",
    "Mailbox",
    "Outcome",
    "Patience",
    "ProducerError",
    "Published",
    "RenderedMail",
    "RequestRejectedError",
    "StreamRefusedError",
    "TemplateMail",
    "TraceContext",
    "UnconfirmedError",
    "UnexpectedAnswerError",
    "delivery_id_of",
]
