"""The web process as a whole: its start, its end, and what it does when others are away."""

import os
import shutil
import signal
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from deliveries.models import Delivery, DeliveryPayload, Worker
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from tests.http.conftest import API, SUBMIT
from tests.http.passage import Passage
from tests.stack.waiting import wait_until

pytestmark = [pytest.mark.process]

BODY = b'{"email": "ada@example.org", "code": "1", "locale": "en"}'


def request_of(body=BODY, *, key="k-1", length=None):
    return (
        f"POST {API}/login-code-deliveries HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\n"
        f"Authorization: Bearer {SUBMIT}\r\nContent-Length: {length or len(body)}\r\n\r\n"
    ).encode() + body


def workers_of(web):
    """The pids of gunicorn's workers."""
    children = Path(f"/proc/{web.process.pid}/task/{web.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def on_record(web):
    """Those of them that have a row; another test's process may have others."""
    return set(
        Worker.objects.filter(type="web", pid__in=workers_of(web)).values_list("pid", flat=True)
    )


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


class TestStart:
    def test_is_told_in_one_line_and_on_record(self, own_web):
        web = own_web()
        (line,) = web.process.logged("internal HTTP listener started")
        assert (line["process"], line["level"]) == ("web", "info")
        assert line["address"] == f"{LOOPBACK}:{web.port}"
        wait_until(lambda: len(workers_of(web)) == 2)
        wait_until(lambda: on_record(web) == set(workers_of(web)))
        assert web.get("/deliveries").status == 200

    @pytest.mark.parametrize(
        ("overrides", "status", "words"),
        [
            ({"MAIL_SECRET_KEY": "short"}, 78, "MAIL_SECRET_KEY"),
            ({"MAIL_INTERNAL_HTTP_ADDR": "0.0.0.0:8080", "MAIL_INTERNAL_API_TOKENS": None}, 78,
             "MAIL_INTERNAL_API_TOKENS"),
            ({"MAIL_INTERNAL_API_TOKENS": "a:submit=short"}, 78, "MAIL_INTERNAL_API_TOKENS"),
            ({"MAIL_REDIS_MASTER_ADDR": "127.0.0.1:1"}, 69, "Redis"),
            ({"MAIL_POSTGRES_PRIMARY_DSN": "postgresql://a@127.0.0.1:1/mail"}, 69, "PostgreSQL"),
        ],
    )  # fmt: skip
    def test_fails_fast_and_binds_nothing(self, service, overrides, status, words):
        with ReservedPort() as port:
            number = port.number
        address = {"MAIL_INTERNAL_HTTP_ADDR": f"{LOOPBACK}:{number}"}
        process = service.start("serve", overrides={**address, **overrides})
        assert process.wait() == status
        assert words in process.output
        assert "started" not in process.output
        assert "Traceback" not in process.output
        assert not is_listening(number)

    def test_fails_without_the_template_of_login_codes(self, service, tmp_path):
        catalog = tmp_path / "templates"
        shutil.copytree(settings.MAIL.template_dir / "billing.receipt", catalog / "billing.receipt")
        process = service.start("serve", overrides={"MAIL_TEMPLATE_DIR": str(catalog)})
        assert process.wait() == 78
        assert "auth.login_code" in process.output

    def test_a_trusted_network_may_do_without_tokens(self, service):
        with ReservedPort() as port:
            number = port.number
        overrides = {
            "MAIL_INTERNAL_HTTP_ADDR": f"0.0.0.0:{number}",
            "MAIL_INTERNAL_HTTP_TRUSTED": "true",
        }
        process = service.start("serve", overrides=overrides)
        process.wait_until_started()
        assert process.stop() == 0

    def test_other_variables_of_gunicorn_change_nothing(self, own_web):
        web = own_web(GUNICORN_CMD_ARGS="--bind 127.0.0.1:1 --workers 7", WEB_CONCURRENCY="9")
        assert web.get("/deliveries").status == 200
        assert len(workers_of(web)) == 2

    def test_starts_in_any_folder(self, service, tmp_path, transactional_db):
        root = Path(__file__).resolve().parents[2]
        with ReservedPort() as port:
            number = port.number
        process = service.start_program(
            ["/bin/sh", "-c", f"cd {tmp_path} && exec {sys.executable} {root}/manage.py serve"],
            name="serve",
            overrides={"MAIL_INTERNAL_HTTP_ADDR": f"{LOOPBACK}:{number}"},
        )
        process.wait_until_started()
        with socket.create_connection((LOOPBACK, number), timeout=30) as client:
            client.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 404")


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_request_under_way_is_answered_first(self, own_web, postgres_admin, number):
        web = own_web()
        wait_until(lambda: len(on_record(web)) == 2)
        pids, answers = workers_of(web), []
        with psycopg.connect(postgres_admin) as holder:
            holder.execute("LOCK TABLE mail.deliveries IN ACCESS EXCLUSIVE MODE")
            caller = threading.Thread(target=lambda: answers.append(web.post_login_code()))
            caller.start()
            wait_until(lambda: waits_for_a_lock(postgres_admin))
            web.process.signal(number)
            wait_until(lambda: not is_listening(web.port))
            assert not answers
        caller.join(30)
        assert [answer.status for answer in answers] == [202]
        assert web.process.wait() == 0
        assert len(web.process.logged("internal HTTP listener stopped")) == 1
        assert not Worker.objects.filter(pid__in=pids, lease_until__gt=now()).exists()

    def test_ctrl_c_on_the_whole_group_and_twice_is_no_worse(self, own_web):
        web = own_web()
        web.get("/deliveries")
        for pid in (web.process.pid, *workers_of(web), web.process.pid):
            os.kill(pid, signal.SIGINT)
        assert web.process.wait() == 0
        assert web.process.logged("internal HTTP listener stopped")

    def test_a_caller_that_never_finishes_holds_nobody_up(self, own_web):
        web = own_web(MAIL_SHUTDOWN_TIMEOUT="3s")
        with web.connect() as idle, web.connect() as slow:
            slow.sendall(request_of(length=500))
            web.get("/deliveries")
            assert web.process.stop() == 0
            del idle

    def test_a_worker_that_is_killed_is_replaced(self, own_web):
        web = own_web()
        wait_until(lambda: len(on_record(web)) == 2)
        killed = workers_of(web)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(workers_of(web)) - set(killed)) == 2)
        assert web.get("/deliveries").status == 200

    def test_workers_do_not_outlive_a_killed_arbiter(self, own_web):
        web = own_web()
        web.get("/deliveries")
        workers = workers_of(web)
        web.process.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
        assert not is_listening(web.port)


