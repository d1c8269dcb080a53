"""The configuration once it is read: one field per variable."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from deliveries.conf.options import (
    Address,
    ApiToken,
    Exporter,
    LogFormat,
    LogLevel,
    OtlpProtocol,
    Sampler,
    SmtpMode,
    TlsMode,
    UnknownOutcome,
)
from deliveries.conf.reply_rules import ReplyRule
from deliveries.payload import Mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every value is valid, and none contradicts another.

    A field is named after its variable, without `MAIL_`. Connections to PostgreSQL are libpq
    keywords and their values. What `repr` leaves out is secret.
    """

    secret_keys: tuple[bytes, ...] = field(repr=False)  # the first is current

    redis_master_addr: Address
    redis_password: str = field(repr=False)
    redis_username: str
    redis_db: int
    redis_tls: bool
    redis_command_stream: str
    redis_offset_key: str
    stream_block_timeout: timedelta
    stream_batch_size: int
    stream_retention: timedelta | None  # None: finished entries are never trimmed

    postgres_primary: dict[str, str] = field(repr=False)
    postgres_migration: dict[str, str] | None = field(repr=False)

    template_dir: Path
    default_locale: str

    smtp_mode: SmtpMode
    smtp_addr: Address | None  # never None in smtp mode, nor is smtp_from_email
    smtp_from_email: str | None
    smtp_from_name: str
    smtp_username: str
    smtp_password: str = field(repr=False)
    smtp_tls: TlsMode
    smtp_ca_file: Path | None
    smtp_timeout: timedelta
    smtp_final_reply_timeout: timedelta
    unknown_outcome: UnknownOutcome
    smtp_suppression_markers: tuple[str, ...]  # lower case
    smtp_reply_rules: tuple[ReplyRule, ...]  # the first that fits decides

    internal_http_addr: Address
    internal_http_workers: int
    internal_http_threads: int
    allowed_hosts: tuple[str, ...]
    internal_api_tokens: tuple[ApiToken, ...]
    internal_http_trusted: bool
    internal_http_max_body_bytes: int
    admin_enabled: bool

    attempt_worker_concurrency: int
    login_code_ttl: timedelta
    worker_lease: timedelta
    retry_ladder: tuple[timedelta, ...]
    scheduler_poll_interval: timedelta
    shutdown_timeout: timedelta

    delivery_retention: timedelta
    payload_retention: timedelta
    malformed_command_retention: timedelta
    idempotency_ttl: timedelta
    prune_interval: timedelta
    max_payload_bytes: int

    log_level: LogLevel
    log_format: LogFormat

    # OpenTelemetry's own variables, kept under their names; its SDK reads them too
    otel_sdk_disabled: bool
    otel_service_name: str
    otel_traces_exporter: Exporter
    otel_metrics_exporter: Exporter
    otel_exporter_otlp_endpoint: str
    otel_exporter_otlp_traces_endpoint: str | None  # None: below the one before
    otel_exporter_otlp_metrics_endpoint: str | None
    otel_exporter_otlp_protocol: OtlpProtocol
    otel_exporter_otlp_timeout: int  # seconds
    otel_metric_export_interval: int  # milliseconds
    otel_traces_sampler: Sampler
    otel_traces_sampler_arg: float

    @property
    def sender(self) -> Mailbox:
        """Whom mails come from. The stub needs nobody to be configured."""
        return Mailbox(self.smtp_from_email or "nobody@localhost", self.smtp_from_name)

    @property
    def traces_exporter(self) -> Exporter:
        return Exporter.NONE if self.otel_sdk_disabled else self.otel_traces_exporter

    @property
    def metrics_exporter(self) -> Exporter:
        return Exporter.NONE if self.otel_sdk_disabled else self.otel_metrics_exporter
