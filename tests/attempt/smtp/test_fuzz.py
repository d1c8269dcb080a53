"""Whatever a relay says, in whatever pieces: a report that holds together, and no exception."""

import ssl
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.relay import Relay
from deliveries.attempt.smtp.replies import ProtocolError, find_end, find_short, parse_reply
from deliveries.conf import TlsMode
from deliveries.outcome.report import Event, Report
from deliveries.outcome.verdict import Policy, Standing, decide
from deliveries.states import DeliveryStatus, Phase
from tests.attempt.smtp.posting import RECIPIENT, Post
from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Act, Drop, Send, Stage
from tests.relay.scripted import ScriptedRelay

STAGES = [
    Stage.GREETING,
    Stage.EHLO,
    Stage.STARTTLS,
    Stage.EHLO_TLS,
    Stage.AUTH,
    Stage.MAIL,
    Stage.RCPT,
    Stage.DATA,
    Stage.BODY,
    Stage.FINAL,
    Stage.RSET,
]
POLICY = Policy(ladder=(timedelta(minutes=1),), markers=("suppress",), retries_unknown=True)

tokens = st.sampled_from(
    [
        *(b"%d" % code for code in (150, 220, 235, 250, 251, 334, 354, 421, 450, 452, 550, 552)),
        *(b"-", b" ", b"\r\n", b"\n", b"\r", b"\0", b"\xff\xfe", b"5", b"\x15\x03\x01\x00\x02"),
        *(b"4.5.3 ", b"5.7.1 ", b"SIZE 3", b"AUTH LOGIN", b"PIPELINING", b"SMTPUTF8", b"suppress"),
        *(b"x" * 600, b"x" * 5000, b"250-a\r\n" * 150, b"250 ok\r\n" * 3),
    ]
)
sayings = st.one_of(
    st.binary(max_size=40),
    st.lists(tokens, max_size=12).map(b"".join),
    st.builds(lambda code, rest: b"%d %b\r\n" % (code, rest), st.integers(100, 699), st.binary()),
)
plays = st.lists(sayings, max_size=3)


@given(sayings)
def test_where_a_reply_ends(received: bytes) -> None:
    """The quick way through replies of one line finds what the thorough one finds."""
    short = find_short(received)
    left = received
    for reply in short:
        assert find_end(left) == len(reply)
        assert parse_reply(reply).text.isprintable()
        left = left[len(reply) :]
    assert not short or not left


@given(sayings, st.integers(0, 40))
def test_a_reply_that_comes_in_pieces(received: bytes, cut: int) -> None:
    """Where a reply ends does not depend on what has come already."""

    def end_of(part: bytes) -> int | None:
        try:
            return find_end(part)
        except ProtocolError:
            return None

    whole, first = end_of(received), end_of(received[:cut])
    assert first in {-1, whole}
    if whole is not None and whole > 0:
        assert parse_reply(received[:whole]).code == int(received[:3])


@pytest.fixture(scope="module", params=list(TlsMode))
def place(
    request: pytest.FixtureRequest, authority: Authority, trusting: ssl.SSLContext
) -> Iterator[tuple[ScriptedRelay, Relay]]:
    """A relay, and what a client needs to know of it."""
    mode: TlsMode = request.param
    relay = ScriptedRelay(
        keywords=[*KEYWORDS, "STARTTLS", "AUTH PLAIN"],
        context=None if mode is TlsMode.NONE else authority.server_context(),
        implicit_tls=mode is TlsMode.TLS,
    )
    with relay:
        yield (
            relay,
            Relay(
                host=relay.host,
                port=relay.port,
                tls=mode,
                helo_name="client.test",
                timeout=10.0,
                final_reply_timeout=10.0,
                username="user",
                password="open sesame",
                ssl_context=trusting,
            ),
        )


@settings(max_examples=150)
@given(stage=st.sampled_from(STAGES), says=plays)
def test_whatever_the_relay_says(
    place: tuple[ScriptedRelay, Relay], stage: Stage, says: list[bytes]
) -> None:
    relay, settings_of_client = place
    acts: list[Act] = [*map(Send, says), Drop()]
    relay.play({stage: acts})
    post = Post(Client(settings_of_client))
    try:
        for _ in range(2):  # a second mail, if the connection outlives the first
            taken = len(relay.messages)
            report = post.send()
            check(report, dot_arrived=len(relay.messages) > taken, early=is_early(stage, says))
    finally:
        post.client.close()


def is_early(stage: Stage, says: list[bytes]) -> bool:
    """Whether a 2xx may be in it to a message that the relay has not read to its end: one reply too
    many, or one inside the message. Once the dot is written no client can tell it from an answer.
    """
    if stage is Stage.BODY:
        return True
    said = b"".join(says)
    try:
        end = find_end(said)
    except ProtocolError:
        return False
    return 0 < end < len(said)


def check(report: Report, *, dot_arrived: bool, early: bool) -> None:
    assert report.event is not Event.GIVEN_BACK
    assert report.phase is Phase.FINAL or not dot_arrived
    assert report.phase is Phase.FINAL or not report.final_dot_written
    completion = decide(
        reports=[report], recipients=[RECIPIENT], standing=Standing(attempt_no=1), policy=POLICY
    )
    assert "sesame" not in repr(completion)
    if completion.status is DeliveryStatus.SENT:
        assert dot_arrived or early
        assert report.reply is not None
        assert report.reply.code // 100 == 2
    assert completion.attempt.outcome_unknown == report.final_dot_written