class TestKilledInMidRequest:
    """kill -9 of the worker that has the request: nothing, or what the same key finds."""

    @pytest.mark.parametrize("moment", ["before", "receiving", "storing", "stored"])
    def test_the_same_key_makes_it_one(self, own_web, postgres_admin, moment):
        web = own_web(MAIL_INTERNAL_HTTP_WORKERS="1")
        web.get("/deliveries")
        (worker,) = workers_of(web)
        with web.connect() as client, psycopg.connect(postgres_admin) as holder:
            if moment == "receiving":
                client.sendall(request_of(length=len(BODY) + 10))
            if moment == "storing":
                holder.execute("LOCK TABLE mail.delivery_payloads IN ACCESS EXCLUSIVE MODE")
                client.sendall(request_of())
                wait_until(lambda: waits_for_a_lock(postgres_admin))
            if moment == "stored":
                client.sendall(request_of())
                wait_until(Delivery.objects.exists)
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker not in workers_of(web) and workers_of(web))
        wait_until(lambda: not sessions_with_locks(postgres_admin))
        stored = list(Delivery.objects.values_list("delivery_id", flat=True))
        assert len(stored) <= 1
        assert moment != "stored" or stored
        answer = web.post("/login-code-deliveries", BODY, headers=_JSON, token=SUBMIT)
        assert answer.status == 202
        assert [answer.json["delivery_id"]] == (stored or [answer.json["delivery_id"]])
        assert Delivery.objects.count() == DeliveryPayload.objects.count() == 1

    def test_a_rain_of_kills_loses_no_answer_and_doubles_nothing(self, own_web):
        web = own_web()
        web.get("/deliveries")
        done, accepted = threading.Event(), {}

        def post(lane):
            number = 0
            while not done.is_set():
                key = f"k-{lane}-{number}"
                try:
                    answer = web.post_login_code(key=key)
                except (OSError, HTTPException):
                    continue  # no answer: the same key again
                if answer.status == 202:
                    accepted[key] = answer.json["delivery_id"]
                    number += 1

        posting = [threading.Thread(target=post, args=(lane,)) for lane in range(4)]
        for thread in posting:
            thread.start()
        for _ in range(6):
            pids = workers_of(web)
            if pids:
                os.kill(pids[0], signal.SIGKILL)
            time.sleep(1.0)  # a worker needs a second to come up
        done.set()
        for thread in posting:
            thread.join(60)
        stored = dict(Delivery.objects.values_list("idempotency_key", "delivery_id"))
        assert accepted
        assert accepted.items() <= stored.items()
        assert len(stored) <= len(accepted) + len(posting)
        assert DeliveryPayload.objects.count() == len(stored)


