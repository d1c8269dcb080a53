"""The closed sets and the compound values that variables take."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum, unique

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@unique
class SmtpMode(StrEnum):
    SMTP = "smtp"
    STUB = "stub"


@unique
class TlsMode(StrEnum):
    """How the link to the relay is protected; `NONE` is for a relay on this host."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@unique
class UnknownOutcome(StrEnum):
    """What follows an attempt of which nobody knows whether the relay took the message."""

    RETRY = "retry"
    FAIL = "fail"


@unique
class TokenScope(StrEnum):
    SUBMIT = "submit"
    OPERATE = "operate"


@unique
class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@unique
class LogFormat(StrEnum):
    JSON = "json"
    CONSOLE = "console"


@unique
class Exporter(StrEnum):
    """Where one kind of telemetry goes; `CONSOLE` is stdout."""

    OTLP = "otlp"
    CONSOLE = "console"
    NONE = "none"


@unique
class OtlpProtocol(StrEnum):
    """The one that this service's exporter speaks."""

    HTTP_PROTOBUF = "http/protobuf"


@unique
class Sampler(StrEnum):
    """Which traces are exported; a `parentbased` one does as the caller did."""

    ALWAYS_ON = "always_on"
    ALWAYS_OFF = "always_off"
    RATIO = "traceidratio"
    PARENTBASED_ALWAYS_ON = "parentbased_always_on"
    PARENTBASED_ALWAYS_OFF = "parentbased_always_off"
    PARENTBASED_RATIO = "parentbased_traceidratio"


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address. `host` is a name or an IP address, an IPv6 one without its brackets."""

    host: str
    port: int

    @property
    def url_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_loopback(self) -> bool:
        """Whether it is this host for certain. A name other than `localhost` never is."""
        if self.host.lower() == "localhost":
            return True
        ip = _ip(self.host)
        return ip is not None and ip.is_loopback

    @property
    def is_wildcard(self) -> bool:
        """Whether a listener there listens on every interface."""
        ip = _ip(self.host)
        return ip is not None and ip.is_unspecified

    @property
    def own_names(self) -> tuple[str, ...]:
        """What callers on this host put into the Host header of requests to a listener there."""
        return tuple(dict.fromkeys((*_LOOPBACK_NAMES, self.url_host.lower())))

    def __str__(self) -> str:
        return f"{self.url_host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A bearer token of the internal API. Logs carry `name`."""

    name: str
    scope: TokenScope
    token: str = field(repr=False)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
