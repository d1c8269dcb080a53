"""The page of a delivery: its timeline, its recipients, what it looks like."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from deliveries.console.story.recipients import recipients_of
from deliveries.console.story.timeline import spell, tell
from deliveries.console.words import ATTEMPT_STATUS, DELIVERY_STATUS, FAILURE, PHASE, SOURCE
from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase, Source
from tests.console.scenery import DEAD, SENT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.process
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
class TestPage:
    def test_a_dead_letter_tells_its_whole_story_in_order(self, scene, running):
        text = running.admin().get(f"/admin/deliveries/{DEAD}/").text
        told = [
            "Your order 10482 is on its way",
            "Accepted",
            "asked for 3.0 s before",
            "Attempt 1: transport failed",
            "450 4.7.1 try again later, the queue is full",
            "at a recipient (RCPT)",
            "Attempt 2: transport failed",
            "while connecting",
            "Attempt 3: transport failed",
            "certificate has expired",
            "Attempt 4: timed out",
            "Nobody knows whether the relay took it.",
            "after the whole message",
            "Dead letter",
            "no reply to the message within 30 s",
        ]
        places = [text.find(words, text.find("What happened")) for words in told[1:]]
        assert -1 not in places
        assert places == sorted(places)

    def test_it_shows_recipients_headers_content_and_record(self, scene, running):
        text = running.admin().get(f"/admin/deliveries/{DEAD}/").text
        for words in (
            "grace.hopper@example.com",
            "not reached",
            "550 5.1.1 no such user here",
            "shop@example.com",
            "X-Order",
            "&lt;mailto:stop@example.com&gt;",
            "delivery-note.pdf",
            "application/pdf",
            "your parcel left our house this morning.",
            "Content-Type: multipart/mixed",
            f"Message-ID: &lt;{DEAD}@mail.example.com&gt;",
            "order-10482:shipped",
            "req-5521",
        ):
            assert words in text, words

    def test_a_template_says_which_locale_it_used(self, scene, running):
        text = running.admin().get(f"/admin/deliveries/{SENT}/").text
        assert "From billing.receipt, in de for lack of de-AT." in text
        assert "Attempt 1: accepted" in text

    def test_content_that_is_pruned_is_said_to_be(self, scene, running, sql):
        sql("DELETE FROM attachments")
        sql("DELETE FROM delivery_payloads")
        answer = running.admin().get(f"/admin/deliveries/{DEAD}/")
        assert answer.status == 200
        assert "Its content is no longer kept." in answer.text

    @pytest.mark.parametrize("name", ["no-such-delivery", "%00", "add", "a" * 400])
    def test_an_unknown_one_is_not_found(self, scene, running, name):
        assert running.admin().get(f"/admin/deliveries/{name}/").status == 404
        assert running.admin().get(f"/admin/deliveries/{name}/html/").status == 404

    def test_hostile_content_stays_text(self, scene, running, sql):
        hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
        sql("UPDATE delivery_payloads SET subject = %s, text_body = %s", hostile, hostile)
        sql("UPDATE attempts SET provider_summary = %s", hostile)
        sql(
            "UPDATE deliveries SET last_provider_summary = %s, idempotency_key = %s || id",
            *[hostile] * 2,
        )
        text = running.admin().get(f"/admin/deliveries/{DEAD}/").text
        assert "<script" not in text
        assert "<img src=x" not in text


class TestTimeline:
    def test_what_lies_ahead_is_marked(self):
        events = tell(
            delivery=_delivery(
                status="queued",
                send_at=NOW + timedelta(hours=1),
                next_attempt_at=NOW + timedelta(hours=1),
                expires_at=NOW + timedelta(hours=2),
            ),
            attempts=[],
            dead_letter=None,
        )
        assert [(e.title, e.ahead) for e in events] == [
            ("Accepted", False),
            ("May be sent from here on", False),
            ("First attempt due", True),
            ("Expires", True),
        ]

    def test_an_attempt_not_claimed_is_ahead_and_has_no_duration(self):
        handed_out = _attempt(status="scheduled", started_at=None, finished_at=None)
        (_, event) = tell(
            delivery=_delivery(status="sending"), attempts=[handed_out], dead_letter=None
        )
        assert event.ahead
        assert "took" not in dict(event.facts)

    def test_an_expired_one_says_why(self):
        failed = _delivery(status="failed", finished_at=NOW, last_failure_code="expired")
        assert tell(delivery=failed, attempts=[], dead_letter=None)[-1].text == FAILURE["expired"]

    def test_sent_to_some_is_said(self):
        partly = _delivery(status="sent", finished_at=NOW, recipients_refused=[{"address": "a@b"}])
        assert (
            "some of its recipients"
            in tell(delivery=partly, attempts=[], dead_letter=None)[-1].text
        )

    def test_recipients_are_listed_where_they_differ(self):
        one = [{"address": "a@b", "outcome": "accepted", "smtp_code": 250}]
        two = [*one, {"address": "c@d", "outcome": "refused", "smtp_code": 550}]
        events = tell(
            delivery=_delivery(),
            attempts=[_attempt(recipients=one), _attempt(recipients=two)],
            dead_letter=None,
        )
        assert [len(event.recipients) for event in events[1:]] == [0, 2]


class TestRecipients:
    BOXES = {
        "to": [{"email": "a@x", "name": "A"}, {"email": "b@x", "name": ""}],
        "bcc": [{"email": "c@x", "name": ""}, {"email": "a@x", "name": "again"}],
        "reply_to": [{"email": "r@x", "name": ""}],
    }

    @pytest.mark.parametrize(
        ("delivery", "expected"),
        [
            ({"status": "queued"}, ["waiting", "waiting", "waiting"]),
            ({"status": "sent", "recipients_accepted": 3}, ["accepted"] * 3),
            (
                {
                    "status": "queued",
                    "recipients_accepted": 1,
                    "recipients_left": ["c@x"],
                    "recipients_refused": [
                        {"address": "b@x", "suppressed": True, "summary": "550"}
                    ],
                },
                ["accepted", "suppressed", "waiting"],
            ),
            (
                {
                    "status": "sent",
                    "recipients_accepted": 1,
                    "recipients_left": ["b@x"],
                    "recipients_refused": [
                        {"address": "c@x", "suppressed": False, "summary": "550"}
                    ],
                },
                ["accepted", "not reached", "refused"],
            ),
            ({"status": "failed"}, ["not reached"] * 3),
            (
                {"status": "dead_letter", "recipients_left": ["a@x", "b@x", "c@x"]},
                ["not reached"] * 3,
            ),
        ],
    )
    def test_each_once_with_what_it_got(self, delivery, expected):
        found = recipients_of(delivery=_delivery(**delivery), mailboxes=self.BOXES)
        assert [(one.role, one.address) for one in found] == [
            ("to", "a@x"),
            ("to", "b@x"),
            ("bcc", "c@x"),
        ]
        assert [one.outcome for one in found] == expected


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(milliseconds=-3), "0 ms"),
        (timedelta(milliseconds=340), "340 ms"),
        (timedelta(seconds=2.44), "2.4 s"),
        (timedelta(minutes=4, seconds=50), "5 min"),
        (timedelta(hours=1, minutes=1), "1 h 1 min"),
        (timedelta(days=3, hours=5), "3 d 5 h"),
        (timedelta(minutes=59, seconds=50), "1 h 0 min"),
        (timedelta(seconds=59.96), "1 min"),
    ],
)
def test_lengths_of_time(length, words):
    assert spell(length) == words


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (DELIVERY_STATUS, DeliveryStatus),
        (ATTEMPT_STATUS, AttemptStatus),
        (FAILURE, FailureCode),
        (PHASE, Phase),
        (SOURCE, Source),
    ],
)
def test_there_is_a_word_for_each(words, members):
    assert set(words) == {member.value for member in members}


def _delivery(**values):
    defaults = dict.fromkeys(
        ("send_at", "next_attempt_at", "expires_at", "finished_at", "rendered_at", "template_id")
    )
    defaults |= dict.fromkeys(("recipients_left", "recipients_refused", "last_failure_code"))
    return SimpleNamespace(
        **{
            **defaults,
            "source": "notification",
            "payload_mode": "rendered",
            "status": "sending",
            "attempt_count": 0,
            "recipients_accepted": 0,
            "created_at": NOW,
            "requested_at": NOW,
            **values,
        }
    )


def _attempt(**values):
    defaults = dict.fromkeys(
        ("phase", "failure_code", "smtp_code", "enhanced_code", "provider_summary", "recipients")
    )
    return SimpleNamespace(
        **{
            **defaults,
            "attempt_no": 1,
            "status": "provider_accepted",
            "outcome_unknown": False,
            "worker_id": 7,
            "scheduled_for": NOW,
            "started_at": NOW,
            "finished_at": NOW + timedelta(seconds=1),
            **values,
        }
    )
