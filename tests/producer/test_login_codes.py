"""The login codes' client against a server that answers as it is told."""

import json
import ssl
import threading
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from deliveries.producer import (
    IdempotencyConflictError,
    InvalidCommandError,
    LoginCode,
    LoginCodeClient,
    LoginCodeDelivery,
    Outcome,
    Patience,
    RequestRejectedError,
    TraceContext,
    UnconfirmedError,
    UnexpectedAnswerError,
)
from tests.producer.scripted_service import (
    ACCEPTED,
    Says,
    ScriptedService,
    answer_then_close,
    break_off,
    drip,
    hang_up,
    no_http,
    stall,
)
from tests.relay import Authority

CODE = LoginCode(email="ada@example.org", code="739104", locale="en")
TRACE = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1")
QUICK = Patience(total=0.5, each=0.3, first_wait=0.01, longest_wait=0.02)
LONG = Patience(total=60, each=20, first_wait=0.01, longest_wait=0.02)
OK = Says(202, ACCEPTED)


def post(service, *, patience=LONG, code=CODE, key="k-1", **options):
    client = LoginCodeClient(service.url, patience=patience, **options)
    try:
        return client.post(code, idempotency_key=key)
    finally:
        client.close()


class TestAnswers:
    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_accepted(self, outcome):
        with ScriptedService(Says(202, {**ACCEPTED, "outcome": outcome})) as service:
            assert post(service) == LoginCodeDelivery("d-1", outcome)
        [request] = service.requests
        assert request.path == "/api/v1/internal/login-code-deliveries"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["idempotency-key"] == "k-1"
        assert "authorization" not in request.headers
        assert json.loads(request.body) == {
            "email": "ada@example.org",
            "code": "739104",
            "locale": "en",
        }

    def test_everything_that_can_be_said(self):
        moment = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
        code = LoginCode(email="ä@example.org", code="1", locale="de", expires_at=moment)
        with ScriptedService(OK) as service:
            client = LoginCodeClient(f"{service.url}/mail/", token="t0ken", patience=LONG)
            client.post(code, idempotency_key="k", request_id="r 7", trace=TRACE)
            client.close()
        [request] = service.requests
        assert request.path == "/mail/api/v1/internal/login-code-deliveries"
        assert request.headers["authorization"] == "Bearer t0ken"
        assert request.headers["x-request-id"] == "r 7"
        assert request.headers["traceparent"] == TRACE.traceparent
        assert request.headers["tracestate"] == "a=1"
        members = json.loads(request.body)
        assert members["email"] == "ä@example.org"
        assert datetime.fromisoformat(members["expires_at"]) == moment

    @pytest.mark.parametrize(
        ("status", "members", "code", "fields"),
        [
            (400, {"code": "malformed_json"}, "malformed_json", ()),
            (401, {"code": "unauthorized"}, "unauthorized", ()),
            (
                422,
                {"code": "invalid", "errors": [{"field": "email"}, {"field": "739104 is bad"}]},
                "invalid",
                ("email",),
            ),
            (404, ["739104"], "", ()),
            (409, {"code": 7, "errors": 7}, "", ()),
            (403, {"code": "739104 was wrong"}, "", ()),
        ],
    )
    def test_rejected_is_not_repeated_and_shows_no_value(self, status, members, code, fields):
        answer = Says(status, members, headers={"Retry-After": "0"})
        with ScriptedService(answer) as service, pytest.raises(RequestRejectedError) as caught:
            post(service)
        assert len(service.requests) == 1
        error = caught.value
        assert (error.status, error.code, error.fields) == (status, code, fields)
        assert "739104" not in "".join(traceback.format_exception(error))

    def test_conflict(self):
        answer = Says(409, {"code": "idempotency_conflict"})
        with ScriptedService(answer) as service, pytest.raises(IdempotencyConflictError):
            post(service)
        assert len(service.requests) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            Says(200, ACCEPTED),
            Says(302, None, headers={"Location": "http://127.0.0.1:1/"}),
            Says(202, {"delivery_id": "d-1"}),
            Says(202, {"delivery_id": ["d"], "outcome": "accepted"}),
            Says(202, {"delivery_id": "d-1", "outcome": ["accepted"]}),
            Says(202, raw=b"<html>"),
            Says(202, raw=b"[" * 50_000),
            Says(202, raw=b" " * 200_000),
        ],
    )
    def test_what_no_mail_service_would_say(self, answer):
        with ScriptedService(answer) as service, pytest.raises(UnexpectedAnswerError):
            post(service)
        assert len(service.requests) == 1

    def test_a_fault_of_the_service_leaves_it_open_and_is_not_repeated_at_once(self):
        with ScriptedService(Says(500, {"code": "x"})) as service, pytest.raises(UnconfirmedError):
            post(service)
        assert len(service.requests) == 1


