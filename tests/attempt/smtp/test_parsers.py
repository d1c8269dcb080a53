"""Dots and smuggling, by other people's parsers: one mail stays one mail, to the byte."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.writer import write_message
from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.relay import Relay
from deliveries.conf import TlsMode
from deliveries.payload import Attachment, Mailbox, Payload
from tests.attempt.message.test_roundtrip import body_text, header_text
from tests.attempt.smtp.parsers import Server, aiosmtpd, smtp_sink
from tests.attempt.smtp.posting import ACCEPTED, SENDER, Post, facts

EVIL = b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nhi"
ENDS = [
    b"\r\n.\r\n",
    b"\n.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n..\r\n",
]


@pytest.fixture(scope="module", params=["aiosmtpd", "smtp-sink"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "aiosmtpd":
        with aiosmtpd() as found:
            yield found
    else:
        with smtp_sink() as found:
            yield found


@pytest.fixture(scope="module")
def post(server: Server) -> Iterator[Post]:
    relay = Relay(server.host, server.port, TlsMode.NONE, "client.test", 30.0, 30.0)
    post = Post(Client(relay))
    yield post
    post.client.close()


def normal(message: bytes) -> bytes:
    """With LF for whatever ended a line, and an end to the last one."""
    text = re.sub(rb"\r\n|\r|\n", b"\n", message)
    return text if text.endswith(b"\n") else text + b"\n"


def check(server: Server, post: Post, message: bytes) -> None:
    server.clear()
    assert facts(post.send(message=message)) == ACCEPTED
    (taken,) = server.taken()
    assert taken.sender == SENDER
    assert taken.content == normal(message)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_smuggled(server: Server, post: Post, end: bytes) -> None:
    check(server, post, b"Subject: a\r\n\r\nbefore" + end + EVIL + end + b"after\r\n")


@pytest.mark.parametrize(
    "body", [b".", b"..", b".\r\n", b"\r\n.", b"a\r\n..\r\n.b\r\n", b"\r\n\r\n"]
)
def test_dots_arrive(server: Server, post: Post, body: bytes) -> None:
    check(server, post, b"Subject: a\r\n\r\n" + body)


pieces = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\xc3\xa9", EVIL, b"\r\n.\r\n"]),
    max_size=20,
).map(b"".join)


@settings(max_examples=100)
@given(body=pieces)
def test_any_line_ends(server: Server, post: Post, body: bytes) -> None:
    check(server, post, b"Subject: a\r\n\r\n" + body)


payloads = st.builds(
    Payload,
    to=st.just((Mailbox("to@recipient.test"),)),
    subject=header_text,
    text_body=body_text,
    html_body=st.none() | body_text,
    attachments=st.lists(
        st.builds(
            Attachment,
            filename=header_text.filter(bool),
            content_type=st.just("text/csv"),
            content=st.binary(max_size=200),
        ),
        max_size=1,
    ).map(tuple),
)


@settings(max_examples=60)
@given(payload=payloads)
def test_what_the_writer_writes(server: Server, post: Post, payload: Payload) -> None:
    message = write_message(
        payload=payload,
        sender=Mailbox(SENDER),
        message_id="<1@sender.test>",
        date=datetime(2025, 3, 1, tzinfo=UTC),
    )
    check(server, post, message)
