"""Acceptance: the one entrance for every source, inside the caller's transaction.

Each command comes out as accepted, as a duplicate or as rejected. What is known already is looked
up before the clock or the catalog is asked, so that a repetition gets the same answer for as long
as its key lives, whatever has changed since.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from django.db import DatabaseError

from deliveries.catalog.catalog import (
    Catalog,
    RenderFailed,
    TemplateNotFound,
    VariableMissing,
    render,
)
from deliveries.conf import Config, SmtpMode
from deliveries.database import Fault, atomic, fault_of
from deliveries.intake.command import Command
from deliveries.intake.fingerprint import fingerprint
from deliveries.intake.members import Members, RenderedContent, TemplateContent
from deliveries.intake.message_id import new_message_id
from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.intake.render_span import RenderSpan
from deliveries.intake.reservations import Known, look_up
from deliveries.intake.schedule import check_send_at
from deliveries.payload import Payload
from deliveries.states import DeliveryStatus, PayloadMode, Source
from deliveries.telemetry.spans import traceparent_of
from deliveries.transitions.creation import NewDelivery, create


@dataclass(frozen=True, slots=True)
class Accepted:
    delivery_id: str
    status: DeliveryStatus
    traceparent: str | None = None  # that the delivery keeps


@dataclass(frozen=True, slots=True)
class Duplicate:
    delivery_id: str  # of the delivery that stands already
    suppressed: bool = False  # whether that one was suppressed when it was accepted


Result = Accepted | Duplicate | Rejection

_UNKNOWN = Known(by_key=None, by_id=None, key_delivery_id=None)
_UNRENDERED = RenderedContent(subject="", text_body="", html_body=None)


class Acceptor:
    """Accepts commands by one configuration and one catalog."""

    def __init__(self, *, config: Config, catalog: Catalog) -> None:
        self._config = config
        self._catalog = catalog

    def accept(self, commands: Sequence[Command]) -> list[Result]:
        """One result per command, in their order; the accepted are written when this returns.

        A command that the database refuses for its own values is `unstorable`; any other fault is
        raised, and the caller's transaction is over.
        """
        try:
            with atomic():
                return self._accept(commands)
        except DatabaseError as error:
            if fault_of(error) is not Fault.ENTRY:
                raise
        if len(commands) == 1:
            return [self._retry_alone(commands[0])]
        return self._halve(commands)

    def accept_fresh(self, commands: Sequence[Command]) -> list[Result]:
        """Like `accept`, for commands that are nearly always new: written first, and looked up only
        if their key was taken or they were rejected.

        For commands without attachments, and outside of any transaction.
        """
        batch = _Batch(commands, [_UNKNOWN] * len(commands), self._config.secret_keys)
        try:
            new = self._create(batch)
        except DatabaseError as error:
            if fault_of(error) is not Fault.ENTRY:
                raise
            new = frozenset()
        open_places = [place for place in range(len(commands)) if place not in new]
        # a repetition gets the same answer, whatever today's catalog or the rest of the batch says
        again = self.accept([commands[place] for place in open_places]) if open_places else []
        results = {place: batch.results[place] for place in new}
        results |= dict(zip(open_places, again, strict=True))
        return [results[place] for place in range(len(commands))]

    def _halve(self, commands: Sequence[Command]) -> list[Result]:
        middle = len(commands) // 2
        return [*self.accept(commands[:middle]), *self.accept(commands[middle:])]

    def _retry_alone(self, command: Command) -> Result:
        """Once more: another writer may have taken its id meanwhile, which is seen now."""
        try:
            with atomic():
                return self._accept([command])[0]
        except DatabaseError as error:
            if fault_of(error) is not Fault.ENTRY:
                raise
            return Rejection(RejectionCode.UNSTORABLE, "the database refuses this command")

    def _accept(self, commands: Sequence[Command]) -> list[Result]:
        batch = _Batch(commands, look_up(commands), self._config.secret_keys)
        created = self._create(batch)
        lost = [place for place in batch.order if place not in created]
        if lost:
            # their keys were taken while we wrote: what stands there now decides
            again = self._accept([commands[place] for place in lost])
            for place, result in zip(lost, again, strict=True):
                batch.results[place] = result
        return [batch.results[place] for place in range(len(commands))]

    def _create(self, batch: "_Batch") -> frozenset[int]:
        """Settle each command and write what is new; the places of those that were written."""
        prepare = partial(self._prepare, now=datetime.now(UTC))
        for place in range(len(batch.commands)):
            batch.settle(place, prepare)
        created = create(
            deliveries=[batch.new[place] for place in batch.order],
            idempotency_ttl=self._config.idempotency_ttl,
        )
        return frozenset(batch.order[n] for n in created)

    def _prepare(self, command: Command, *, now: datetime) -> NewDelivery:
        members = command.members
        check_send_at(send_at=members.send_at, now=now, retention=self._config.delivery_retention)
        content = members.content
        delivery = NewDelivery(
            delivery_id=command.delivery_id,
            source=command.source,
            payload_mode=command.payload_mode,
            status=self._start(command),
            idempotency_key=command.idempotency_key,
            fingerprint=fingerprint(
                key=self._config.secret_keys[0],
                mode=command.payload_mode,
                canonical=command.canonical,
            ),
            message_id=new_message_id(self._config.smtp_from_email),
            requested_at=command.requested_at,
            payload=_payload_of(members),
            send_at=members.send_at,
            expires_at=members.expires_at,
            request_id=command.request_id,
            traceparent=traceparent_of(delivery_id=command.delivery_id, given=command.traceparent),
            tracestate=command.tracestate,
        )
        return (
            self._rendered(delivery, content) if isinstance(content, TemplateContent) else delivery
        )

    def _rendered(self, delivery: NewDelivery, content: TemplateContent) -> NewDelivery:
        try:
            template = self._catalog.find(content.template_id, content.locale)
            variables = template.declared(content.variables)
            with RenderSpan(delivery, content.template_id, template.locale_used):
                mail = render(template, variables)
        except TemplateNotFound:
            raise Rejection(
                RejectionCode.TEMPLATE_NOT_FOUND, "template_id: no such template"
            ) from None
        except VariableMissing as error:
            raise Rejection(
                RejectionCode.TEMPLATE_VARIABLE_MISSING, f"variables: {error}"
            ) from None
        except RenderFailed as error:
            raise Rejection(RejectionCode.TEMPLATE_RENDER_FAILED, str(error)) from None
        return replace(
            delivery,
            payload=replace(
                delivery.payload,
                subject=mail.subject,
                text_body=mail.text_body,
                html_body=mail.html_body,
                variables=variables,
            ),
            template_id=content.template_id,
            locale=content.locale,
            locale_used=template.locale_used,
            catalog_digest=self._catalog.digest,
        )

    def _start(self, command: Command) -> DeliveryStatus:
        if self._config.smtp_mode is SmtpMode.STUB and command.source is Source.AUTHSESSION:
            return DeliveryStatus.SUPPRESSED
        if command.payload_mode is PayloadMode.RENDERED:
            return DeliveryStatus.QUEUED
        return DeliveryStatus.RENDERED


class _Batch:
    """The commands of one statement: each key and each id may stand in it only once."""

    def __init__(
        self, commands: Sequence[Command], known: Sequence[Known], keys: Sequence[bytes]
    ) -> None:
        self.commands = commands
        self._known = known
        self._keys = keys
        self._by_key: dict[tuple[str, str], int] = {}
        self._by_id: dict[str, int] = {}
        self.results: dict[int, Result] = {}
        self.new: dict[int, NewDelivery] = {}
        self.order: list[int] = []

    def settle(self, place: int, prepare: Callable[[Command], NewDelivery]) -> None:
        """Decide on one command, those before it in the batch included."""
        command = self.commands[place]
        try:
            for known in (self._earlier(command), self._known[place]):
                standing = known.duplicates(command, keys=self._keys)
                if standing is not None:
                    self.results[place] = Duplicate(standing, suppressed=known.key_suppressed)
                    return
            delivery = prepare(command)
        except Rejection as rejection:
            self.results[place] = rejection
            return
        self.results[place] = Accepted(command.delivery_id, delivery.status, delivery.traceparent)
        self.new[place] = delivery
        self.order.append(place)
        self._by_key[command.source, command.idempotency_key] = place
        self._by_id[command.delivery_id] = place

    def _earlier(self, command: Command) -> Known:
        """What the commands before it stand for, as if they were stored."""
        by_key = self._by_key.get((command.source, command.idempotency_key))
        by_id = self._by_id.get(command.delivery_id)
        return Known(
            by_key=None if by_key is None else self.new[by_key].fingerprint,
            by_id=None if by_id is None else self.new[by_id].fingerprint,
            key_delivery_id=None if by_key is None else self.new[by_key].delivery_id,
            key_suppressed=by_key is not None
            and self.new[by_key].status is DeliveryStatus.SUPPRESSED,
        )


def _payload_of(members: Members) -> Payload:
    """What is to be sent; of a template not its subject and bodies, which come from rendering."""
    content = members.content
    given = content if isinstance(content, RenderedContent) else _UNRENDERED
    return Payload(
        to=members.to,
        cc=members.cc,
        bcc=members.bcc,
        reply_to=members.reply_to,
        headers=members.headers,
        attachments=members.attachments,
        subject=given.subject,
        text_body=given.text_body,
        html_body=given.html_body,
    )
