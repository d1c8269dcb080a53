"""resend_delivery as an operator types it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from deliveries.management.resend_run import How, send_again
from deliveries.models import DeadLetter, Delivery, DeliveryPayload, IdempotencyReservation
from deliveries.states import Source

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def ended(accepted):
    """A delivery that ended `ago`; a dead letter with its entry."""

    def end(delivery_id="d-1", *, status="dead_letter", ago=HOUR, code="timeout", **changes):
        row = accepted(delivery_id, **changes)
        moment = datetime.now(UTC) - ago
        Delivery.objects.filter(id=row.id).update(
            status=status,
            next_attempt_at=None,
            finished_at=moment,
            attempt_count=4,
            last_failure_code=None if status == "sent" else code,
        )
        if status == "dead_letter":
            DeadLetter.objects.create(
                delivery=row, failure_code=code, reason=code, attempt_count=4, recorded_at=moment
            )
        return row

    return end


def resent():
    """The parents of what was sent again, in the order of its creation."""
    children = Delivery.objects.filter(parent_delivery_id__isnull=False).order_by("id")
    return list(children.values_list("parent_delivery_id", flat=True))


PERIOD = ("resend_delivery", "--status", "dead_letter", "--since", "2h")


class TestByName:
    def test_one(self, manage, ended):
        ended()
        status, out, err = manage("resend_delivery", "d-1")

        child = Delivery.objects.get(parent_delivery_id="d-1")
        assert (status, out, err) == (0, f"d-1: sent again, as {child.delivery_id}\n", "")
        assert (child.source, child.status) == ("operator_resend", "queued")
        assert child.idempotency_key == "resend:d-1"
        assert DeliveryPayload.objects.get(delivery=child).subject == "Hello"

    def test_once_unless_asked_for_again(self, manage, ended):
        ended()
        manage("resend_delivery", "d-1")
        status, out, _ = manage("resend_delivery", "d-1")
        assert (status, resent()) == (0, ["d-1"])
        assert out == "d-1: was sent again before (--again does it once more)\n"
        IdempotencyReservation.objects.all().delete()
        manage("resend_delivery", "d-1")
        assert resent() == ["d-1"]
        status, out, _ = manage("resend_delivery", "d-1", "--again")
        assert (status, resent()) == (0, ["d-1", "d-1"])
        assert out.startswith("d-1: sent again, as resend-")

    def test_several_with_what_cannot_be(self, manage, ended, accepted):
        ended("d-1")
        accepted("d-2")
        ended("d-3", source=Source.AUTHSESSION)
        ended("d-4", expires_at=datetime.now(UTC) - HOUR)
        pruned = ended("d-5")
        DeliveryPayload.objects.filter(delivery=pruned).delete()
        ended("d-6", status="sent")
        names = [f"d-{number}" for number in range(1, 8)]
        status, out, _ = manage("resend_delivery", *names, "d-1")

        assert (status, resent()) == (1, ["d-1"])
        assert out.splitlines()[1:] == [
            "d-2: has not ended",
            "d-3: is a login code, which is not resendable",
            "d-4: is past its expiry (--expires-at sets another)",
            "d-5: its content is no longer kept",
            "d-6: everybody has it (--recipients all sends it to all)",
            "d-7: there is no such delivery",
        ]

    def test_to_all_with_another_expiry(self, manage, ended):
        ended("d-4", status="sent", expires_at=datetime.now(UTC) - HOUR)
        assert manage("resend_delivery", "d-4", "--recipients", "all")[0] == 1
        assert manage("resend_delivery", "d-4", "--recipients", "all", "--expires-at", "2h")[0] == 0
        child = Delivery.objects.get(parent_delivery_id="d-4")
        assert HOUR < child.expires_at - datetime.now(UTC) <= 2 * HOUR

    def test_dry_run(self, manage, ended):
        ended("d-1")
        status, out, _ = manage("resend_delivery", "d-1", "d-2", "--dry-run")

        assert (status, resent()) == (1, [])
        assert out.splitlines() == [
            "d-1: would be sent again",
            "d-2: there is no such delivery",
            "Nothing was sent.",
        ]


class TestPeriod:
    def test_dead_letters_of_the_last_hours(self, manage, ended):
        ended("old", ago=3 * HOUR)
        ended("d-1", ago=1.5 * HOUR)
        ended("d-2")
        ended("code", source=Source.AUTHSESSION)
        ended("failed", status="failed")
        status, out, err = manage(*PERIOD)

        assert (status, err) == (0, "")
        assert resent() == ["d-1", "d-2"]
        assert [line.split(maxsplit=1) for line in out.splitlines()] == [
            ["2", "sent again"],
            ["1", "is a login code, which is not resendable"],
        ]

    @pytest.mark.parametrize("status", ["failed", "suppressed", "dead_letter"])
    def test_the_first_that_ended_goes_first(self, manage, ended, status):
        """Whatever was accepted first: dead letters are listed as they were recorded."""
        minutes = {"d-1": 10, "d-2": 30, "d-3": 20}
        recorded = sorted(minutes, key=minutes.get, reverse=True)
        for name in recorded if status == "dead_letter" else minutes:
            ended(name, status=status, ago=timedelta(minutes=minutes[name]))
        assert manage("resend_delivery", "--status", status, "--since", "2h")[0] == 0
        assert resent() == ["d-2", "d-3", "d-1"]

    @pytest.mark.parametrize("ended_as", ["dead_letter", "failed"])
    def test_narrowed_down(self, manage, ended, ended_as):
        ended("d-1", status=ended_as, code="connect_failed", ago=1.5 * HOUR)
        ended("d-2", status=ended_as, code="connect_failed", ago=HOUR / 2)
        ended("d-3", status=ended_as, code="timeout")
        ended("d-4", status=ended_as, code="connect_failed", source=Source.OPERATOR_RESEND)
        ended("d-5", status=ended_as, code="connect_failed")
        code = ("--failure-code", "connect_failed", "--source", "notification", "--until", "40m")
        status, _, _ = manage("resend_delivery", "--status", ended_as, "--since", "2h", *code)

        assert (status, sorted(resent())) == (0, ["d-1", "d-5"])

    def test_a_second_run_skips_the_first_s(self, manage, ended):
        for number in range(3):
            ended(f"d-{number}")
        manage("resend_delivery", "d-1")
        _, out, _ = manage(*PERIOD, "--json")
        told = json.loads(out)
        assert told["counts"] == {"accepted": 2, "sent_again_before": 1}
        assert {d["delivery_id"]: d["outcome"] for d in told["deliveries"]}["d-1"] == (
            "sent_again_before"
        )
        _, out, _ = manage(*PERIOD, "--json")
        assert json.loads(out)["counts"] == {"sent_again_before": 3}
        assert sorted(resent()) == ["d-0", "d-1", "d-2"]

    def test_dry_run_says_what_the_run_does(self, manage, ended):
        ended("d-1")
        ended("d-2", expires_at=datetime.now(UTC) - HOUR)
        ended("d-3")
        manage("resend_delivery", "d-3")
        ended("code", source=Source.AUTHSESSION)
        dry = json.loads(manage(*PERIOD, "--dry-run", "--json")[1])
        assert resent() == ["d-3"]
        wet = json.loads(manage(*PERIOD, "--json")[1])
        assert dry["counts"] == wet["counts"]
        assert (dry["dry_run"], wet["dry_run"]) == (True, False)

    def test_many_pages(self, manage, ended):
        first = ended("d-0")
        Delivery.objects.bulk_create(_copies(first, 450))
        DeliveryPayload.objects.bulk_create(
            DeliveryPayload(delivery=row, mailboxes={}, text_body="T", content_bytes=1)
            for row in Delivery.objects.exclude(id=first.id)
        )
        DeadLetter.objects.bulk_create(
            DeadLetter(delivery=row, failure_code="timeout", reason="r", attempt_count=4)
            for row in Delivery.objects.exclude(id=first.id)
        )
        status, out, _ = manage(*PERIOD, "--rate", "10000")

        assert (status, len(set(resent()))) == (0, 451)
        assert out == "   451  sent again\n"

    def test_nothing_in_that_time(self, manage, ended):
        ended(ago=5 * HOUR)
        assert manage(*PERIOD) == (0, "No such delivery ended in that period.\n", "")


def _copies(row, count):
    for number in range(1, count + 1):
        yield Delivery(
            delivery_id=f"d-{number}",
            source=row.source,
            payload_mode="rendered",
            status="dead_letter",
            idempotency_key=f"k-{number}",
            fingerprint=b"f",
            message_id="<m@x>",
            requested_at=row.requested_at,
            finished_at=datetime.now(UTC),
            attempt_count=4,
        )


class TestRun:
    def test_no_more_a_second_than_the_rate(self, ended):
        names = [ended(f"d-{number}").delivery_id for number in range(7)]
        now, told = [0.0], []
        send_again(
            names,
            How(rate=2),
            config=settings.MAIL,
            tell=lambda done: told.append((done, now[0])),
            sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
            clock=lambda: now[0],
        )
        assert told == [(2, 0.0), (4, 1.0), (6, 2.0), (7, 3.0)]

    def test_ctrl_c_leaves_what_is_done_and_the_rest_for_the_next_run(self, manage, ended):
        for number in range(5):
            ended(f"d-{number}")

        names = ["d-0", "d-1", "d-2", "d-3", "d-4"]
        tally = send_again(
            names, How(rate=2), config=settings.MAIL, tell=_stop_at(4), sleep=lambda _seconds: None
        )
        assert tally.interrupted
        assert resent() == names[:4]
        manage("resend_delivery", *names)
        assert resent() == names

    def test_the_bar_is_for_terminals_only(self, manage, ended):
        ended()
        assert manage("resend_delivery", "d-1")[2] == ""


def _stop_at(count):
    def tell(done):
        if done >= count:
            raise KeyboardInterrupt

    return tell


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give the ids of deliveries, or a period with --status and --since"),
        (["--status", "dead_letter"], "give the ids of deliveries, or a period"),
        (["d-1", "--since", "2h"], "give ids or a period, not both"),
        (["--status", "queued", "--since", "2h"], "invalid choice: 'queued'"),
        (["--status", "dead_letter", "--since", "2 hours"], "is neither a duration"),
        (["d-1", "--rate", "0"], "must be a whole number from 1 to 10000"),
        (["d-1", "--failure-code", "bad_luck"], "invalid choice: 'bad_luck'"),
        (["d-1", "--expires-at", "soon"], "is neither a duration"),
    ],
)
def test_typing_errors(manage, arguments, said):
    status, out, err = manage("resend_delivery", *arguments)

    assert (status, out) == (2, "")
    assert said in err


def test_no_database(manage, no_database):
    assert manage("resend_delivery", "d-1")[0] == 69
    assert manage(*PERIOD)[0] == 69