class TestPostgresAway:
    def test_is_a_503_until_it_is_back(self, own_web, postgres_dsn):
        host, port = (psycopg.conninfo.conninfo_to_dict(postgres_dsn)[k] for k in ("host", "port"))
        with Passage(host, int(port)) as passage:
            through = postgres_dsn.replace(f":{port}/", f":{passage.port}/")
            web = own_web(MAIL_POSTGRES_PRIMARY_DSN=through)
            assert web.post_login_code().status == 202
            passage.break_off()
            for answer in (web.post_login_code(key="k-2"), web.get("/deliveries")):
                assert (answer.status, answer.code) == (503, "database_unavailable")
                assert int(answer.headers["Retry-After"]) > 0
                assert b"127.0.0.1" not in answer.body
            passage.open_again()
            assert web.post_login_code(key="k-2").status == 202
            assert len(web.process.logged("PostgreSQL does not serve the API")) <= 2 * 2
            assert web.process.stop() == 0

    def test_sessions_that_are_ended_are_made_anew(self, own_web, postgres_admin):
        """All of them, the session that is about to be used among them: nobody is told of it."""
        web = own_web(MAIL_INTERNAL_HTTP_WORKERS="1", MAIL_INTERNAL_HTTP_THREADS="2")
        for number in range(4):
            assert web.post_login_code(key=f"before-{number}").status == 202
        with psycopg.connect(postgres_admin, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'mail-service' AND pid <> pg_backend_pid()"
                " AND client_port <> %s",
                [own_port()],
            )
        for number in range(4):
            assert web.post_login_code(key=f"after-{number}").status == 202
            assert web.get("/deliveries").status == 200


class TestSlowCallers:
    def test_do_not_keep_the_others_waiting(self, own_web):
        """More of them than there are threads: silent ones, and ones that stop in mid-request."""
        web = own_web(MAIL_INTERNAL_HTTP_WORKERS="1", MAIL_INTERNAL_HTTP_THREADS="2")
        silent = [web.connect() for _ in range(20)]
        assert web.get("/deliveries").status == 200
        for each in silent:
            each.close()

    def test_are_cut_off(self, own_web):
        web = own_web(MAIL_INTERNAL_HTTP_WORKERS="1", MAIL_INTERNAL_HTTP_THREADS="2")
        with web.connect() as head, web.connect() as body:
            head.sendall(b"GET / HTTP/1.1\r\nHost:")
            body.sendall(request_of(length=500))
            # both threads are taken; the answer comes once they are free again
            assert web.get("/deliveries").status == 200
            assert not head.recv(1000)
            assert b" 202 " not in body.recv(1000)
        assert not Delivery.objects.exists()


_JSON = {"Content-Type": "application/json"}


def waits_for_a_lock(admin):
    with psycopg.connect(admin) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        ).fetchone()
        return count > 0


def sessions_with_locks(admin):
    """Whether a killed worker's transaction is still there."""
    with psycopg.connect(admin) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND application_name = 'mail-service' AND xact_start IS NOT NULL"
            " AND state <> 'idle'"
        ).fetchone()
        return count > 0


def own_port():
    """The client port of this test's own session, which is to live."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT inet_client_port()")
        return cursor.fetchone()[0]


def now():
    return datetime.now(UTC)
