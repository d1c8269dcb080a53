"""The filters that a mail needs and Jinja lacks: times to read, and addresses to follow."""

import re
from datetime import datetime
from functools import lru_cache

from jinja2 import pass_context
from jinja2.runtime import Context, Undefined

from deliveries.catalog.errors import ExpressionError

# Not an identifier, so that no template can name it.
LOCALE = "(locale)"

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_FRACTION = re.compile(r"\.\d+")
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\/?#][^\s<>\"'`\\]*", re.IGNORECASE)

_MONTHS = {
    "en": "January,February,March,April,May,June,July,August,September,October,November,December",
    "de": "Januar,Februar,März,April,Mai,Juni,Juli,August,September,Oktober,November,Dezember",
}


def _rfc_3339(value: object) -> str:
    if isinstance(value, Undefined):
        str(value)  # raises what is missing
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ExpressionError("a time is not in RFC 3339 form")
    return value


def _parse(text: str) -> datetime:
    try:
        return datetime.fromisoformat(_FRACTION.sub("", text.upper()))
    except ValueError:
        pass
    raise ExpressionError("a time is not a valid date and time")


def _day(*, moment: datetime, language: str) -> str:
    months = _MONTHS.get(language)
    if months is None:
        return f"{moment:%Y-%m-%d}"
    month = months.split(",")[moment.month - 1]
    if language == "de":
        return f"{moment.day}. {month} {moment.year}"
    return f"{month} {moment.day}, {moment.year}"


def _zone(moment: datetime) -> str:
    return f"UTC{moment.isoformat()[-6:]}" if moment.utcoffset() else "UTC"


def _language(context: Context) -> str:
    locale: str = context.parent[LOCALE]
    return locale.partition("-")[0]


@pass_context
def date(context: Context, value: object) -> str:
    """An RFC 3339 time as a day in the template's language; `2026-03-09` where it is unknown."""
    return _day(moment=_parse(_rfc_3339(value)), language=_language(context))


@pass_context
def date_and_time(context: Context, value: object) -> str:
    """An RFC 3339 time to the minute, at the offset it is given in, which is named."""
    return _date_and_time(_rfc_3339(value), _language(context))


@lru_cache(maxsize=16)
def _date_and_time(text: str, language: str) -> str:
    """Kept for a while: the parts of a mail say the same time, and so do the mails of a second."""
    moment = _parse(text)
    day = _day(moment=moment, language=language)
    if language == "en":
        return f"{day} at {moment:%H:%M} {_zone(moment)}"
    if language == "de":
        return f"{day} um {moment:%H:%M} Uhr ({_zone(moment)})"
    return f"{day} {moment:%H:%M} {_zone(moment)}"


def web_address(value: object) -> str:
    """The address itself when it is http or https; no other scheme ever stands behind a link."""
    if isinstance(value, Undefined):
        str(value)  # raises what is missing
    if not isinstance(value, str) or not _WEB_ADDRESS.fullmatch(value):
        raise ExpressionError("a link is not an http or https address")
    return value
