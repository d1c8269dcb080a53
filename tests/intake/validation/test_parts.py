"""The other members of a payload: headers, attachments, texts, times, locales."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.catalog.locales import canonical
from deliveries.intake.attachments import parse_attachments
from deliveries.intake.headers import parse_headers
from deliveries.intake.members import parse_members
from deliveries.intake.rejection import Rejection
from deliveries.intake.schedule import check_send_at, parse_schedule
from deliveries.states import PayloadMode
from tests.factories import RenderedPayloadFactory, TemplatePayloadFactory


def rendered(**members):
    return parse_members(mode=PayloadMode.RENDERED, members=RenderedPayloadFactory(**members))


def template(**members):
    return parse_members(mode=PayloadMode.TEMPLATE, members=TemplatePayloadFactory(**members))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Order", "4711"),
        ("x-order", "Grüße, 愛"),
        ("X-Order", "=?utf-8?q?=0D=0ABcc:_eve?="),
        ("X-" + "n" * 74, "v" * 998),
        ("List-Unsubscribe", "<https://example.org/u?id=1>, <mailto:u@example.org>"),
        ("list-id", "News <news.example.org>"),
        ("AUTO-SUBMITTED", "auto-generated"),
        ("In-Reply-To", "<a@b>"),
        ("References", "<a@b> <c.d-e@[192.0.2.1]>"),
        ("References", "<" + "a" * 896 + "@b>"),
    ],
)
def test_headers(name, value):
    assert parse_headers({name: value}) == ((name, value),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            (name, "<a@b>")
            for name in (
                "",
                "X-",
                "X",
                "From",
                "Sender",
                "Reply-To",
                "Message-ID",
                "Content-Type",
                "Received",
                "DKIM-Signature",
                "List",
                "Auto-Submitted2",
                "X-A B",
                "X-A:",
                "X-A\r\nBcc",
                "X-Ä",
                "X-" + "n" * 75,
                # letters that are equal to ours but for their case
                "Li\u017ft-Id",
                "Reference\u017f",
                "\u0130n-Reply-To",
            )
        ],
        *[
            ("X-Order", value)
            for value in ("a\nb", "a\rb", "a\tb", "a\x00", "a\x85", "\u2028", "\ud800", " ", None)
        ],
        ("X-Order", "v" * 999),
        ("In-Reply-To", "a@b"),
        ("In-Reply-To", "<a@b>, <c@d>"),
        ("In-Reply-To", "<ä@b>"),
        ("In-Reply-To", "<a b@c>"),
        ("References", "<" + "a" * 897 + "@b>"),
        ("Auto-Submitted", "auto generated"),
        ("Auto-Submitted", "äuto"),
    ],
)
def test_refused_headers(name, value):
    with pytest.raises(Rejection) as caught:
        parse_headers({name: value})
    assert caught.value.code == "invalid_header"


def test_fifty_headers_and_no_more():
    assert len(parse_headers({f"X-{n}": "v" for n in range(50)})) == 50
    with pytest.raises(Rejection, match="at most 50"):
        parse_headers({f"X-{n}": "v" for n in range(51)})


def file(**changes):
    good = {"filename": "a.pdf", "content_type": "application/pdf", "content_base64": "AAEC"}
    return parse_attachments([{**good, **changes}])[0]


@given(st.binary(max_size=100))
def test_attached_octets_come_out_as_they_were(content):
    assert file(content_base64=base64.b64encode(content).decode()).content == content


@pytest.mark.parametrize(
    "changes",
    [
        *[
            {"content_base64": text}
            for text in ("A", "AA", "AAA", "AA==AA==", "AA=A", "=AAA", "AAEC\n", " AAEC", "AA-_")
        ],
        {"content_base64": "ÄAEC"},
        {"content_base64": None},
        *[
            {"filename": name}
            for name in (".", "..", " ", "a/b", "a\\b", "a\x00", "a\u2028b", "\ud800", "n" * 256, 7)
        ],
        *[
            {"content_type": media_type}
            for media_type in (
                "",
                "pdf",
                "a/b/c",
                "a/",
                "/b",
                "a /b",
                "a/b\r\nBcc: x",
                "ä/b",
                "text/html; charset=utf-8",
                "Multipart/Mixed",
                "x" * 128 + "/b",
                None,
            )
        ],
    ],
)
def test_refused_attachments(changes):
    with pytest.raises(Rejection) as caught:
        file(**changes)
    assert caught.value.code == "invalid_attachment"
    assert caught.value.message.startswith("attachments[0]")


@pytest.mark.parametrize(
    ("subject", "body"),
    [("s" * 998, "t"), ("=?utf-8?q?=0A?=", "\r\n.\r\nQUIT\r\n"), ("愛", "\t愛\x1b")],
)
def test_texts_are_kept_to_the_letter(subject, body):
    content = rendered(subject=subject, text_body=body, html_body=body).content
    assert (content.subject, content.text_body, content.html_body) == (subject, body, body)


@pytest.mark.parametrize("html", [None, "", " \n", 7, "a\x00", "\udfff"])
def test_an_html_body_is_left_out_or_is_right(html):
    assert rendered().content.html_body is None
    with pytest.raises(Rejection) as caught:
        rendered(html_body=html)
    assert caught.value.code == "invalid_body"
    assert caught.value.message.startswith("html_body: ")


@pytest.mark.parametrize(
    ("given_", "canonical_form"),
    [
        ("EN", "en"),
        ("de-at", "de-AT"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("ZH-YUE-HK", "zh-yue-HK"),
        ("es-419", "es-419"),
        ("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
        ("de-ch-1901-U-CO-Phonebk-x-Foo", "de-CH-1901-u-co-phonebk-x-foo"),
        ("x-whatever", "x-whatever"),
        ("I-Klingon", "i-klingon"),
        ("en-gb-oed", "en-GB-oed"),
    ],
)
def test_locales_are_kept_in_canonical_case(given_, canonical_form):
    content = template(locale=given_).content
    assert content.locale == canonical_form
    assert canonical(content.locale) == content.locale


@pytest.mark.parametrize(
    "locale",
    [
        "",
        "e",
        "-en",
        "en-",
        "en--us",
        "de_AT",
        "en_US.UTF-8",
        "en us",
        "en\n",
        "de-419-DE",
        "a-DE",
        "x",
        "en-x",
        "en-u",
        "i-english",
        "\u017fl",
        "de-ÄT",
        "en-" + "-".join(["abcde"] * 20),
        "toolonglang",
        ["en"],
    ],
)
def test_refused_locales(locale):
    with pytest.raises(Rejection) as caught:
        template(locale=locale)
    assert caught.value.code == "invalid_locale"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T10:00:00Z", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24t10:00:00z", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T00:30:00+01:00", datetime(2026, 11, 23, 23, 30, tzinfo=UTC)),
        ("2026-11-24T10:00:00-00:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T10:00:00.123456789Z", datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2028-02-29T23:59:59.9-23:59", datetime(2028, 3, 1, 23, 58, 59, 900000, tzinfo=UTC)),
    ],
)
def test_times(text, moment):
    assert parse_schedule({"send_at": text}) == (moment, None)
    assert parse_schedule({"expires_at": text}) == (None, moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24",
        "2026-11-24T10:00Z",
        "2026-11-24 10:00:00Z",
        "2026-11-24T10:00:00",
        "2026-11-24T10:00:00,5Z",
        "2026-11-24T10:00:00.Z",
        "2026-11-24T10:00:00+0100",
        "2026-11-24T10:00:00+24:00",
        "2026-11-24T24:00:00Z",
        "2026-11-24T10:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-W48-2T10:00:00Z",
        "\uff12026-11-24T10:00:00Z",
        "2026-11-24T10:00:00Z\n",
        1790000000,
        None,
    ],
)
def test_refused_times(text):
    for name in ("send_at", "expires_at"):
        with pytest.raises(Rejection) as caught:
            parse_schedule({name: text})
        assert caught.value.code == "invalid_schedule"
        assert caught.value.message.startswith(f"{name}: ")


def test_a_contradiction_is_known_without_a_clock_and_a_past_expiry_is_none():
    early, late = "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000001Z"
    assert all(parse_schedule({"send_at": early, "expires_at": late}))
    for expires_at in (early, "2020-01-01T00:00:00+00:01"):
        with pytest.raises(Rejection) as caught:
            parse_schedule({"send_at": early, "expires_at": expires_at})
        assert caught.value.code == "invalid_schedule"


def test_a_send_at_beyond_the_retention():
    now, retention = datetime(2026, 11, 24, tzinfo=UTC), timedelta(days=30)
    for send_at in (None, now - retention, now, now + retention):
        check_send_at(send_at=send_at, now=now, retention=retention)
    with pytest.raises(Rejection) as caught:
        check_send_at(
            send_at=now + retention + timedelta(microseconds=1), now=now, retention=retention
        )
    assert caught.value.code == "invalid_schedule"
