"""Readers of what says where something is: addresses, URLs, files."""

import ipaddress
import os
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from deliveries.conf.options import Address
from deliveries.conf.problems import UnreadableError

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_PORT = re.compile(r"[0-9]{1,5}")
_URL_SCHEMES = ("postgresql://", "postgres://")
_WHOLE = re.compile(r"-?[0-9]{1,9}")

# Keywords of libpq that it looks at only when it connects, so late that it seems to be the server's
# fault: what each may be, and those that are whole numbers.
_CHOICES = {
    "channel_binding": {"disable", "prefer", "require"},
    "gssencmode": {"disable", "prefer", "require"},
    "load_balance_hosts": {"disable", "random"},
    "sslcertmode": {"allow", "disable", "require"},
    "sslmode": {"allow", "disable", "prefer", "require", "verify-ca", "verify-full"},
    "sslnegotiation": {"direct", "postgres"},
    "target_session_attrs": {
        "any",
        "prefer-standby",
        "primary",
        "read-only",
        "read-write",
        "standby",
    },
}
_NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "tcp_user_timeout",
)


def address(value: str) -> Address:
    if "://" in value or "@" in value:
        raise UnreadableError("is a URL, where a host and a port belong")
    host, colon, port = value.rpartition(":")
    if not colon:
        raise UnreadableError("has no port")
    if not _is_port(port):
        raise UnreadableError("has a port that is not a number from 1 to 65535")
    return Address(host=_host(host), port=int(port))


def allowed_host(value: str) -> str:
    """A name or address as it stands in a Host header; `.example.com` allows what is below too."""
    if value == "*":
        return value
    if value.startswith("["):
        return f"[{_bracketed(value)}]"
    if not _HOST_NAME.fullmatch(value.removeprefix(".")):
        raise UnreadableError("is not a host name or an address, without a port")
    return value.lower()


def email_address(value: str) -> str:
    """An address that any relay takes: its domain comes back in ASCII, its local part is ASCII."""
    local, _, domain = value.rpartition("@")
    # The library converts and checks the rest, but refuses names that relays inside a network do
    # take, such as corp.local.
    is_plain = _HOST_NAME.fullmatch(domain) is not None and not domain.endswith(".")
    try:
        found = validate_email(
            f"{local}@{'example.com' if is_plain else domain}",
            allow_smtputf8=False,
            check_deliverability=False,
        )
    except EmailNotValidError:
        raise UnreadableError(
            "is not an email address without a display name and with an ASCII local part"
        ) from None
    return f"{found.ascii_local_part}@{domain.lower() if is_plain else found.ascii_domain}"


def postgres_url(value: str) -> dict[str, str]:
    """The libpq keywords of a PostgreSQL URL, decoded.

    Every keyword that libpq knows may come in the query. The text is not passed to anything that
    would put it into a message.
    """
    if not value.startswith(_URL_SCHEMES):
        raise UnreadableError("is not a URL that begins with postgresql://")
    try:
        found = {key: str(part) for key, part in conninfo_to_dict(value).items() if part}
    except ProgrammingError:
        raise UnreadableError("is not a PostgreSQL URL that libpq can read") from None
    for keyword, name in (("user", "role"), ("dbname", "database")):
        if keyword not in found:
            raise UnreadableError(f"names no {name}")
    if not all(_is_port(port) for port in found.get("port", "").split(",") if port):
        raise UnreadableError("has a port that is not a number from 1 to 65535")
    _check_keywords(found)
    return found


def _check_keywords(found: dict[str, str]) -> None:
    for keyword, choices in _CHOICES.items():
        if keyword in found and found[keyword] not in choices:
            known = ", ".join(sorted(choices))
            raise UnreadableError(f"sets {keyword} to what is not one of {known}")
    for keyword in _NUMBERS:
        if keyword in found and not _WHOLE.fullmatch(found[keyword]):
            raise UnreadableError(f"sets {keyword} to what is not a whole number")


def http_url(value: str) -> str:
    """An http or https URL without credentials, which would show in messages."""
    try:
        url = urlsplit(value)
        port_is_right = url.port != 0
    except ValueError:
        raise UnreadableError("is not a URL that can be read") from None
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise UnreadableError("is not a URL that begins with http:// or https:// and a host")
    if "@" in url.netloc:
        raise UnreadableError("holds credentials, which belong in OTEL_EXPORTER_OTLP_HEADERS")
    if not port_is_right:
        raise UnreadableError("has a port that is not a number from 1 to 65535")
    return value


def folder(value: str) -> Path:
    path = Path(value).absolute()
    if not path.is_dir():
        raise UnreadableError("is not a folder that exists")
    if not os.access(path, os.R_OK | os.X_OK):
        raise UnreadableError("is a folder that this user may not read")
    return path


def certificates(value: str) -> Path:
    """A file of trusted certificates in PEM form."""
    path = Path(value).absolute()
    if not path.is_file():
        raise UnreadableError("is not a file that exists")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise UnreadableError("is a file without a certificate in PEM form") from None
    except OSError:
        raise UnreadableError("is a file that this user may not read") from None
    return path


def _host(host: str) -> str:
    if not host:
        raise UnreadableError("has no host before its port")
    if host.startswith("["):
        return _bracketed(host)
    if ":" in host:
        raise UnreadableError("has an IPv6 address without brackets")
    if not _HOST_NAME.fullmatch(host) or _is_broken_ipv4(host):
        raise UnreadableError("has a host that is neither a name nor an address")
    return host


def _bracketed(host: str) -> str:
    try:
        if host.endswith("]"):
            return str(ipaddress.IPv6Address(host[1:-1]))
    except ValueError:
        pass
    raise UnreadableError("has brackets around what is not an IPv6 address")


def _is_broken_ipv4(host: str) -> bool:
    """Whether it looks like an address of four numbers and is not one: no name ends in a number."""
    if not host.rstrip(".").rpartition(".")[2].isdigit():
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False


def _is_port(port: str) -> bool:
    return _PORT.fullmatch(port) is not None and 1 <= int(port) <= 65535
