"""What may be told of an exception: never its text, which may hold values."""

import errno
import traceback

from deliveries.database import describe

_FRAMES = 40
_CAUSES = 5


def name_error(error: BaseException) -> str:
    """Its class, with the SQLSTATE of a database error or the errno's name of an OSError."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{type(error).__name__} {errno.errorcode.get(error.errno, error.errno)}"
    return describe(error)


def causes_of(error: BaseException) -> list[str]:
    """The errors that led to it, nearest first."""
    causes: list[BaseException] = []
    cause = _cause(error)
    while cause is not None and cause not in causes and len(causes) < _CAUSES:
        causes.append(cause)
        cause = _cause(cause)
    return [name_error(cause) for cause in causes]


def frames_of(error: BaseException) -> list[str]:
    """Its stack, outermost first, as `module:line function`; of a deep one the innermost part."""
    frames = [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return frames[-_FRAMES:]


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__
