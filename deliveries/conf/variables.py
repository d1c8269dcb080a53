"""Every variable: how it is read, its value when nobody sets it, and an example of a right one."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from deliveries.conf import credentials, places, readers
from deliveries.conf.options import (
    Exporter,
    LogFormat,
    LogLevel,
    OtlpProtocol,
    Sampler,
    SmtpMode,
    TlsMode,
    UnknownOutcome,
)
from deliveries.conf.problems import Problem
from deliveries.conf.readers import Reader
from deliveries.conf.reply_rules import reply_rules

PREFIX = "MAIL_"
_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of the environment. An empty one counts as not set.

    `default` is written as in the environment, and read by the same reader; a variable that has
    none and is not required is `absent` when it is not set. `field` is its place in `Config`.
    """

    name: str
    read: Reader[object]
    example: str
    default: str | None = None
    absent: object = None
    required: bool = False
    field: str = ""

    def __post_init__(self) -> None:
        if not self.field:
            object.__setattr__(self, "field", self.name.removeprefix(PREFIX).lower())

    def problem(self, wrong: str) -> Problem:
        return Problem(variable=self.name, wrong=wrong, example=self.example)


def _required(name: str, read: Reader[object], *, example: str, field: str = "") -> Variable:
    return Variable(name=name, read=read, example=example, required=True, field=field)


def _optional(
    name: str, read: Reader[object], *, example: str, absent: object = None, field: str = ""
) -> Variable:
    return Variable(name=name, read=read, example=example, absent=absent, field=field)


def _defaulted(
    name: str, read: Reader[object], default: str, *, example: str | None = None
) -> Variable:
    return Variable(name=name, read=read, default=default, example=example or default)


def _between(minimum: timedelta, maximum: timedelta) -> Reader[timedelta]:
    return readers.duration(minimum=minimum, maximum=maximum)


def _whole(minimum: int, maximum: int) -> Reader[int]:
    return readers.whole(minimum=minimum, maximum=maximum)


_KEPT = _between(_SECOND, 3650 * _DAY)
_POSTGRES_EXAMPLE = "postgresql://mailservice:PASSWORD@db.internal:5432/mail"

