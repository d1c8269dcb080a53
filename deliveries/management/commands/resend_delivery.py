"""manage.py resend_delivery"""

import sys
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from deliveries.listing.pages import ReadTooLongError
from deliveries.management.arguments import between, deadline, delivery_id, moment
from deliveries.management.operator_command import (
    INTERRUPTED,
    Answer,
    OperatorCommand,
    RefusedError,
)
from deliveries.management.progress import Progress
from deliveries.management.resend_run import (
    FINE,
    MEANING,
    How,
    Period,
    Tally,
    choose,
    judge,
    send_again,
)
from deliveries.printing import printable
from deliveries.states import TERMINAL, DeliveryStatus, FailureCode, Source
from deliveries.telemetry import providers

_RATE = 100
_EXPORT_SECONDS = 3.0  # a person waits for it
_PERIOD = ("status", "since", "until", "source", "failure_code")


class Command(OperatorCommand):
    help = (
        "Send ended deliveries again, as new ones with the content that is stored: those named,"
        " or those of a period. What was sent again before is skipped, so after an interrupted run"
        " the same command goes on."
    )
    statuses = {1: "one of those named was not sent again", INTERRUPTED: "ended by Ctrl-C"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("delivery_ids", nargs="*", type=delivery_id, metavar="ID")
        parser.add_argument(
            "--status", choices=sorted(TERMINAL), help="of a period: what they ended as"
        )
        parser.add_argument(
            "--since", type=moment, metavar="WHEN", help="ended since: 2h, or an RFC 3339 time"
        )
        parser.add_argument(
            "--until", type=moment, metavar="WHEN", help="ended before, in the same form"
        )
        parser.add_argument("--source", choices=[source.value for source in Source])
        parser.add_argument("--failure-code", choices=[code.value for code in FailureCode])
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would become of each"
        )
        parser.add_argument(
            "--rate",
            type=between(1, 10_000),
            default=_RATE,
            metavar="N",
            help=f"at most so many a second (default {_RATE}): they go before other notifications",
        )
        parser.add_argument(
            "--again", action="store_true", help="also what was sent again before, once more"
        )
        parser.add_argument(
            "--recipients",
            choices=["refused", "all"],
            default="refused",
            help="of a delivery that was sent: those who were refused (default), or all",
        )
        parser.add_argument(
            "--expires-at", type=deadline, metavar="WHEN", help="a new expiry: in 2h, or a time"
        )

    def answer(self, options: Mapping[str, Any]) -> Answer:
        named = list(dict.fromkeys(options["delivery_ids"]))
        if named and any(options[name] is not None for name in _PERIOD):
            raise CommandError("give ids or a period, not both", returncode=2)
        names = named or _of_period(options)
        how = How(
            again=options["again"],
            everyone=options["recipients"] == "all",
            expires_at=options["expires_at"],
            rate=options["rate"],
        )
        tally = judge(names, how) if options["dry_run"] else self._send(names, how)
        return Answer(
            data={
                "dry_run": options["dry_run"],
                "counts": tally.counts(),
                "deliveries": [
                    {"delivery_id": name, "outcome": found, "new_id": tally.new_ids.get(name)}
                    for name, found in tally.outcomes.items()
                ],
            },
            text=_text(tally, names, is_named=bool(named), is_dry=options["dry_run"]),
            status=_status(tally, is_named=bool(named)),
        )

    def _send(self, names: list[str], how: How) -> Tally:
        """The new deliveries begin their traces here; the attempts processes go on with them."""
        providers.start(config=settings.MAIL, process="resend_delivery", once=True)
        bar = Progress(total=len(names), stream=sys.stderr)
        try:
            return send_again(names, how, config=settings.MAIL, tell=bar.show)
        finally:
            bar.close()
            providers.stop(seconds=_EXPORT_SECONDS)


def _of_period(options: Mapping[str, Any]) -> list[str]:
    if options["status"] is None or options["since"] is None:
        raise CommandError(
            "give the ids of deliveries, or a period with --status and --since", returncode=2
        )
    period = Period(
        status=DeliveryStatus(options["status"]),
        since=options["since"],
        until=options["until"],
        source=options["source"] and Source(options["source"]),
        failure_code=options["failure_code"],
    )
    try:
        return choose(period)
    except ReadTooLongError:
        raise RefusedError("too much to look through in two seconds: name them by id") from None


def _text(tally: Tally, names: list[str], *, is_named: bool, is_dry: bool) -> str:
    lines = []
    if is_named:
        lines += [_line(name, tally, is_dry=is_dry) for name in tally.outcomes]
    elif names:
        lines += [
            f"{count:>6}  {_meaning(outcome, is_dry=is_dry)}"
            for outcome, count in tally.counts().items()
        ]
    else:
        lines.append("No such delivery ended in that period.")
    if tally.interrupted:
        left = len(names) - len(tally.outcomes)
        lines.append(f"Interrupted with {left} left; the same command goes on with them.")
    elif is_dry:
        lines.append("Nothing was sent.")
    return "\n".join(lines)


def _line(name: str, tally: Tally, *, is_dry: bool) -> str:
    new_id = tally.new_ids.get(name)
    as_what = f", as {new_id}" if new_id else ""
    return f"{printable(name)}: {_meaning(tally.outcomes[name], is_dry=is_dry)}{as_what}"


def _meaning(outcome: str, *, is_dry: bool) -> str:
    return f"would be {MEANING[outcome]}" if is_dry and outcome == "accepted" else MEANING[outcome]


def _status(tally: Tally, *, is_named: bool) -> int:
    if tally.interrupted:
        return INTERRUPTED
    return int(is_named and not FINE.issuperset(tally.outcomes.values()))
