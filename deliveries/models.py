"""Schema `mail`: what the service keeps, as Django models.

The long-lived processes write through the statements in `transitions/` and `intake/`; these models
own the tables, the constraints and the indexes, and serve tools and tests. Every index beyond a key
names its reader: an index without one is only write-ahead log.

Each delivery is known outside by its `delivery_id`, a text of the producer's choice, and inside by
a bigint, to which the other tables refer through the column `delivery_pk`: narrow, and always at
the right edge of its indexes.
"""

from collections.abc import Iterable
from enum import StrEnum

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Now

from deliveries.states import (
    FINISHED_ATTEMPT,
    TERMINAL,
    WAITING,
    AttemptStatus,
    DeliveryStatus,
    FailureCode,
    PayloadMode,
    Phase,
    ProcessType,
    Source,
)


def _values(members: Iterable[StrEnum]) -> list[str]:
    """Plain strings, so that a migration needs none of today's code."""
    return sorted(member.value for member in members)


def _hash(text: Combinable) -> Func:
    """Eight bytes instead of a text of any length. Statements that read it repeat it exactly."""
    return Func(text, Value(0), function="hashtextextended", output_field=models.BigIntegerField())


_FIRST_TO = KeyTextTransform("email", KeyTransform(0, KeyTransform("to", "mailboxes")))


def _known(table: str, column: str, values: Iterable[StrEnum]) -> models.CheckConstraint:
    """A CHECK that holds a text column to a closed set."""
    return models.CheckConstraint(
        condition=Q(**{f"{column}__in": _values(values)}), name=f"{table}_{column}_known"
    )


def _same(name: str, left: Q, right: Q) -> models.CheckConstraint:
    """A CHECK that two conditions, neither of them ever NULL, hold together or not at all."""
    return models.CheckConstraint(condition=(left & right) | (~left & ~right), name=name)


class Delivery(models.Model):
    """The durable record of one accepted command: its state, and what the hot path reads.

    `recipients_left` is NULL until a transaction leaves someone over: every recipient is still to
    be tried. `recipients_refused` is a list of {"address", "smtp_code", "summary", "suppressed"}.
    `parent_delivery_id` is of the delivery that this one sends again; it may be pruned meanwhile.
    """

    id = models.BigAutoField(primary_key=True)
    delivery_id = models.TextField()
    source = models.TextField()
    payload_mode = models.TextField()
    status = models.TextField()
    idempotency_key = models.TextField()
    fingerprint = models.BinaryField()
    message_id = models.TextField()

    attempt_count = models.SmallIntegerField(db_default=0)
    next_attempt_at = models.DateTimeField(null=True)
    send_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    last_failure_code = models.TextField(null=True)
    last_provider_summary = models.TextField(null=True)
    recipients_accepted = models.SmallIntegerField(db_default=0)
    recipients_left = models.JSONField(null=True)
    recipients_refused = models.JSONField(null=True)

    template_id = models.TextField(null=True)
    locale = models.TextField(null=True)
    locale_used = models.TextField(null=True)
    catalog_digest = models.TextField(null=True)

    request_id = models.TextField(null=True)
    traceparent = models.TextField(null=True)
    tracestate = models.TextField(null=True)
    parent_delivery_id = models.TextField(null=True)

    requested_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    rendered_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["delivery_id"], name="deliveries_delivery_id"),
            _known("deliveries", "source", Source),
            _known("deliveries", "payload_mode", PayloadMode),
            _known("deliveries", "status", DeliveryStatus),
            models.CheckConstraint(
                condition=Q(last_failure_code__isnull=True)
                | Q(last_failure_code__in=_values(FailureCode)),
                name="deliveries_last_failure_code_known",
            ),
            # who waits has a time, and nobody else has
            _same(
                "deliveries_waiting_has_next_attempt_at",
                Q(status__in=_values(WAITING)),
                Q(next_attempt_at__isnull=False),
            ),
            _same(
                "deliveries_terminal_has_finished_at",
                Q(status__in=_values(TERMINAL)),
                Q(finished_at__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(attempt_count__gte=0), name="deliveries_attempt_count_not_negative"
            ),
        ]
        indexes = [
            # read by transitions.handout, a lane at a time
            models.Index(
                "source",
                "next_attempt_at",
                name="deliveries_next_attempt_at",
                condition=Q(status__in=["queued", "rendered"]),
            ),
            # read by transitions.expiry, in every state that is not terminal
            models.Index(
                "expires_at",
                name="deliveries_expires_at",
                condition=Q(status__in=["queued", "rendered", "sending"], expires_at__isnull=False),
            ),
            # read by listing.statements, one status at a time. `sending` is few and `sent` is
            # listed by time, so a mail that goes well enters this index once. Keyed by `-id`: with
            # `id` the planner may walk the primary key instead.
            models.Index(
                "status",
                F("id") * -1,
                name="deliveries_status",
                condition=Q(
                    status__in=["queued", "rendered", "suppressed", "failed", "dead_letter"]
                ),
            ),
            # read by listing.statements; a hash, because every new version of a row comes in here
            # again, and a key is long
            models.Index(_hash(F("idempotency_key")), name="deliveries_idempotency_key"),
            # read by transitions.resend
            models.Index(
                "parent_delivery_id",
                name="deliveries_parent",
                condition=Q(parent_delivery_id__isnull=False),
            ),
        ]


