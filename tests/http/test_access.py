"""Who is let in, with what, and what everybody else is told."""

import json

import pytest

from deliveries.models import Delivery
from tests.http.conftest import API, MOST_BYTES, OPERATE, SUBMIT

ROUTES = {
    "/login-code-deliveries": "POST",
    "/deliveries": "GET",
    "/deliveries/d-1": "GET",
    "/deliveries/d-1/attempts": "GET",
    "/deliveries/d-1/resend": "POST",
    "/dead-letters": "GET",
    "/malformed-commands": "GET",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
BODY = {"email": "ada@example.org", "code": "1", "locale": "en"}
JSON = {"Content-Type": "application/json"}


class TestTokens:
    @pytest.mark.parametrize("route", ROUTES)
    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer wrong-token-0123456789",
            f"Basic {OPERATE}",
            OPERATE,
            f"Bearer {OPERATE}x",
            f"Bearer {OPERATE[:-1]}",
            f"Bearer {OPERATE} {OPERATE}",
            "Bearer \xff\xfe",
        ],
    )
    def test_without_a_known_one_nobody_comes_in(self, web, route, authorization):
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = web.call(ROUTES[route], f"{API}{route}", token=None, headers=headers)
        assert (answer.status, answer.code) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        "route", [route for route in ROUTES if route != "/login-code-deliveries"]
    )
    def test_one_for_login_codes_opens_nothing_else(self, web, route):
        answer = web.call(ROUTES[route], f"{API}{route}", token=SUBMIT)
        assert (answer.status, answer.code) == (403, "insufficient_scope")
        assert "operate" in answer.headers["WWW-Authenticate"]

    def test_one_for_operators_opens_everything(self, web):
        assert web.post("/login-code-deliveries", BODY, token=OPERATE).status == 202
        assert web.get("/deliveries").status == 200

    def test_the_scheme_is_of_any_case(self, web):
        headers = {"Authorization": f"bEARER {OPERATE}"}
        assert web.get("/deliveries", token=None, headers=headers).status == 200

    def test_the_log_has_the_name_and_never_the_token(self, web):
        web.get("/deliveries/who-asks")
        wanted = [line for line in web.process.logged("request answered") if line["delivery_id"]]
        assert wanted[-1]["caller"] == "desk"
        assert OPERATE not in web.process.output
        assert SUBMIT not in web.process.output

    def test_several_at_once_for_a_rotation(self, own_web):
        old, fresh = "an-old-token-0123456789", "a-new-token-0123456789"
        web = own_web(MAIL_INTERNAL_API_TOKENS=f"a:submit={old},b:submit={fresh}")
        for number, token in enumerate((old, fresh)):
            answer = web.post("/login-code-deliveries", BODY, token=token, key=f"k-{number}")
            assert answer.status == 202

    def test_on_loopback_none_are_needed(self, own_web):
        web = own_web(MAIL_INTERNAL_API_TOKENS=None)
        assert web.post("/login-code-deliveries", BODY, token=None).status == 202
        assert web.get("/deliveries", token="whatever").status == 200