class TestTriesAgain:
    @pytest.mark.parametrize(
        "fault",
        [hang_up, break_off, no_http, Says(429), Says(502), Says(503), Says(504, raw=b"<html>")],
    )
    def test_what_may_pass_under_the_same_key(self, fault):
        with ScriptedService(fault, fault, OK) as service:
            assert post(service).delivery_id == "d-1"
        assert len(service.requests) == 3
        assert {request.headers["idempotency-key"] for request in service.requests} == {"k-1"}
        assert len({request.body for request in service.requests}) == 1

    def test_not_before_the_time_that_the_service_names(self, monkeypatch):
        waits = []
        monkeypatch.setattr("deliveries.producer.patience.time.sleep", waits.append)
        with ScriptedService(Says(503, headers={"Retry-After": "7"}), OK) as service:
            post(service)
        assert waits == [7.0]

    def test_waits_grow_to_a_bound_and_differ(self, monkeypatch):
        waits = []
        monkeypatch.setattr("deliveries.producer.patience.time.sleep", waits.append)
        patience = Patience(total=60, each=20, first_wait=1, longest_wait=4)
        with ScriptedService(*[Says(503)] * 5, OK) as service:
            post(service, patience=patience)
        bounds = [(0.5, 1), (1, 2), (2, 4), (2, 4), (2, 4)]
        assert all(low <= wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))
        assert len(set(waits)) == 5

    def test_a_date_in_the_past_is_now(self):
        past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
        with ScriptedService(Says(503, headers={"Retry-After": past}), OK) as service:
            assert post(service).delivery_id == "d-1"

    @pytest.mark.parametrize("named", ["120", "date"])
    def test_a_time_beyond_the_patience_is_handed_on_at_once(self, named):
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
        wait = later if named == "date" else named
        answer = Says(503, headers={"Retry-After": wait})
        with ScriptedService(answer) as service, pytest.raises(UnconfirmedError) as caught:
            post(service)
        assert len(service.requests) == 1
        assert 60 < caught.value.retry_after <= 120

    @pytest.mark.parametrize("wait", ["soon", "-1", "1e9", "²", "9" * 20])
    def test_a_time_that_is_none(self, wait):
        answer = Says(503, headers={"Retry-After": wait.encode().decode("latin-1")})
        with ScriptedService(answer, OK) as service:
            assert post(service).delivery_id == "d-1"

    @pytest.mark.parametrize("fault", [stall, drip, hang_up, Says(503)])
    def test_until_the_patience_ends(self, fault):
        with ScriptedService(fault) as service, pytest.raises(UnconfirmedError) as caught:
            post(service, patience=QUICK)
        assert len(service.requests) >= 2
        assert "739104" not in "".join(traceback.format_exception(caught.value))

    def test_an_answer_that_drips_is_cut_off_and_asked_for_again(self):
        patience = Patience(total=30, each=0.3, first_wait=0.01)
        with ScriptedService(drip, OK) as service:
            assert post(service, patience=patience).delivery_id == "d-1"

    def test_nobody_listens(self):
        client = LoginCodeClient("http://127.0.0.1:1", patience=QUICK)
        with pytest.raises(UnconfirmedError, match="ConnectionRefusedError"):
            client.post(CODE, idempotency_key="k")


