"""Every variable: its default, values that it takes, values that it refuses and with which line."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.conf import (
    Address,
    ApiToken,
    Exporter,
    LogFormat,
    LogLevel,
    OtlpProtocol,
    ReplyRule,
    RuleOutcome,
    Sampler,
    SmtpMode,
    TlsMode,
    TokenScope,
    UnknownOutcome,
)
from deliveries.conf.readers import duration, spell
from deliveries.conf.variables import BY_FIELD, VARIABLES
from deliveries.states import Phase
from tests.conf.environment import KEY, VALID, lines_with, load_with

CHECKOUT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef"
TOKEN_2 = "fedcba9876543210"

RULE_FORM = "has an item 1 that is not of the form PHASE CODE [ENHANCED] [/PATTERN/] -> OUTCOME"
RULE_CODE = "has an item 1 that has a code that is neither 400 to 599 nor 4xx or 5xx"
REPEATED = "repeats an earlier item in item 2"


def of(**parts: int) -> timedelta:
    return timedelta(**parts)


DEFAULTS = {
    "redis_password": "",
    "redis_username": "",
    "redis_db": 0,
    "redis_tls": False,
    "redis_command_stream": "mail:delivery_commands",
    "redis_offset_key": "mail:stream_offsets:delivery_commands",
    "stream_block_timeout": of(seconds=2),
    "stream_batch_size": 500,
    "stream_retention": of(hours=24),
    "postgres_migration": None,
    "template_dir": CHECKOUT / "templates",
    "default_locale": "en",
    "smtp_addr": None,
    "smtp_from_email": None,
    "smtp_from_name": "",
    "smtp_username": "",
    "smtp_password": "",
    "smtp_tls": TlsMode.STARTTLS,
    "smtp_ca_file": None,
    "smtp_timeout": of(seconds=30),
    "smtp_final_reply_timeout": of(minutes=2),
    "unknown_outcome": UnknownOutcome.RETRY,
    "smtp_suppression_markers": ("suppress",),
    "smtp_reply_rules": (),
    "internal_http_addr": Address(host="127.0.0.1", port=8080),
    "internal_http_workers": 2,
    "internal_http_threads": 4,
    "allowed_hosts": ("localhost", "127.0.0.1", "[::1]"),
    "internal_api_tokens": (),
    "internal_http_trusted": False,
    "internal_http_max_body_bytes": 65536,
    "admin_enabled": False,
    "attempt_worker_concurrency": 16,
    "login_code_ttl": of(minutes=10),
    "worker_lease": of(seconds=15),
    "retry_ladder": (of(minutes=1), of(minutes=5), of(minutes=30)),
    "scheduler_poll_interval": of(milliseconds=250),
    "shutdown_timeout": of(seconds=10),
    "delivery_retention": of(days=30),
    "payload_retention": of(days=7),
    "malformed_command_retention": of(days=90),
    "idempotency_ttl": of(days=7),
    "prune_interval": of(hours=1),
    "max_payload_bytes": 5242880,
    "log_level": LogLevel.INFO,
    "log_format": LogFormat.JSON,
    "otel_sdk_disabled": False,
    "otel_service_name": "mail-service",
    "otel_traces_exporter": Exporter.NONE,
    "otel_metrics_exporter": Exporter.NONE,
    "otel_exporter_otlp_endpoint": "http://localhost:4318",
    "otel_exporter_otlp_traces_endpoint": None,
    "otel_exporter_otlp_metrics_endpoint": None,
    "otel_exporter_otlp_protocol": OtlpProtocol.HTTP_PROTOBUF,
    "otel_exporter_otlp_timeout": 10,
    "otel_metric_export_interval": 60_000,
    "otel_traces_sampler": Sampler.PARENTBASED_ALWAYS_ON,
    "otel_traces_sampler_arg": 1.0,
}

GOOD = [
    ("MAIL_SECRET_KEY", f"{KEY}, {KEY[::-1]}", (KEY.encode(), KEY[::-1].encode())),
    ("MAIL_REDIS_MASTER_ADDR", "10.0.0.1:1", Address(host="10.0.0.1", port=1)),
    ("MAIL_REDIS_MASTER_ADDR", "[::1]:65535", Address(host="::1", port=65535)),
    ("MAIL_REDIS_MASTER_ADDR", "redis_1.internal.:6379", Address("redis_1.internal.", 6379)),
    ("MAIL_REDIS_PASSWORD", "$HOME 'quoted' ", "$HOME 'quoted' "),
    ("MAIL_REDIS_USERNAME", "mail", "mail"),
    ("MAIL_REDIS_DB", "3", 3),
    ("MAIL_REDIS_TLS", "True", True),
    ("MAIL_REDIS_COMMAND_STREAM", "other", "other"),
    ("MAIL_REDIS_OFFSET_KEY", "other:{offset}", "other:{offset}"),
    ("MAIL_STREAM_BLOCK_TIMEOUT", "10ms", of(milliseconds=10)),
    ("MAIL_STREAM_BATCH_SIZE", "10000", 10000),
    ("MAIL_STREAM_RETENTION", "0", None),
    ("MAIL_STREAM_RETENTION", "90d", of(days=90)),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgres://m:p%40%2F%24@[::1]:5433/mail?sslmode=verify-full&options=-cwork_mem%3D8MB",
        {
            "user": "m",
            "password": "p@/$",
            "host": "::1",
            "port": "5433",
            "dbname": "mail",
            "sslmode": "verify-full",
            "options": "-cwork_mem=8MB",
        },
    ),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m@%2Fvar%2Frun/mail",
        {"user": "m", "host": "/var/run", "dbname": "mail"},
    ),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m@one:1,two/mail?target_session_attrs=read-write",
        {
            "user": "m",
            "host": "one,two",
            "port": "1,",
            "dbname": "mail",
            "target_session_attrs": "read-write",
        },
    ),
    (
        "MAIL_POSTGRES_MIGRATION_DSN",
        "postgresql://owner@db/mail",
        {"user": "owner", "host": "db", "dbname": "mail"},
    ),
    ("MAIL_TEMPLATE_DIR", str(CHECKOUT / "deliveries"), CHECKOUT / "deliveries"),
    ("MAIL_DEFAULT_LOCALE", "pt-BR", "pt-BR"),
    ("MAIL_SMTP_MODE", "stub", SmtpMode.STUB),
    ("MAIL_SMTP_ADDR", "localhost:25", Address(host="localhost", port=25)),
    ("MAIL_SMTP_FROM_EMAIL", "a+b@bücher.example", "a+b@xn--bcher-kva.example"),
    ("MAIL_SMTP_FROM_EMAIL", "Root@Corp.Local", "Root@corp.local"),
    ("MAIL_SMTP_FROM_NAME", "Jürgen, Größe & Co", "Jürgen, Größe & Co"),
    ("MAIL_SMTP_TLS", "TLS", TlsMode.TLS),
    ("MAIL_SMTP_TIMEOUT", "5m", of(minutes=5)),
    ("MAIL_SMTP_FINAL_REPLY_TIMEOUT", "10m", of(minutes=10)),
    ("MAIL_UNKNOWN_OUTCOME", "fail", UnknownOutcome.FAIL),
    ("MAIL_SMTP_SUPPRESSION_MARKERS", "Suppress, Block List", ("suppress", "block list")),
    (
        "MAIL_SMTP_REPLY_RULES",
        r"RCPT 550  5.7.1 /a;b \/ \d/ -> Retry ;final 5XX none -> suppress; * 421 * -> refuse",
        (
            ReplyRule(
                phases=(Phase.RCPT,),
                code="550",
                outcome=RuleOutcome.RETRY,
                enhanced="5.7.1",
                pattern=re.compile(r"a;b \/ \d", re.IGNORECASE),
            ),
            ReplyRule(
                phases=(Phase.FINAL,), code="5xx", outcome=RuleOutcome.SUPPRESS, enhanced="none"
            ),
            ReplyRule(
                phases=(Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY, Phase.FINAL),
                code="421",
                outcome=RuleOutcome.REFUSE,
            ),
        ),
    ),
    ("MAIL_INTERNAL_HTTP_ADDR", "[::1]:80", Address(host="::1", port=80)),
    ("MAIL_INTERNAL_HTTP_WORKERS", "1", 1),
    ("MAIL_INTERNAL_HTTP_THREADS", "1", 1),
    (
        "MAIL_ALLOWED_HOSTS",
        "Mail.Internal,.example.com,[0::1],10.0.0.1,*",
        ("mail.internal", ".example.com", "[::1]", "10.0.0.1", "*"),
    ),
    (
        "MAIL_INTERNAL_API_TOKENS",
        f"auth:submit={TOKEN}==,ops.1:operate={TOKEN_2}",
        (
            ApiToken(name="auth", scope=TokenScope.SUBMIT, token=f"{TOKEN}=="),
            ApiToken(name="ops.1", scope=TokenScope.OPERATE, token=TOKEN_2),
        ),
    ),
    ("MAIL_INTERNAL_HTTP_TRUSTED", "yes", True),
    ("MAIL_INTERNAL_HTTP_MAX_BODY_BYTES", "1024", 1024),
    ("MAIL_ADMIN_ENABLED", "1", True),
    ("MAIL_ATTEMPT_WORKER_CONCURRENCY", "2", 2),
    ("MAIL_LOGIN_CODE_TTL", "90s", of(seconds=90)),
    ("MAIL_WORKER_LEASE", "3s", of(seconds=3)),
    ("MAIL_RETRY_LADDER", "1m, 1m,2h", (of(minutes=1), of(minutes=1), of(hours=2))),
    ("MAIL_SCHEDULER_POLL_INTERVAL", "5s", of(seconds=5)),
    ("MAIL_SHUTDOWN_TIMEOUT", "3s", of(seconds=3)),
    ("MAIL_DELIVERY_RETENTION", "365d", of(days=365)),
    ("MAIL_PAYLOAD_RETENTION", "30d", of(days=30)),
    ("MAIL_MALFORMED_COMMAND_RETENTION", "1d", of(days=1)),
    ("MAIL_IDEMPOTENCY_TTL", "30d", of(days=30)),
    ("MAIL_PRUNE_INTERVAL", "1s", of(seconds=1)),
    ("MAIL_MAX_PAYLOAD_BYTES", "20971520", 20971520),
    ("MAIL_LOG_LEVEL", "debug", LogLevel.DEBUG),
    ("MAIL_LOG_FORMAT", "console", LogFormat.CONSOLE),
    ("OTEL_SDK_DISABLED", "TRUE", True),
    ("OTEL_SERVICE_NAME", "mail eu", "mail eu"),
    ("OTEL_TRACES_EXPORTER", "otlp", Exporter.OTLP),
    ("OTEL_METRICS_EXPORTER", "Console", Exporter.CONSOLE),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://[::1]:4318/x", "https://[::1]:4318/x"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x/v1/traces", "http://x/v1/traces"),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://x/v1/metrics", "http://x/v1/metrics"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", OtlpProtocol.HTTP_PROTOBUF),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "600", 600),
    ("OTEL_METRIC_EXPORT_INTERVAL", "100", 100),
    ("OTEL_TRACES_SAMPLER", "traceidratio", Sampler.RATIO),
    ("OTEL_TRACES_SAMPLER_ARG", "0.25", 0.25),
    ("OTEL_TRACES_SAMPLER_ARG", "0", 0.0),
    ("OTEL_TRACES_SAMPLER_ARG", "1", 1.0),
]

NO_UNIT = "has no unit: ms, s, m, h or d goes after the number"
NO_DURATION = "is not a duration: a whole number and ms, s, m, h or d"
NO_BOOLEAN = "is neither true nor false"
NO_PORT = "has a port that is not a number from 1 to 65535"
CONTROL = "holds a control character, or bytes that are not UTF-8"
NO_TOKEN = "has an item 1 that is not name:scope=token, in visible ASCII characters"
NO_HTTP_URL = "is not a URL that begins with http:// or https:// and a host"

BAD = [
    ("MAIL_SECRET_KEY", None, "is not set"),
    ("MAIL_SECRET_KEY", "", "is not set"),
    ("MAIL_SECRET_KEY", "x" * 31, "has an item 1 that is shorter than 32 characters"),
    ("MAIL_SECRET_KEY", f"{KEY},short", "has an item 2 that is shorter than 32 characters"),
    ("MAIL_SECRET_KEY", f"{KEY},", "has an empty item 2"),
    ("MAIL_SECRET_KEY", f"{KEY},{KEY}", "repeats an earlier item in item 2"),
    ("MAIL_SECRET_KEY", ",".join([KEY] * 11), "holds more than 10 items"),
    ("MAIL_REDIS_MASTER_ADDR", None, "is not set"),
    ("MAIL_REDIS_MASTER_ADDR", "redis.internal", "has no port"),
    ("MAIL_REDIS_MASTER_ADDR", ":6379", "has no host before its port"),
    ("MAIL_REDIS_MASTER_ADDR", "$HOME", "has no port"),
    ("MAIL_REDIS_MASTER_ADDR", "redis:0", NO_PORT),
    ("MAIL_REDIS_MASTER_ADDR", "redis:65536", NO_PORT),
    ("MAIL_REDIS_MASTER_ADDR", "redis:+1", NO_PORT),
    ("MAIL_REDIS_MASTER_ADDR", "redis:٣", NO_PORT),
    ("MAIL_REDIS_MASTER_ADDR", "redis:", NO_PORT),
    ("MAIL_REDIS_MASTER_ADDR", "::1:6379", "has an IPv6 address without brackets"),
    (
        "MAIL_REDIS_MASTER_ADDR",
        "[redis]:6379",
        "has brackets around what is not an IPv6 address",
    ),
    ("MAIL_REDIS_MASTER_ADDR", "[::1:6379", "has brackets around what is not an IPv6 address"),
    (
        "MAIL_REDIS_MASTER_ADDR",
        "redis://:pw@host:6379",
        "is a URL, where a host and a port belong",
    ),
    ("MAIL_REDIS_MASTER_ADDR", "re dis:1", "has a host that is neither a name nor an address"),
    ("MAIL_REDIS_MASTER_ADDR", "10.0.0.256:1", "has a host that is neither a name nor an address"),
    (
        "MAIL_REDIS_MASTER_ADDR",
        f"{'a' * 254}:1",
        "has a host that is neither a name nor an address",
    ),
    ("MAIL_REDIS_PASSWORD", "pass\r", CONTROL),
    ("MAIL_REDIS_PASSWORD", "\udcff", CONTROL),
    ("MAIL_REDIS_USERNAME", "a\nb", CONTROL),
    ("MAIL_REDIS_DB", "-1", "is not a whole number from 0 to 9999"),
    ("MAIL_REDIS_DB", "1.5", "is not a whole number from 0 to 9999"),
    ("MAIL_REDIS_DB", "1_0", "is not a whole number from 0 to 9999"),
    ("MAIL_REDIS_DB", "10000", "is not between 0 and 9999"),
    ("MAIL_REDIS_TLS", "on", NO_BOOLEAN),
    ("MAIL_REDIS_COMMAND_STREAM", "a b", "is not a key of 1 to 512 visible ASCII characters"),
    ("MAIL_REDIS_OFFSET_KEY", "ü", "is not a key of 1 to 512 visible ASCII characters"),
    ("MAIL_STREAM_BLOCK_TIMEOUT", "9ms", "is not between 10ms and 30s"),
    ("MAIL_STREAM_BATCH_SIZE", "0", "is not between 1 and 10000"),
    ("MAIL_STREAM_RETENTION", "1", NO_UNIT),
    ("MAIL_STREAM_RETENTION", "0s", "is not between 1s and 3650d"),
    ("MAIL_POSTGRES_PRIMARY_DSN", None, "is not set"),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "host=db dbname=mail",
        "is not a URL that begins with postgresql://",
    ),
    ("MAIL_POSTGRES_PRIMARY_DSN", "$OTHER", "is not a URL that begins with postgresql://"),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m:pw@db/mail?pasword=x",
        "is not a PostgreSQL URL that libpq can read",
    ),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m:%zz@db/mail",
        "is not a PostgreSQL URL that libpq can read",
    ),
    ("MAIL_POSTGRES_PRIMARY_DSN", "postgresql://db/mail", "names no role"),
    ("MAIL_POSTGRES_PRIMARY_DSN", "postgresql://m@db:5432", "names no database"),
    ("MAIL_POSTGRES_PRIMARY_DSN", "postgresql://m@db:65536/mail", NO_PORT),
    ("MAIL_POSTGRES_PRIMARY_DSN", "postgresql://m@db:x/mail", NO_PORT),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m@db/mail?sslmode=on",
        "sets sslmode to what is not one of allow, disable, prefer, require, verify-ca,"
        " verify-full",
    ),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m@db/mail?target_session_attrs=foo",
        "sets target_session_attrs to what is not one of any, prefer-standby, primary, read-only,"
        " read-write, standby",
    ),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m@db/mail?gssencmode=foo",
        "sets gssencmode to what is not one of disable, prefer, require",
    ),
    (
        "MAIL_POSTGRES_MIGRATION_DSN",
        "postgresql://m@db/mail?channel_binding=foo",
        "sets channel_binding to what is not one of disable, prefer, require",
    ),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m@db/mail?connect_timeout=5s",
        "sets connect_timeout to what is not a whole number",
    ),
    (
        "MAIL_POSTGRES_PRIMARY_DSN",
        "postgresql://m@db/mail?keepalives=x",
        "sets keepalives to what is not a whole number",
    ),
    ("MAIL_POSTGRES_MIGRATION_DSN", "db", "is not a URL that begins with postgresql://"),
    ("MAIL_TEMPLATE_DIR", "/nowhere/templates", "is not a folder that exists"),
    ("MAIL_TEMPLATE_DIR", str(CHECKOUT / "manage.py"), "is not a folder that exists"),
    ("MAIL_DEFAULT_LOCALE", "en_US", "is not a BCP 47 language tag"),
    ("MAIL_SMTP_MODE", None, "is not set"),
    ("MAIL_SMTP_MODE", "log", "is not one of smtp, stub"),
    ("MAIL_SMTP_ADDR", "smtp.example.com", "has no port"),
    (
        "MAIL_SMTP_FROM_EMAIL",
        "Example <a@example.com>",
        "is not an email address without a display name and with an ASCII local part",
    ),
    (
        "MAIL_SMTP_FROM_EMAIL",
        "ü@example.com",
        "is not an email address without a display name and with an ASCII local part",
    ),
    *(
        (
            "MAIL_SMTP_FROM_EMAIL",
            value,
            "is not an email address without a display name and with an ASCII local part",
        )
        for value in ("a", "@b.c", "a@", "a b@c.d", "a@b@c.d", "a@b.c.", "a@-b.c", "a@[10.0.0.1]")
    ),
    ("MAIL_SMTP_FROM_NAME", "a\x7f", CONTROL),
    ("MAIL_SMTP_USERNAME", "\x00", CONTROL),
    ("MAIL_SMTP_PASSWORD", "\x85", CONTROL),
    ("MAIL_SMTP_TLS", "ssl", "is not one of starttls, tls, none"),
    ("MAIL_SMTP_CA_FILE", "/nowhere/ca.pem", "is not a file that exists"),
    (
        "MAIL_SMTP_CA_FILE",
        str(CHECKOUT / "manage.py"),
        "is a file without a certificate in PEM form",
    ),
    ("MAIL_SMTP_TIMEOUT", "30", NO_UNIT),
    ("MAIL_SMTP_TIMEOUT", "1.5s", NO_DURATION),
    ("MAIL_SMTP_TIMEOUT", "1m30s", NO_DURATION),
    ("MAIL_SMTP_TIMEOUT", "30 s", NO_DURATION),
    ("MAIL_SMTP_TIMEOUT", "-1s", NO_DURATION),
    ("MAIL_SMTP_TIMEOUT", "1w", NO_DURATION),
    ("MAIL_SMTP_TIMEOUT", "0s", "is not between 100ms and 10m"),
    ("MAIL_SMTP_TIMEOUT", "999999999999d", "is too long a duration"),
    ("MAIL_SMTP_FINAL_REPLY_TIMEOUT", "31m", "is not between 1s and 30m"),
    ("MAIL_UNKNOWN_OUTCOME", "drop", "is not one of retry, fail"),
    ("MAIL_SMTP_SUPPRESSION_MARKERS", "a,,b", "has an empty item 2"),
    ("MAIL_SMTP_SUPPRESSION_MARKERS", "a,A", "repeats an earlier item in item 2"),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550", RULE_FORM),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550 ->", RULE_FORM),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550 /a -> retry", RULE_FORM),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550 5.7.1 5.7.1 -> retry", RULE_FORM),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550 -> retry;", "has an empty item 2"),
    ("MAIL_SMTP_REPLY_RULES", ";rcpt 550 -> retry", "has an empty item 1"),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550 -> retry; RCPT 550 * -> retry", REPEATED),
    (
        "MAIL_SMTP_REPLY_RULES",
        "rcpt 550 -> retry; auth 535 -> refuse",
        "has an item 2 that has a phase that is not one of mail, rcpt, data, body, final, *",
    ),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 250 -> refuse", RULE_CODE),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 55x -> refuse", RULE_CODE),
    (
        "MAIL_SMTP_REPLY_RULES",
        "rcpt 550 5.7 -> retry",
        "has an item 1 that has an enhanced code that is neither like 5.7.1 nor none nor *",
    ),
    (
        "MAIL_SMTP_REPLY_RULES",
        "rcpt 550 4.7.1 -> retry",
        "has an item 1 that has an enhanced code of another class than its code",
    ),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550 // -> retry", "has an item 1 that has an empty pattern"),
    (
        "MAIL_SMTP_REPLY_RULES",
        "rcpt 550 /(/ -> retry",
        "has an item 1 that has a pattern that is not a regular expression",
    ),
    (
        "MAIL_SMTP_REPLY_RULES",
        "rcpt 550 -> drop",
        "has an item 1 that has an outcome that is not one of retry, refuse, suppress",
    ),
    ("MAIL_SMTP_REPLY_RULES", "rcpt 550 -> retry;" * 100 + "x", "holds more than 100 items"),
    ("MAIL_INTERNAL_HTTP_ADDR", ":8080", "has no host before its port"),
    ("MAIL_INTERNAL_HTTP_WORKERS", "0", "is not between 1 and 64"),
    ("MAIL_INTERNAL_HTTP_THREADS", "257", "is not between 1 and 256"),
    (
        "MAIL_ALLOWED_HOSTS",
        "mail.internal:8080",
        "has an item 1 that is not a host name or an address, without a port",
    ),
    (
        "MAIL_ALLOWED_HOSTS",
        "a,[::1]:80",
        "has an item 2 that has brackets around what is not an IPv6 address",
    ),
    ("MAIL_INTERNAL_API_TOKENS", TOKEN, NO_TOKEN),
    ("MAIL_INTERNAL_API_TOKENS", f"auth={TOKEN}", NO_TOKEN),
    ("MAIL_INTERNAL_API_TOKENS", f"au th:submit={TOKEN}", NO_TOKEN),
    ("MAIL_INTERNAL_API_TOKENS", f"auth:submit={TOKEN} x", NO_TOKEN),
    (
        "MAIL_INTERNAL_API_TOKENS",
        f"auth:admin={TOKEN}",
        "has an item 1 that has a scope that is not one of submit, operate",
    ),
    (
        "MAIL_INTERNAL_API_TOKENS",
        "auth:submit=short",
        "has an item 1 that has a token shorter than 16 characters",
    ),
    (
        "MAIL_INTERNAL_API_TOKENS",
        f"a:submit={TOKEN},a:operate={TOKEN_2}",
        "has a name twice: logs could not tell the two apart",
    ),
    (
        "MAIL_INTERNAL_API_TOKENS",
        f"a:submit={TOKEN},b:operate={TOKEN}",
        "has a token twice, under two names",
    ),
    ("MAIL_INTERNAL_HTTP_TRUSTED", "maybe", NO_BOOLEAN),
    ("MAIL_INTERNAL_HTTP_MAX_BODY_BYTES", "1023", "is not between 1024 and 16777216"),
    ("MAIL_ADMIN_ENABLED", "2", NO_BOOLEAN),
    ("MAIL_ATTEMPT_WORKER_CONCURRENCY", "1", "is not between 2 and 256"),
    ("MAIL_LOGIN_CODE_TTL", "0s", "is not between 1s and 30d"),
    ("MAIL_WORKER_LEASE", "2999ms", "is not between 3s and 10m"),
    ("MAIL_RETRY_LADDER", "1m,x", f"has an item 2 that {NO_DURATION}"),
    ("MAIL_RETRY_LADDER", "0s", "has an item 1 that is not between 1ms and 30d"),
    ("MAIL_RETRY_LADDER", ",", "has an empty item 1"),
    ("MAIL_RETRY_LADDER", ",".join(["1m"] * 21), "holds more than 20 items"),
    ("MAIL_SCHEDULER_POLL_INTERVAL", "9ms", "is not between 10ms and 1m"),
    ("MAIL_SHUTDOWN_TIMEOUT", "2s", "is not between 3s and 10m"),
    ("MAIL_DELIVERY_RETENTION", "0", NO_UNIT),
    ("MAIL_PAYLOAD_RETENTION", "forever", NO_DURATION),
    ("MAIL_MALFORMED_COMMAND_RETENTION", "3651d", "is not between 1s and 3650d"),
    ("MAIL_IDEMPOTENCY_TTL", "1y", NO_DURATION),
    ("MAIL_PRUNE_INTERVAL", "25h", "is not between 1s and 1d"),
    ("MAIL_MAX_PAYLOAD_BYTES", "5MB", "is not a whole number from 1024 to 20971520"),
    ("MAIL_LOG_LEVEL", "trace", "is not one of debug, info, warning, error"),
    ("MAIL_LOG_FORMAT", "logfmt", "is not one of json, console"),
    ("OTEL_SDK_DISABLED", "on", "is neither true nor false"),
    ("OTEL_SERVICE_NAME", "a\x07b", CONTROL),
    ("OTEL_TRACES_EXPORTER", "zipkin", "is not one of otlp, console, none"),
    ("OTEL_METRICS_EXPORTER", "otlp,console", "is not one of otlp, console, none"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", NO_HTTP_URL),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", NO_HTTP_URL),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1", "is not a URL that can be read"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:99999", "is not a URL that can be read"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://x:0",
        "has a port that is not a number from 1 to 65535",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://user:hush@x:4318",
        "holds credentials, which belong in OTEL_EXPORTER_OTLP_HEADERS",
    ),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces", NO_HTTP_URL),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "grpc://x:4317", NO_HTTP_URL),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "is not one of http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "is not a whole number from 1 to 600"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "50", "is not between 100 and 3600000"),
    (
        "OTEL_TRACES_SAMPLER",
        "xray",
        "is not one of always_on, always_off, traceidratio, parentbased_always_on,"
        " parentbased_always_off, parentbased_traceidratio",
    ),
    ("OTEL_TRACES_SAMPLER_ARG", "1.5", "is not a number from 0 to 1"),
    ("OTEL_TRACES_SAMPLER_ARG", "nan", "is not a number from 0 to 1"),
]

NAMES = {variable.name for variable in VARIABLES}
FIELDS = {variable.name: variable.field for variable in VARIABLES}
EXAMPLES = {variable.name: variable.example for variable in VARIABLES}
# an account is both or neither
COMPANIONS = {
    "MAIL_SMTP_USERNAME": "MAIL_SMTP_PASSWORD",
    "MAIL_SMTP_PASSWORD": "MAIL_SMTP_USERNAME",
}


def test_every_variable_is_in_the_tables():
    required = {variable.field for variable in VARIABLES if variable.required}
    assert DEFAULTS.keys() | required == BY_FIELD.keys()
    assert {name for name, *_ in GOOD} | COMPANIONS.keys() | {"MAIL_SMTP_CA_FILE"} == NAMES
    assert {name for name, *_ in BAD} == NAMES


@pytest.mark.parametrize("field", DEFAULTS)
def test_default(field):
    config = load_with(
        {"MAIL_SMTP_MODE": "stub", "MAIL_SMTP_ADDR": None, "MAIL_SMTP_FROM_EMAIL": None}
    )
    assert getattr(config, field) == DEFAULTS[field]


@pytest.mark.parametrize("field", DEFAULTS)
def test_an_empty_variable_counts_as_not_set(field):
    variable = BY_FIELD[field]
    stub = {"MAIL_SMTP_MODE": "stub", variable.name: ""}
    assert getattr(load_with(stub), field) == DEFAULTS[field]


@pytest.mark.parametrize(("name", "value", "expected"), GOOD)
def test_value_that_is_taken(name, value, expected):
    assert getattr(load_with({name: value}), FIELDS[name]) == expected


def test_an_account_is_taken():
    config = load_with({"MAIL_SMTP_USERNAME": "us er", "MAIL_SMTP_PASSWORD": "$pass,word"})
    assert (config.smtp_username, config.smtp_password) == ("us er", "$pass,word")


def test_a_file_of_certificates_is_taken(tmp_path, certificate_pem):
    path = tmp_path / "ca.pem"
    path.write_text(certificate_pem)
    assert load_with({"MAIL_SMTP_CA_FILE": str(path)}).smtp_ca_file == path


def test_a_relative_path_is_kept_whole(monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    assert load_with({"MAIL_TEMPLATE_DIR": "deliveries"}).template_dir == CHECKOUT / "deliveries"


@pytest.mark.parametrize(("name", "value", "wrong"), BAD)
def test_value_that_is_refused(name, value, wrong):
    line = f"{name} {wrong}. Example: {name}={EXAMPLES[name]}"
    assert line in lines_with({name: value})


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_the_example_is_right_unless_it_would_be_a_shared_secret(variable, tmp_path):
    if variable.name in {"MAIL_SECRET_KEY", "MAIL_INTERNAL_API_TOKENS"}:
        assert lines_with({variable.name: variable.example})
        return
    if variable.name in {"MAIL_TEMPLATE_DIR", "MAIL_SMTP_CA_FILE"}:
        assert Path(variable.example).is_absolute()  # whether it exists is this machine's affair
        return
    companion = COMPANIONS.get(variable.name)
    changes = {variable.name: variable.example, **({companion: "x"} if companion else {})}
    assert lines_with(changes) == []


def test_the_default_of_allowed_hosts_names_the_address():
    config = load_with(
        {"MAIL_INTERNAL_HTTP_ADDR": "Mail.Internal:80", "MAIL_INTERNAL_HTTP_TRUSTED": "true"}
    )
    assert config.allowed_hosts == ("localhost", "127.0.0.1", "[::1]", "mail.internal")


@given(st.timedeltas(min_value=of(milliseconds=1), max_value=of(days=3650)))
def test_a_duration_is_read_as_it_is_spelled(value):
    whole = of(milliseconds=value // of(milliseconds=1))
    read = duration(minimum=of(milliseconds=1), maximum=of(days=3650))
    assert read(spell(whole)) == whole


@pytest.mark.parametrize(
    ("host", "loopback", "wildcard"),
    [
        ("localhost", True, False),
        ("LOCALHOST", True, False),
        ("127.9.9.9", True, False),
        ("::1", True, False),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("10.0.0.1", False, False),
        ("localhost.example.com", False, False),
    ],
)
def test_where_an_address_is(host, loopback, wildcard):
    address = Address(host=host, port=1)
    assert (address.is_loopback, address.is_wildcard) == (loopback, wildcard)


def test_an_ipv6_address_is_written_in_brackets():
    assert str(Address(host="::1", port=25)) == "[::1]:25"


def test_the_valid_environment_is_valid():
    assert lines_with(VALID) == []


def test_a_disabled_sdk_exports_nothing():
    config = load_with({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"})
    assert (config.traces_exporter, config.metrics_exporter) == (Exporter.NONE, Exporter.NONE)
