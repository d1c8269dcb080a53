"""Why there is no session with a server, in words of our own.

What drivers and servers say of it may hold names and values, so it is never passed on. It is
searched for known phrases, each of which has a text here. A server that speaks another language
than English, or says something new, gives no reason. Pure.
"""

import re

_REPLY_CODE = re.compile(r"[A-Z]{3,20}(?= )")

# what is said, in lower case -> what is told; the first that is found counts
_KNOWN = {
    "connection refused": "connection refused",
    "no route to host": "no route to host",
    "network is unreachable": "network is unreachable",
    "could not translate host name": "its name is not known",
    "failed to resolve host": "its name is not known",
    "name or service not known": "its name is not known",
    "name resolution": "its name is not known",
    "no such file or directory": "no such socket",
    "timeout expired": "no answer in time",
    "timed out": "no answer in time",
    "timeout": "no answer in time",
    "password authentication failed": "the password is refused",
    "no password supplied": "a password is needed",
    "wrongpass": "the password is refused",
    "invalid username-password pair": "the password is refused",
    "authentication required": "a password is needed",
    "no pg_hba.conf entry": "pg_hba.conf has no entry for it",
    "too many clients": "no session is free",
    "too many connections": "no session is free",
    "connection slots": "no session is free",
    "starting up": "it is starting up",
    "shutting down": "it is shutting down",
    "recovery mode": "it is in recovery",
    "loading the dataset": "it is loading its data",
    "certificate": "its certificate cannot be verified",
    "ssl": "no TLS",
    "does not exist": "no such database or role",
    "db index is out of range": "it has no such database",
    "connection reset": "the connection was closed",
    "connection closed": "the connection was closed",
    "connection is closed": "the connection was closed",
    "connection is lost": "the connection was closed",
    "connection already closed": "the connection was closed",
    "closed connection": "the connection was closed",
    "closed the connection": "the connection was closed",
    "closed by server": "the connection was closed",
    "broken pipe": "the connection was closed",
}


def reason_in(said: str) -> str:
    """What is known of it, empty where nothing is."""
    lowered = said.lower()
    return next((told for known, told in _KNOWN.items() if known in lowered), "")


def reply_code_in(said: str) -> str:
    """The word for its kind that an error reply of Redis begins with, such as WRONGTYPE."""
    found = _REPLY_CODE.match(said)
    return found.group() if found else ""