class DeliveryPayload(models.Model):
    """What is sent, apart from the hot row: one write, and one read per attempt.

    `mailboxes` is {"to", "cc", "bcc", "reply_to"}, each a list of {"email", "name"}. A login code's
    subject, bodies and variables become NULL when its delivery ends.
    """

    delivery = models.OneToOneField(
        Delivery, on_delete=models.PROTECT, primary_key=True, db_column="delivery_pk"
    )
    mailboxes = models.JSONField()
    headers = models.JSONField(null=True)
    subject = models.TextField(null=True)
    text_body = models.TextField(null=True)
    html_body = models.TextField(null=True)
    variables = models.JSONField(null=True)
    attachment_count = models.SmallIntegerField(db_default=0)
    content_bytes = models.IntegerField()

    class Meta:
        db_table = "delivery_payloads"
        indexes = [
            # both read by listing.statements: the first recipient of a mail, newest mail first,
            models.Index(_hash(_FIRST_TO), F("delivery") * -1, name="delivery_payloads_first_to"),
            # and the others, of mail that has several
            GinIndex(
                fields=["mailboxes"],
                opclasses=["jsonb_path_ops"],
                name="delivery_payloads_others",
                condition=Q(mailboxes__to__1__isnull=False)
                | Q(mailboxes__has_any_keys=["cc", "bcc"]),
            ),
        ]


class Attachment(models.Model):
    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, db_column="delivery_pk", db_index=False
    )
    position = models.SmallIntegerField()
    filename = models.TextField()
    content_type = models.TextField()
    content = models.BinaryField()

    class Meta:
        db_table = "attachments"
        constraints = [
            # also the index of the foreign key
            models.UniqueConstraint(fields=["delivery", "position"], name="attachments_position"),
        ]


class Attempt(models.Model):
    """One try to hand a delivery to the relay.

    `lane` is the place of the delivery's source in `Source`: workers take the lowest first.
    `worker_id` is not a foreign key: the record outlives the `workers` row, pruned in a day.
    """

    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, db_column="delivery_pk", db_index=False
    )
    attempt_no = models.SmallIntegerField()
    lane = models.SmallIntegerField()
    status = models.TextField()
    worker_id = models.BigIntegerField(null=True)
    scheduled_for = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    phase = models.TextField(null=True)
    outcome_unknown = models.BooleanField(db_default=False)
    failure_code = models.TextField(null=True)
    smtp_code = models.SmallIntegerField(null=True)
    enhanced_code = models.TextField(null=True)
    provider_summary = models.TextField(null=True)
    recipients = models.JSONField(null=True)

    class Meta:
        db_table = "attempts"
        constraints = [
            # also the index of the foreign key
            models.UniqueConstraint(fields=["delivery", "attempt_no"], name="attempts_attempt_no"),
            _known("attempts", "status", AttemptStatus),
            models.CheckConstraint(
                condition=Q(phase__isnull=True) | Q(phase__in=_values(Phase)),
                name="attempts_phase_known",
            ),
            models.CheckConstraint(
                condition=Q(failure_code__isnull=True) | Q(failure_code__in=_values(FailureCode)),
                name="attempts_failure_code_known",
            ),
            # a worker has it from the moment it is in progress
            _same(
                "attempts_begun_has_worker",
                ~Q(status=AttemptStatus.SCHEDULED.value),
                Q(worker_id__isnull=False) & Q(started_at__isnull=False),
            ),
            _same(
                "attempts_finished_has_finished_at",
                Q(status__in=_values(FINISHED_ATTEMPT)),
                Q(finished_at__isnull=False),
            ),
        ]
        indexes = [
            # read by transitions.claim; counted, up to its bound, by transitions.handout
            models.Index(
                "lane",
                "scheduled_for",
                name="attempts_scheduled",
                condition=Q(status="scheduled"),
            ),
            # read by transitions.recovery
            models.Index(
                "worker_id", name="attempts_in_progress", condition=Q(status="in_progress")
            ),
        ]


