"""Whatever comes in: an answer of the API's own kind, and log lines that stay lines."""

import json
import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.conftest import API, OPERATE, SUBMIT

FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ALLOWED = {200, 201, 202, 400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 431, 501}
STATUS_LINE = re.compile(rb"HTTP/1\.1 \d{3} ")

ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
raw_path = st.text(
    st.sampled_from(string.ascii_letters + string.digits + "/%.?&=;:@!$'()*+,-_~#[]\\|^`{}\"<>"),
    max_size=60,
)
escapes = st.sampled_from(
    ["%00", "%0d%0a", "%1b[31m", "%e2%80%a8", "%ff", "%2e%2e", "%c0%af", "\\u001b", "%25", "+"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def check(web, answer, start):
    """An answer of the API's own kind; one line, whatever was in the request."""
    assert answer.status in ALLOWED, answer
    assert_lines(web, start, 1)
    if answer.status >= 400 and answer.body:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["code"]
        assert answer.json["status"] == answer.status


def assert_lines(web, start, count):
    lines = web.await_lines(start, count)
    assert [line["message"] in {"request answered", "request refused"} for line in lines] == (
        [True] * count
    ), lines


@FUZZ
@given(parts=st.lists(raw_path | escapes, max_size=6), under_api=st.booleans())
def test_paths(web, parts, under_api):
    start = len(web.process.output)
    path = (API if under_api else "") + "/" + "".join(parts).replace(" ", "")
    answer = web.call("GET", path)
    assert answer.status != 202
    check(web, answer, start)


@FUZZ
@given(body=json_values)
def test_bodies_that_are_json(web, body):
    raw = json.dumps(body).encode("utf-8", "surrogatepass")
    for path in ("/login-code-deliveries", "/deliveries/d-1/resend"):
        start = len(web.process.output)
        check(web, web.post(path, raw, headers={"Content-Type": "application/json"}), start)


@FUZZ
@given(
    members=st.fixed_dictionaries(
        {},
        optional={
            "email": st.text(max_size=60) | json_values,
            "code": st.text(max_size=80) | json_values,
            "locale": st.text(max_size=20) | json_values,
            "expires_at": st.text(max_size=30) | st.datetimes().map(str) | json_values,
        },
    ),
    key=ascii_text,
)
def test_login_codes(web, members, key):
    start = len(web.process.output)
    raw = json.dumps(members).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    answer = web.post("/login-code-deliveries", raw, key=None, headers=headers, token=SUBMIT)
    check(web, answer, start)


@FUZZ
@given(body=st.binary(max_size=300))
def test_bodies_that_are_not(web, body):
    start = len(web.process.output)
    answer = web.post("/login-code-deliveries", body, headers={"Content-Type": "application/json"})
    assert answer.status in {400, 422}
    check(web, answer, start)


@FUZZ
@given(cursor=st.text(st.sampled_from(string.ascii_letters + string.digits + "-_="), max_size=80))
@pytest.mark.parametrize("path", ["/deliveries", "/dead-letters", "/malformed-commands"])
def test_cursors(web, path, cursor):
    start = len(web.process.output)
    answer = web.get(f"{path}?cursor={cursor}")
    assert answer.status == 422
    check(web, answer, start)


@FUZZ
@given(
    name=st.text(st.sampled_from(string.ascii_letters + "-_"), min_size=1, max_size=20),
    value=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60),
)
def test_headers(web, name, value):
    """Sent as bytes, line breaks included: what they smuggle in is a request like any other."""
    start = len(web.process.output)
    raw = (
        f"GET {API}/deliveries/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {OPERATE}\r\n"
    ).encode()
    raw += name.encode() + b": " + value.encode("latin-1") + b"\r\nConnection: close\r\n\r\n"
    received = web.exchange(raw, half_close=True)
    assert b"HTTP/1.1 5" not in received.replace(b"HTTP/1.1 501", b"")
    assert received == b"" or received.startswith(b"HTTP/1.1 ")
    assert_lines(web, start, len(STATUS_LINE.findall(received)))


@FUZZ
@given(raw=st.binary(min_size=1, max_size=200))
def test_anything_at_all(web, raw):
    start = len(web.process.output)
    received = web.exchange(raw + b"\r\n\r\n", half_close=True)
    assert received == b"" or received.startswith(b"HTTP/1.1 4") or b" 501 " in received[:20]
    assert b"<html" not in received.lower()
    assert_lines(web, start, len(STATUS_LINE.findall(received)))


@pytest.mark.parametrize(
    "hostile",
    [
        "%0d%0a%7B%22message%22:%22forged%22%7D",
        "%1b[2J%1b[31mred",
        "%e2%80%a8line",
        "%e2%80%aertl",
        "%c2%9b31m",
    ],
)
def test_a_hostile_path_is_one_line(web, hostile):
    start = len(web.process.output)
    assert web.call("GET", f"/{hostile}").status == 404
    (line,) = web.await_lines(start, 1)
    assert line["message"] == "request answered"
    assert line["status"] == 404
