"""A login code on its way, at a relay that repeats it in its reply."""

from contextlib import closing

import pytest

from deliveries.models import Attempt, DeadLetter, Delivery
from deliveries.producer import LoginCode, LoginCodeClient
from mailproject.embedded.ports import LOOPBACK, ReservedPort
from tests.http.conftest import Web
from tests.relay import ScriptedRelay, Stage
from tests.stack.waiting import wait_until
from tests.system.conftest import statuses

pytestmark = [
    pytest.mark.process,
    pytest.mark.servers,
    pytest.mark.django_db(transaction=True),
]

ADDRESS = "ada@example.org"
COMMANDS = ("serve", "run_scheduler", "run_attempts")


@pytest.mark.parametrize(
    ("code", "stage", "reply", "status"),
    [
        ("739104", Stage.FINAL, f"554 5.7.1 to <{ADDRESS}> with code 739104 is spam", "failed"),
        ("739104", Stage.FINAL, f"451 4.7.1 {ADDRESS}, 739104: later", "dead_letter"),
        ("739104", Stage.RCPT, f"550 5.1.1 <{ADDRESS}> unknown, 739104", "failed"),
        ("KTRF-9XQ2", Stage.FINAL, "550 5.7.1 spam: KTRF-9XQ2 is your sign-in code", "failed"),
        ("QWERTZ", Stage.RCPT, "450 4.7.1 found QWERTZ,\nfound QWERTZ", "dead_letter"),
    ],
)
def test_what_the_relay_repeats_is_not_kept(start, code, stage, reply, status):
    with ScriptedRelay({stage: reply}) as relay, ReservedPort() as port:
        address = f"{LOOPBACK}:{port.number}"
        port.release()
        processes = start(
            relay, COMMANDS, MAIL_RETRY_LADDER="100ms", MAIL_INTERNAL_HTTP_ADDR=address
        )
        with closing(LoginCodeClient(f"http://{address}")) as client:
            delivery = client.post(
                LoginCode(email=ADDRESS, code=code, locale="en"), idempotency_key="login:1"
            )
        wait_until(lambda: statuses() == {delivery.delivery_id: status})
        web = Web(processes["serve"], port.number)
        path = f"/api/v1/internal/deliveries/{delivery.delivery_id}"
        answers = [
            web.call("GET", path, token=None),
            web.call("GET", f"{path}/attempts", token=None),
        ]
        answers.append(web.call("GET", "/api/v1/internal/dead-letters", token=None))
    rows = [
        *Attempt.objects.values_list("provider_summary", flat=True),
        *DeadLetter.objects.values_list("reason", flat=True),
        *Delivery.objects.values_list("last_provider_summary", "recipients_refused"),
    ]
    assert f"{reply[:9]} " in str(rows)
    said = [*(answer.body.decode() for answer in answers), str(rows)]
    said += [process.output for process in processes.values()]
    assert all(answer.status == 200 for answer in answers)
    assert not [text for text in said if code in text]
    assert ADDRESS not in str(rows).replace(f"'address': '{ADDRESS}'", "")
