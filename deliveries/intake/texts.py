"""What a text may hold before it is stored, sent or shown. Pure."""

import re

# C0, DEL, C1, and the separators that some readers take for line breaks
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def is_storable(text: str) -> bool:
    """Whether a text can be UTF-8 in PostgreSQL: no NUL, no unpaired surrogate."""
    if "\x00" in text:
        return False
    try:
        text.encode()  # several times faster than searching for surrogates
    except UnicodeEncodeError:
        return False
    return True


def is_line(text: str) -> bool:
    """Whether a text can stand in a header: one line, nothing that cannot be seen."""
    return is_storable(text) and not has_control(text)