class TestConnections:
    def test_one_serves_many(self):
        with ScriptedService(OK) as service:
            client = LoginCodeClient(service.url, patience=LONG)
            for number in range(5):
                client.post(CODE, idempotency_key=f"k-{number}")
            client.close()
        assert len({request.port for request in service.requests}) == 1

    def test_one_that_was_closed_meanwhile_is_replaced_at_once(self):
        waits = Patience(total=60, each=50, first_wait=40, longest_wait=40)
        with ScriptedService(answer_then_close, OK) as service:
            client = LoginCodeClient(service.url, patience=waits)
            for number in range(2):
                client.post(CODE, idempotency_key=f"k-{number}")
            client.close()
        assert [request.headers["idempotency-key"] for request in service.requests] == [
            "k-0",
            "k-1",
        ]

    def test_when_a_kept_one_is_mute_the_others_are_not_tried(self):
        both = threading.Barrier(2)

        def together(handler):
            both.wait(30)
            OK(handler)

        patience = Patience(total=60, each=2, first_wait=0.01, longest_wait=0.02)
        with ScriptedService(together, together, stall, OK) as service:
            client = LoginCodeClient(service.url, patience=patience)
            posting = [
                threading.Thread(
                    target=client.post, args=[CODE], kwargs={"idempotency_key": f"k-{number}"}
                )
                for number in range(2)
            ]
            for thread in posting:
                thread.start()
            for thread in posting:
                thread.join(30)
            client.post(CODE, idempotency_key="k-2")
            client.close()
        first, second, mute, answered = [request.port for request in service.requests]
        assert mute in {first, second}
        assert answered not in {first, second}

    @pytest.mark.parametrize("request_id", [None, "", "a\nb", "ü", "r" * 513])
    def test_a_request_id_that_is_none_keeps_no_mail_back(self, request_id):
        with ScriptedService(OK) as service:
            client = LoginCodeClient(service.url, patience=LONG)
            client.post(CODE, idempotency_key="k", request_id=request_id)
            client.close()
        assert "x-request-id" not in service.requests[0].headers

    def test_threads_share_a_client(self):
        with ScriptedService(OK) as service:
            client = LoginCodeClient(service.url, patience=LONG)
            answers = []

            def run(number):
                for place in range(10):
                    key = f"k-{number}-{place}"
                    answers.append(client.post(CODE, idempotency_key=key))

            threads = [threading.Thread(target=run, args=[number]) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            client.close()
        assert len(answers) == 80
        assert len({request.headers["idempotency-key"] for request in service.requests}) == 80

    def test_tls_is_verified(self, tmp_path):
        authority = Authority(tmp_path)
        with ScriptedService(OK, tls=authority.server_context()) as service:
            trusting = ssl.create_default_context(cafile=str(authority.ca_file))
            client = LoginCodeClient(service.url, tls=trusting, patience=LONG)
            assert client.post(CODE, idempotency_key="k").delivery_id == "d-1"
            client.close()
            doubting = LoginCodeClient(service.url, patience=LONG)
            with pytest.raises(UnexpectedAnswerError, match="certificate"):
                doubting.post(CODE, idempotency_key="k")


class TestWhatIsGiven:
    @pytest.mark.parametrize("key", ["", "a b", "k\r\nX: y", "ä", "k" * 256])
    def test_a_key_that_is_none(self, key):
        with ScriptedService(OK) as service, pytest.raises(InvalidCommandError):
            post(service, key=key)
        assert service.requests == []

    @pytest.mark.parametrize("changes", [{"code": b"1"}, {"email": "\ud800"}])
    def test_what_json_cannot_say(self, changes):
        code = LoginCode(**{"email": "a@b.org", "code": "1", "locale": "en", **changes})
        with ScriptedService(OK) as service, pytest.raises(InvalidCommandError):
            post(service, code=code)
        assert service.requests == []

    def test_a_time_without_a_zone(self):
        zoneless = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault itself
        code = LoginCode(email="a@b.org", code="1", locale="en", expires_at=zoneless)
        with pytest.raises(InvalidCommandError, match="expires_at: has no time zone"):
            code.body()

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "127.0.0.1:8080",
            "ftp://host",
            "http://",
            "http://user:s3cret@host",
            "http://host?s3cret",
            "http://host:s3cret",
        ],
    )
    def test_a_url_that_is_none(self, url):
        with pytest.raises(ValueError, match="the service's URL") as caught:
            LoginCodeClient(url)
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize("token", ["", "s3cret\n", "s3 cret", "s3crét"])
    def test_a_token_that_is_none(self, token):
        with pytest.raises(ValueError, match="the token") as caught:
            LoginCodeClient("http://host", token=token)
        assert "s3" not in str(caught.value)

    def test_what_is_shown_of_it_is_no_secret(self):
        shown = repr(CODE)
        assert "739104" not in shown
        assert "ada" not in shown


def test_patience_that_contradicts_itself():
    for wrong in ({"total": 1, "each": 2}, {"each": 0}, {"first_wait": 2, "longest_wait": 1}):
        with pytest.raises(ValueError, match="needs"):
            Patience(**wrong)