class TestRoutes:
    @pytest.mark.parametrize("route", ROUTES)
    @pytest.mark.parametrize("method", METHODS)
    def test_each_takes_its_method_and_no_other(self, web, route, method):
        if method == ROUTES[route]:
            return
        answer = web.call(method, f"{API}{route}")
        assert answer.status == 405
        assert answer.headers["Allow"] == ROUTES[route]
        if method != "HEAD":
            assert answer.code == "method_not_allowed"

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/healthz",
            "/readyz",
            "/metrics",
            "/admin/",
            "/favicon.ico",
            "/static/x.css",
            "/api",
            "/api/v1/internal",
            "/api/v2/internal/deliveries",
            "/api/v1/internal/",
            "/api/v1/internal/deliveries/",
            "/api/v1/internal/deliveries/d-1/",
            "/api/v1/internal//deliveries",
            "/api/v1/internal/deliveries/a/b",
            "/api/v1/internal/deliveries/../deliveries",
            "/api/v1/internal/DELIVERIES",
            "/api/v1/internal/deliveries%2F",
            "//",
            "/%00",
            "/%ff",
        ],
    )
    def test_there_is_nothing_beside_them(self, web, path):
        answer = web.call("GET", path)
        assert (answer.status, answer.code) in {(404, "not_found"), (404, "delivery_not_found")}
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_no_answer_sets_a_cookie_or_may_be_kept(self, web):
        for answer in (web.get("/deliveries"), web.call("GET", "/x"), web.post_login_code()):
            assert "Set-Cookie" not in answer.headers
            if answer.status != 404:
                assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a b", "[::1"])
    def test_a_host_that_is_not_the_service_s_is_refused(self, web, host):
        answer = web.get("/deliveries", headers={"Host": host})
        assert answer.status == 400
        assert answer.code in {"invalid_host", "invalid_request"}


class TestBodies:
    def post(self, web, body, headers=JSON):
        return web.post("/login-code-deliveries", body, headers=headers)

    def test_too_large_a_one_is_not_read(self, web):
        body = json.dumps({**BODY, "code": "x" * MOST_BYTES}).encode()
        answer = self.post(web, body)
        assert (answer.status, answer.code) == (413, "body_too_large")

    def test_one_of_the_largest_size_is(self, web):
        body = json.dumps(BODY).encode().ljust(MOST_BYTES)
        assert self.post(web, body).status == 202
        assert self.post(web, body + b" ").status == 413

    @pytest.mark.parametrize(
        "media_type",
        ["text/plain", "", "application/json; charset=latin-1", "application/x-www-form-urlencoded",
         "multipart/form-data; boundary=x", "application/jsonp", "application/merge-patch+json"],
    )  # fmt: skip
    def test_of_another_media_type(self, web, media_type):
        answer = self.post(web, json.dumps(BODY).encode(), {"Content-Type": media_type})
        assert (answer.status, answer.code) == (415, "unsupported_media_type")

    def test_a_compressed_one(self, web):
        answer = self.post(web, b"\x1f\x8b", {**JSON, "Content-Encoding": "gzip"})
        assert answer.code == "unsupported_media_type"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"1",
            b'"text"',
            b"\xff\xfe",
            b"\xef\xbb\xbf{}",
            b"{'email': 1}",
            b'{"code": NaN}',
            b'{"code": 1e999}',
            b'{"code": "\\ud800"}{}',
            b'{"email": "a@example.org", "email": "b@example.org", "code": "1", "locale": "en"}',
            b'{"code": ' + b"[" * 1500 + b"]" * 1500 + b"}",
            b'{"code": ' + b"9" * 4000 + b"}",
        ],
    )
    def test_what_is_no_json_object(self, web, body):
        answer = self.post(web, body)
        assert answer.status in {400, 422}
        if answer.status == 400:
            assert answer.code == "invalid_json"
        assert not Delivery.objects.exists()

    def test_one_without_a_length(self, web):
        """Transfer-Encoding: chunked, as http.client sends an iterable."""
        headers = {**JSON, "Idempotency-Key": "k", "Authorization": f"Bearer {SUBMIT}"}
        raw = json.dumps(BODY).encode()
        request = (
            f"POST {API}/login-code-deliveries HTTP/1.1\r\nHost: localhost\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        ).encode()
        chunks = f"{len(raw):x}\r\n".encode() + raw + b"\r\n0\r\n\r\n"
        assert web.exchange(request + chunks).startswith(b"HTTP/1.1 202 ")
        large = b"fff\r\n" + b" " * 0xFFF + b"\r\n"
        assert web.exchange(request + large * 3 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")

    def test_one_that_breaks_off_is_no_request(self, web):
        raw = json.dumps(BODY).encode()
        request = (
            f"POST {API}/login-code-deliveries HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: k\r\n"
            f"Authorization: Bearer {SUBMIT}\r\nContent-Length: {len(raw) + 1}\r\n\r\n"
        ).encode()
        answer = web.exchange(request + raw, half_close=True)
        assert not answer.startswith(b"HTTP/1.1 202")
        assert not Delivery.objects.exists()


class TestHeads:
    """What is no HTTP, or too much of it: one answer, one line."""

    @pytest.mark.parametrize(
        ("raw", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (b"GET / HTTP/9.9\r\n\r\n", 400),
            (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 80 + b"\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: unheard-of\r\n\r\n", 501),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: a-miracle\r\n\r\n", 417),
            (b"\x1b[31mGET / HTTP/1.1\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        ],
    )  # fmt: skip
    def test_it_is_refused(self, web, raw, status):
        start = len(web.process.output)
        answer = web.exchange(raw)
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:100]
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        assert json.loads(body)["code"] == "invalid_request"
        assert b"html" not in answer.lower()
        lines = web.await_lines(start, 1)
        told = [line["status"] for line in lines if line["message"] == "request refused"]
        assert told == [status]