class DeadLetter(models.Model):
    """The entry for a delivery whose ladder is used up, written with its change of state."""

    delivery = models.OneToOneField(
        Delivery, on_delete=models.PROTECT, primary_key=True, db_column="delivery_pk"
    )
    failure_code = models.TextField()
    reason = models.TextField()
    attempt_count = models.SmallIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "dead_letters"
        indexes = [
            # read by listing.statements
            models.Index("recorded_at", "delivery", name="dead_letters_recorded_at"),
        ]


class IdempotencyReservation(models.Model):
    """(source, idempotency key) -> delivery, until it expires."""

    pk = models.CompositePrimaryKey("source", "idempotency_key")
    source = models.TextField()
    idempotency_key = models.TextField()
    # its index is also read by retention.remove_reservations, which goes by the delivery's key
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, db_column="delivery_pk")
    fingerprint = models.BinaryField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_reservations"
        constraints = [_known("idempotency_reservations", "source", Source)]


class MalformedCommand(models.Model):
    """A stream entry that could not be accepted, with its reason.

    `raw_fields` is name, value, name, value, as bytes, cut at 64 KiB in all; NULL once erased.
    """

    stream = models.TextField()
    stream_entry_id = models.TextField()
    delivery_id = models.TextField(null=True)
    source = models.TextField(null=True)
    failure_code = models.TextField()
    failure_message = models.TextField()
    raw_fields = ArrayField(models.BinaryField(), null=True)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "malformed_commands"
        indexes = [
            # read by retention.erase_raw_fields, whose rows are few among those kept
            models.Index(
                "id",
                name="malformed_commands_raw_fields",
                condition=Q(raw_fields__isnull=False),
            ),
            # read by intake.read_malformed, for whoever comes from a log line
            models.Index("stream_entry_id", name="malformed_commands_entry"),
        ]


class Worker(models.Model):
    """One running process of any type: a new row at every start, kept alive by its heartbeat.

    The process counts as lost, and the attempts that it holds with it, once `lease_until` is past.
    `capacity` is the number of simultaneous sends of an attempts process, else 0.
    """

    type = models.TextField()
    host = models.TextField()
    pid = models.IntegerField()
    capacity = models.SmallIntegerField(db_default=0)
    started_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField()

    class Meta:
        db_table = "workers"
        constraints = [_known("workers", "type", ProcessType)]


class Leadership(models.Model):
    """Who does what only one process may do: a lease with an epoch that grows at every change."""

    name = models.TextField(primary_key=True)
    worker_id = models.BigIntegerField()
    epoch = models.BigIntegerField()
    lease_until = models.DateTimeField()

    class Meta:
        db_table = "leaderships"


class StreamCursor(models.Model):
    """How far a stream has been read: moved in the transaction that stores the entries.

    `epoch` is the leadership's that may move it, `gap_entries` counts what was lost unread.
    `entries_accounted` is how many of the entries ever added to the stream, as Redis counts them,
    are behind the cursor, read or lost; NULL while that is not known.
    """

    stream = models.TextField(primary_key=True)
    last_entry_id = models.TextField()
    epoch = models.BigIntegerField()
    entries_finished = models.BigIntegerField(db_default=0)
    gap_entries = models.BigIntegerField(db_default=0)
    entries_accounted = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "stream_cursors"


class Hold(models.Model):
    """A source whose deliveries are not handed out for now."""

    source = models.TextField(primary_key=True)
    reason = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "holds"
        constraints = [_known("holds", "source", Source)]
