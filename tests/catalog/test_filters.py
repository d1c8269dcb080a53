"""The filters of this service: times and links."""

import pytest

from deliveries.catalog.catalog import RenderFailed, render


@pytest.mark.parametrize(
    ("locale", "time", "day", "moment"),
    [
        ("en", "2026-03-09T14:30:00Z", "March 9, 2026", "March 9, 2026 at 14:30 UTC"),
        ("en-GB", "2026-03-09T00:05:59.999Z", "March 9, 2026", "March 9, 2026 at 00:05 UTC"),
        ("en", "2026-12-31t23:59:00z", "December 31, 2026", "December 31, 2026 at 23:59 UTC"),
        ("en", "2026-01-01T01:00:00+00:00", "January 1, 2026", "January 1, 2026 at 01:00 UTC"),
        (
            "en",
            "2026-01-01T01:00:00-03:30",
            "January 1, 2026",
            "January 1, 2026 at 01:00 UTC-03:30",
        ),
        ("de", "2026-03-09T14:30:00Z", "9. März 2026", "9. März 2026 um 14:30 Uhr (UTC)"),
        (
            "de-AT",
            "2026-03-09T14:30:00+01:00",
            "9. März 2026",
            "9. März 2026 um 14:30 Uhr (UTC+01:00)",
        ),
        ("fr", "2026-03-09T14:30:00Z", "2026-03-09", "2026-03-09 14:30 UTC"),
        ("zh-Hant", "2026-03-09T14:30:00.123456789Z", "2026-03-09", "2026-03-09 14:30 UTC"),
    ],
)
def test_time(unchecked, locale, time, day, moment):
    template = unchecked("{{ it|date }}/{{ it|datetime }}", locale=locale)

    assert render(template, {"it": time}).text_body == f"{day}/{moment}"


@pytest.mark.parametrize(
    ("it", "reason"),
    [
        *(
            (value, "a time is not in RFC 3339 form")
            for value in (
                "", "now", "2026-03-09", "2026-03-09 14:30:00Z", "2026-03-09T14:30:00",
                "2026-03-09T14:30Z", "20260309T143000Z", "2026-W11-1T14:30:00Z",
                " 2026-03-09T14:30:00Z",
                "2026-03-09T14:30:00Z\n", "٢٠٢٦-03-09T14:30:00Z", 1773066600, True, [], {},
            )
        ),
        *(
            (value, "a time is not a valid date and time")
            for value in (
                "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:30:00Z",
                "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+25:00",
            )
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["date", "datetime"])
def test_no_time(unchecked, name, it, reason):
    with pytest.raises(RenderFailed) as caught:
        render(unchecked(f"{{{{ it|{name} }}}}"), {"it": it})

    assert caught.value.reason == reason
    assert caught.value.line == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com",
        "HTTP://example.com:8080/a?b=c&d=é#e",
        "https://user@bücher.example/~x",
        "https://[2001:db8::1]/",
    ],
)
def test_link(unchecked, address):
    assert render(unchecked("{{ it|link }}"), {"it": address}).text_body == address


@pytest.mark.parametrize(
    "address",
    [
        "", "example.com", "//example.com", "/path", "https:example.com", "https://", "https:///x",
        "javascript:alert(1)", "data:text/html,x", "mailto:a@example.com", " https://example.com",
        "https://example.com/ x", "https://example.com\n", "java\nscript:x", 'https://a"onclick="x',
        "https://example.com/<b>", "https://example.com/'x'", "https://\\example.com", 7, ["x"], {},
    ],
)  # fmt: skip
def test_no_link(unchecked, address):
    with pytest.raises(RenderFailed) as caught:
        render(unchecked("{{ it|link }}"), {"it": address})

    assert caught.value.reason == "a link is not an http or https address"
