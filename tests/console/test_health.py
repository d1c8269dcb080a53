"""The front page: what it counts, what it says of it, and how it draws it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from deliveries.console.health import outcomes
from deliveries.console.health.charts import Column, draw_bars, draw_columns, nice_top, short_number
from deliveries.console.health.facts import Lane, Readings, Sends
from deliveries.console.health.outcomes import HOURS, SLICE, read_outcomes
from deliveries.console.health.readings import DURATIONS, take_readings
from deliveries.console.health.verdict import judge
from deliveries.console.words import Tone
from deliveries.models import Delivery, Worker
from tests.console.scenery import delivery, hold

NOW = datetime(2026, 11, 24, 12, 34, 56, tzinfo=UTC)


@pytest.mark.process
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
class TestPage:
    def test_it_shows_what_is_in_the_tables(self, day, running, sql):
        answer = running.admin().get("/admin/")
        ((dead,),) = sql(
            "SELECT count(*) FROM deliveries WHERE status = 'dead_letter' AND"
            " finished_at >= date_trunc('hour', now() - interval '1 minute') - interval '23 hours'"
        )
        ((due,),) = sql(
            "SELECT count(*) FROM deliveries WHERE status IN ('queued', 'rendered')"
            " AND next_attempt_at <= now()"
        )
        tiles = dict(re.findall(r'class="what">([\w ]+)</span><strong>([^<]+)<', answer.text))
        assert answer.status == 200
        assert (int(tiles["Dead letters"]), int(tiles["Due"])) == (dead, due)
        assert "mail-1:840" in answer.text
        assert answer.text.count("<svg") >= 3

    def test_an_empty_service_has_a_page_too(self, empty, running):
        answer = running.admin().get("/admin/")
        assert answer.status == 200
        assert "This needs you" in answer.text
        assert "No attempts process runs. Nothing is sent." in answer.text

    def test_a_hold_is_told(self, scene, running):
        hold(timezone.now())
        assert "the relay is being moved" in running.admin().get("/admin/").text


@pytest.mark.process
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
class TestOutcomes:
    def test_hours_add_up_to_what_ended(self, day):
        now = timezone.now()
        counted = read_outcomes(now)
        begun = counted.begin
        expected = Delivery.objects.filter(finished_at__gte=begun, finished_at__lte=now)
        assert sum(counted.since(begun).values()) == expected.count()
        hours = counted.by_hour()
        assert len(hours) == HOURS
        assert all(whole for _, _, whole in hours)
        first = begun + timedelta(hours=20)
        within = expected.filter(finished_at__gte=first, finished_at__lt=first + timedelta(hours=1))
        assert sum(hours[20][1].values()) == within.count()
        dead = within.filter(status="dead_letter").count()
        assert sum(n for (status, _), n in hours[20][1].items() if status == "dead_letter") == dead

    def test_a_slice_that_is_over_is_counted_once(self, empty):
        now = timezone.now()
        _ended(now - timedelta(hours=3), "then")
        _ended(now, "now")
        before = read_outcomes(now)
        Delivery.objects.all().delete()
        after = read_outcomes(now)
        assert sum(before.since(before.begin).values()) == 2
        assert sum(after.since(after.begin).values()) == 1

    def test_a_slice_is_over_only_when_all_that_ended_in_it_is_committed(self, empty):
        now = NOW.replace(minute=35, second=20)
        read_outcomes(now)
        _ended(now - timedelta(seconds=30), "late")  # 34:50, in the slice before
        assert sum(read_outcomes(now).since(NOW - timedelta(hours=1)).values()) == 1

    def test_old_slices_leave(self, empty, sql):
        now = timezone.now()
        read_outcomes(now - timedelta(days=3))
        begin = read_outcomes(now).begin
        ((oldest, slices),) = sql("SELECT min(begins_at), count(*) FROM console_outcome_slices")
        assert oldest == begin
        assert slices <= HOURS * (timedelta(hours=1) // SLICE)

    def test_what_takes_too_long_is_left_for_later(self, empty, sql, monkeypatch):
        now = timezone.now()
        _ended(now - timedelta(hours=3), "then")
        monkeypatch.setattr(outcomes, "BUDGET", timedelta(0))
        first = read_outcomes(now)
        assert not all(whole for _, _, whole in first.by_hour())
        monkeypatch.undo()
        assert all(whole for _, _, whole in read_outcomes(now).by_hour())


@pytest.mark.process
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
class TestReadings:
    def test_backlog_by_lane(self, empty):
        now = timezone.now()
        for number, (source, ahead) in enumerate(
            [
                ("authsession", -5),
                ("notification", -60),
                ("notification", -1),
                ("notification", 900),
            ]
        ):
            delivery(
                f"w-{number}",
                source=source,
                status="queued",
                next_attempt_at=now + timedelta(seconds=ahead),
                requested_at=now,
            )
        hold(now)
        readings = take_readings(now)
        lanes = {lane.source: (lane.due, lane.later) for lane in readings.lanes}
        assert lanes == {"authsession": (1, 0), "notification": (2, 1), "operator_resend": (0, 0)}
        assert (readings.due, readings.later) == (3, 1)
        assert readings.overdue == timedelta(seconds=5)  # what is held does not count

    def test_processes_that_live_and_that_were_lost(self, empty):
        now = timezone.now()

        def worker(pid, *, seen, until):
            moments = {"last_seen_at": now + seen, "lease_until": now + until}
            Worker.objects.create(type="attempts", host="h", pid=pid, **moments)

        minute = timedelta(minutes=1)
        worker(1, seen=-minute / 60, until=minute)
        worker(2, seen=-2 * minute, until=-minute)  # renewed, then silent
        worker(3, seen=-minute, until=-minute)  # left by itself
        worker(4, seen=-99 * minute, until=-98 * minute)
        readings = take_readings(timezone.now())
        # besides, the web process of this module may have put itself on record
        assert [row.pid for row in readings.processes if row.host == "h"] == [1]
        assert [row.pid for row in readings.lost if row.host == "h"] == [2]

    def test_durations(self, day, sql):
        sends = take_readings(timezone.now()).sends
        ((attempts, accepted, most),) = sql(
            "SELECT count(*), count(*) FILTER (WHERE status = 'provider_accepted'),"
            " max(extract(epoch FROM finished_at - started_at)) FROM attempts"
        )
        assert (sends.attempts, sends.not_accepted) == (attempts, attempts - accepted)
        assert 0 < sends.percentiles[0] <= sends.percentiles[1] <= sends.percentiles[2] <= most


class TestVerdict:
    ALL = ("web", "consumer", "scheduler", "attempts", "prune")

    def readings(self, *, types=ALL, **values):
        nothing = Readings(
            now=NOW,
            lanes=(),
            handed_out=0,
            in_progress=0,
            sends=Sends(((0, 0),) * (len(DURATIONS) + 1), None),
            processes=tuple(SimpleNamespace(type=type_) for type_ in types),
            lost=(),
            holds=(),
            streams=(),
            malformed=0,
        )
        return replace(nothing, **values)

    def test_all_is_well(self):
        verdict = judge(self.readings(), dead_letters=0)
        assert (verdict.tone, verdict.findings) == (Tone.GOOD, ())

    @pytest.mark.parametrize(
        ("missing", "tone"),
        [
            ("consumer", Tone.BAD),
            ("scheduler", Tone.BAD),
            ("attempts", Tone.BAD),
            ("prune", Tone.WARN),
            ("web", Tone.GOOD),
        ],
    )
    def test_a_process_type_that_does_not_run(self, missing, tone):
        types = [type_ for type_ in self.ALL if type_ != missing]
        assert judge(self.readings(types=types), dead_letters=0).tone == tone

    @pytest.mark.parametrize(
        ("late", "tone"),
        [
            (timedelta(seconds=59), Tone.GOOD),
            (timedelta(minutes=1), Tone.WARN),
            (timedelta(minutes=10), Tone.BAD),
        ],
    )
    def test_mail_that_is_late(self, late, tone):
        lanes = (Lane("notification", 1, NOW - late, 0),)
        assert judge(self.readings(lanes=lanes), dead_letters=0).tone == tone

    def test_late_mail_that_is_held_is_a_hold(self):
        lanes = (Lane("notification", 1, NOW - timedelta(hours=1), 0),)
        holds = (SimpleNamespace(source="notification", reason="a move"),)
        (finding,) = judge(self.readings(lanes=lanes, holds=holds), dead_letters=0).findings
        assert "a move" in finding.text

    @pytest.mark.parametrize(
        ("others", "tone"), [(20, Tone.GOOD), (21, Tone.WARN), (100, Tone.WARN)]
    )
    def test_a_relay_that_takes_little(self, others, tone):
        bars = ((100 - others, others), *((0, 0),) * len(DURATIONS))
        verdict = judge(self.readings(sends=Sends(bars, None)), dead_letters=0)
        assert verdict.tone == tone

    def test_dead_letters_malformed_commands_and_lost_processes(self):
        readings = self.readings(malformed=1, lost=(SimpleNamespace(),) * 2)
        texts = [finding.text for finding in judge(readings, dead_letters=3).findings]
        assert texts == [
            "2 processes lost in the last hour.",
            "3 dead letters in the last hour.",
            "1 malformed command in the last 24 hours.",
        ]


class TestCharts:
    @given(st.lists(st.lists(st.integers(0, 10**7), min_size=1, max_size=4), max_size=30))
    def test_every_column_stays_in_the_picture_and_shows_what_is_not_nothing(self, numbers):
        columns = [
            Column(str(n), [("sent", part) for part in parts], "")
            for n, parts in enumerate(numbers)
        ]
        chart = draw_columns(columns)
        for column, stack in zip(columns, chart.stacks, strict=True):
            assert len(stack.boxes) == sum(1 for _, number in column.parts if number)
            for box in stack.boxes:
                assert box.height > 0
                assert box.x >= 0
                assert box.x + box.width <= chart.width
                assert box.y >= -4 * len(column.parts)
                assert box.y + box.height <= chart.height

    @given(st.integers(0, 10**9))
    def test_the_top_is_close_above_and_has_a_whole_half(self, most):
        top = nice_top(most)
        assert most <= top
        assert top % 2 == 0
        assert top <= max(2, 2 * most)

    def test_the_longest_bar_is_whole(self):
        bars = draw_bars(
            [("a", 5, "sent", "", ""), ("b", 10, "sent", "", ""), ("c", 0, "sent", "", "")]
        )
        assert [bar.width for bar in bars] == [50.0, 100.0, 0.0]
        assert draw_bars([("a", 0, "sent", "", "")])[0].width == 0.0

    @pytest.mark.parametrize(("number", "text"), [(0, "0"), (1500, "1.5k"), (3_000_000, "3M")])
    def test_numbers_on_the_axis_are_short(self, number, text):
        assert short_number(number) == text


def _ended(at, name):
    delivery(name, requested_at=at, created_at=at, finished_at=at)
