"""What goes wrong, by what a caller should do about it.

No message holds a value: neither what was to be sent nor a password or token.
"""


class ProducerError(Exception):
    """The mail was not handed over for certain."""


class InvalidCommandError(ProducerError, ValueError):
    """What was given cannot be a command. Nothing was sent; the caller has to fix it."""


class StreamRefusedError(ProducerError):
    """Redis refuses the command: a right or a password is missing, the memory is full, the key is
    not a stream. Nothing was added; somebody has to fix the set-up.
    """


class UnconfirmedError(ProducerError):
    """No answer came in time, so the command may have been taken or not.

    Trying again later with the same idempotency key is safe: it makes no second mail. `retry_after`
    is the number of seconds that the service asked to wait, where it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RequestRejectedError(ProducerError):
    """The service answered that it does not take this request, and will not take it again either.

    `status` is HTTP's, `code` the problem's own ("" where none came), `fields` the members that
    are wrong.
    """

    def __init__(self, *, status: int, code: str, fields: tuple[str, ...] = ()) -> None:
        said = f"the service answered {status}"
        if code:
            said += f" {code}"
        if fields:
            said += f" for {', '.join(fields)}"
        super().__init__(said)
        self.status = status
        self.code = code
        self.fields = fields


class IdempotencyConflictError(RequestRejectedError):
    """The idempotency key was used before, with another content."""


class UnexpectedAnswerError(ProducerError):
    """What answered does not speak as the service does: the address may be wrong."""