VARIABLES: tuple[Variable, ...] = (
    _required(
        "MAIL_SECRET_KEY",
        readers.items(credentials.secret_key, maximum=10),
        # for a shell; no key that somebody could copy
        example="$(openssl rand -hex 32)",
        field="secret_keys",
    ),
    # Redis and the stream
    _required("MAIL_REDIS_MASTER_ADDR", places.address, example="redis.internal:6379"),
    _optional("MAIL_REDIS_PASSWORD", readers.text, example="PASSWORD", absent=""),
    _optional("MAIL_REDIS_USERNAME", readers.text, example="mailservice", absent=""),
    _defaulted("MAIL_REDIS_DB", _whole(0, 9999), "0"),
    _defaulted("MAIL_REDIS_TLS", readers.boolean, "false"),
    _defaulted("MAIL_REDIS_COMMAND_STREAM", readers.redis_key, "mail:delivery_commands"),
    _defaulted("MAIL_REDIS_OFFSET_KEY", readers.redis_key, "mail:stream_offsets:delivery_commands"),
    _defaulted("MAIL_STREAM_BLOCK_TIMEOUT", _between(10 * _MILLISECOND, 30 * _SECOND), "2s"),
    _defaulted("MAIL_STREAM_BATCH_SIZE", _whole(1, 10_000), "500"),
    _defaulted(
        "MAIL_STREAM_RETENTION",
        readers.duration_or_never(minimum=_SECOND, maximum=3650 * _DAY),
        "24h",
    ),
    # PostgreSQL
    _required(
        "MAIL_POSTGRES_PRIMARY_DSN",
        places.postgres_url,
        example=_POSTGRES_EXAMPLE,
        field="postgres_primary",
    ),
    _optional(
        "MAIL_POSTGRES_MIGRATION_DSN",
        places.postgres_url,
        example=_POSTGRES_EXAMPLE.replace("mailservice", "mailowner"),
        field="postgres_migration",
    ),
    # templates
    _defaulted("MAIL_TEMPLATE_DIR", places.folder, str(_TEMPLATES), example="/srv/mail/templates"),
    _defaulted("MAIL_DEFAULT_LOCALE", readers.locale, "en"),
    # the relay
    _required("MAIL_SMTP_MODE", readers.choice(SmtpMode), example="smtp"),
    _optional("MAIL_SMTP_ADDR", places.address, example="smtp.example.com:587"),
    _optional("MAIL_SMTP_FROM_EMAIL", places.email_address, example="no-reply@example.com"),
    _optional("MAIL_SMTP_FROM_NAME", readers.text, example="Example", absent=""),
    _optional("MAIL_SMTP_USERNAME", readers.text, example="mailservice", absent=""),
    _optional("MAIL_SMTP_PASSWORD", readers.text, example="PASSWORD", absent=""),
    _defaulted("MAIL_SMTP_TLS", readers.choice(TlsMode), "starttls"),
    _optional(
        "MAIL_SMTP_CA_FILE", places.certificates, example="/etc/ssl/certs/ca-certificates.crt"
    ),
    _defaulted("MAIL_SMTP_TIMEOUT", _between(100 * _MILLISECOND, 10 * _MINUTE), "30s"),
    _defaulted("MAIL_SMTP_FINAL_REPLY_TIMEOUT", _between(_SECOND, 30 * _MINUTE), "2m"),
    _defaulted("MAIL_UNKNOWN_OUTCOME", readers.choice(UnknownOutcome), "retry"),
    _defaulted(
        "MAIL_SMTP_SUPPRESSION_MARKERS", readers.items(readers.marker, maximum=100), "suppress"
    ),
    _optional(
        "MAIL_SMTP_REPLY_RULES",
        reply_rules,
        example="rcpt 550 5.7.1 /try again later/ -> retry",
        absent=(),
    ),
    # the internal HTTP API
    _defaulted("MAIL_INTERNAL_HTTP_ADDR", places.address, "127.0.0.1:8080"),
    _defaulted("MAIL_INTERNAL_HTTP_WORKERS", _whole(1, 64), "2"),
    _defaulted("MAIL_INTERNAL_HTTP_THREADS", _whole(1, 256), "4"),
    _optional(
        "MAIL_ALLOWED_HOSTS",
        readers.items(places.allowed_host, maximum=100),
        example="mail.internal,127.0.0.1",
    ),
    _optional(
        "MAIL_INTERNAL_API_TOKENS",
        credentials.api_tokens,
        example="auth:submit=$(openssl rand -hex 24)",
        absent=(),
    ),
    _defaulted("MAIL_INTERNAL_HTTP_TRUSTED", readers.boolean, "false"),
    _defaulted("MAIL_INTERNAL_HTTP_MAX_BODY_BYTES", _whole(1024, 16 * 1024 * 1024), "65536"),
    _defaulted("MAIL_ADMIN_ENABLED", readers.boolean, "false"),
    # the workers
    _defaulted("MAIL_ATTEMPT_WORKER_CONCURRENCY", _whole(2, 256), "16"),
    _defaulted("MAIL_LOGIN_CODE_TTL", _between(_SECOND, 30 * _DAY), "10m"),
    _defaulted("MAIL_WORKER_LEASE", _between(3 * _SECOND, 10 * _MINUTE), "15s"),
    _defaulted(
        "MAIL_RETRY_LADDER",
        readers.items(_between(_MILLISECOND, 30 * _DAY), maximum=20, may_repeat=True),
        "1m,5m,30m",
    ),
    _defaulted("MAIL_SCHEDULER_POLL_INTERVAL", _between(10 * _MILLISECOND, _MINUTE), "250ms"),
    # sends are aborted 2 s before the deadline, so there must be a time before that
    _defaulted("MAIL_SHUTDOWN_TIMEOUT", _between(3 * _SECOND, 10 * _MINUTE), "10s"),
    # retention
    _defaulted("MAIL_DELIVERY_RETENTION", _KEPT, "30d"),
    _defaulted("MAIL_PAYLOAD_RETENTION", _KEPT, "7d"),
    _defaulted("MAIL_MALFORMED_COMMAND_RETENTION", _KEPT, "90d"),
    _defaulted("MAIL_IDEMPOTENCY_TTL", _KEPT, "7d"),
    _defaulted("MAIL_PRUNE_INTERVAL", _between(_SECOND, _DAY), "1h"),
    # the consumer's memory is bounded, whatever lies on the stream
    _defaulted("MAIL_MAX_PAYLOAD_BYTES", _whole(1024, 20 * 1024 * 1024), "5242880"),
    # logs
    _defaulted("MAIL_LOG_LEVEL", readers.choice(LogLevel), "info"),
    _defaulted("MAIL_LOG_FORMAT", readers.choice(LogFormat), "json"),
    # OpenTelemetry
    _defaulted("OTEL_SDK_DISABLED", readers.boolean, "false"),
    _defaulted("OTEL_SERVICE_NAME", readers.text, "mail-service"),
    _defaulted("OTEL_TRACES_EXPORTER", readers.choice(Exporter), "none"),
    _defaulted("OTEL_METRICS_EXPORTER", readers.choice(Exporter), "none"),
    _defaulted("OTEL_EXPORTER_OTLP_ENDPOINT", places.http_url, "http://localhost:4318"),
    _optional(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        places.http_url,
        example="http://collector.internal:4318/v1/traces",
    ),
    _optional(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        places.http_url,
        example="http://collector.internal:4318/v1/metrics",
    ),
    _defaulted("OTEL_EXPORTER_OTLP_PROTOCOL", readers.choice(OtlpProtocol), "http/protobuf"),
    _defaulted("OTEL_EXPORTER_OTLP_TIMEOUT", _whole(1, 600), "10"),
    _defaulted("OTEL_METRIC_EXPORT_INTERVAL", _whole(100, 3_600_000), "60000"),
    _defaulted("OTEL_TRACES_SAMPLER", readers.choice(Sampler), "parentbased_always_on"),
    _defaulted("OTEL_TRACES_SAMPLER_ARG", readers.ratio, "1.0"),
)

BY_FIELD: dict[str, Variable] = {variable.field: variable for variable in VARIABLES}
