"""Locale names: their canonical form and the order in which a catalog is asked for them."""

import re
from collections.abc import Iterator

# A language of two or three letters, then subtags (RFC 5646 section 2.1). Longer languages are
# reserved, and would make a locale of any stray folder.
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")


def is_locale(name: str) -> bool:
    return _LOCALE.fullmatch(name) is not None


def canonical(locale: str) -> str:
    """`zh-hant-tw` as `zh-Hant-TW` (RFC 5646 section 2.1.1). Total: nothing is refused here."""
    language, *subtags = locale.lower().split("-")
    written = [language]
    for subtag in subtags:
        # what follows a single character is an extension or private: lower case
        if len(written[-1]) == 1:
            written.append(subtag)
        elif len(subtag) == 2:
            written.append(subtag.upper())
        elif len(subtag) == 4 and subtag.isalpha():
            written.append(subtag.title())
        else:
            written.append(subtag)
    return "-".join(written)


def lookup(*, locale: str, default: str) -> Iterator[str]:
    """The locales to try, in order: the one asked for, cut from its end (RFC 4647 section 3.4),
    then the default one. All in canonical form."""
    subtags = canonical(locale).split("-")
    while subtags:
        yield "-".join(subtags)
        subtags.pop()
        if subtags and len(subtags[-1]) == 1:
            subtags.pop()
    yield canonical(default)
