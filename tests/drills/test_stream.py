"""Incidents of the stream, its cursor and the commands on it."""

import json

import pytest
from django.conf import settings
from django.db import connection

from deliveries.models import MalformedCommand
from tests import runbook
from tests.drills.drill import long_ago
from tests.malformed_examples import PAYLOAD, fields

pytestmark = [pytest.mark.process]


def stream():
    return settings.MAIL.redis_command_stream


@pytest.mark.drill("Commands are not read")
def test_commands_are_not_read(drill):
    drill.relay()
    drill.start("run_scheduler", "run_attempts")
    drill.publish(*range(5), age=130.0)
    drill.look("Commands are not read")
    levels = drill.doctor("stream.lag", "processes.consumer")
    assert levels == {"stream.lag": "failed", "processes.consumer": "failed"}

    drill.remedy("Commands are not read")
    drill.wait_for_statuses(sent=5)
    levels = drill.doctor("stream.lag", "processes.consumer")
    assert levels == {"stream.lag": "ok", "processes.consumer": "ok"}
    drill.wait_for_metric("mail.delivery.accepted", least=5)


@pytest.mark.drill("Malformed commands")
def test_a_flood_of_malformed_commands(drill, tmp_path):
    relay = drill.relay()
    drill.start()
    for number in range(120):
        drill.publish(f"bad-{number}", payload={**PAYLOAD, "to": ["?"]})
        if number % 20 == 0:
            drill.publish(f"good-{number}")
    drill.wait_for_statuses(sent=6)
    rejected = drill.wait_for_log("consume_commands", "stream command rejected")
    assert rejected["failure_code"] == "invalid_recipient"
    assert {"delivery_id", "source", "stream_entry_id"} <= set(rejected)
    drill.wait_for_metric(
        "mail.stream_commands.malformed", least=120, failure_code="invalid_recipient"
    )
    first = MalformedCommand.objects.earliest("id")
    seen = drill.look("Malformed commands", ENTRY_ID=first.stream_entry_id)
    assert all("invalid_recipient" in said for said in seen.values())
    assert drill.doctor("stream.malformed") == {"stream.malformed": "failed"}

    corrected = tmp_path / "corrected.json"
    corrected.write_text(json.dumps({"payload_json": PAYLOAD}))
    drill.remedy("Malformed commands", ENTRY_ID=first.stream_entry_id, CORRECTED=str(corrected))
    drill.wait_for_statuses(sent=7)
    assert len(relay.messages) == 7
    MalformedCommand.objects.update(recorded_at=long_ago(70))
    assert drill.doctor("stream.malformed") == {"stream.malformed": "ok"}


@pytest.mark.drill("Gap in the stream")
def test_a_gap_in_the_stream(drill, tmp_path):
    drill.relay()
    drill.start()
    drill.publish(1, 2)
    drill.wait_for_statuses(sent=2)
    drill.stop("consume_commands")
    drill.publish(3, 4, 5, 6)
    drill.redis.xtrim(stream(), maxlen=1, approximate=False)  # somebody else's doing
    assert drill.doctor("stream.gap") == {"stream.gap": "failed"}

    drill.start("consume_commands")
    lost = drill.wait_for_log("consume_commands", "stream entries were lost before they were read")
    assert lost["entries"] == 3
    drill.wait_for_metric("mail.stream_commands.gaps", least=3)
    drill.look("Gap in the stream")
    assert drill.doctor("stream.gap") == {"stream.gap": "warning"}

    for number in (3, 4, 5):
        command = tmp_path / "command.json"
        texts = {name.decode(): value.decode() for name, value in fields(number).items()}
        command.write_text(json.dumps({**texts, "payload_json": PAYLOAD}))
        drill.remedy("Gap in the stream", COMMAND=str(command))
    drill.wait_for_statuses(sent=6)
    (done,) = runbook.blocks("sql", runbook.incidents()["Gap in the stream"].remedy)
    with connection.cursor() as cursor:
        cursor.execute(done.replace("mail:delivery_commands", stream()))
    assert drill.doctor("stream.gap") == {"stream.gap": "ok"}


@pytest.mark.drill("Cursor ahead of the stream")
def test_the_cursor_is_ahead_of_the_stream(drill):
    drill.relay()
    drill.start()
    drill.publish(1, 2)
    drill.wait_for_statuses(sent=2)
    drill.stop("consume_commands")
    drill.redis.delete(stream())
    for number in (2, 3):  # restored from an older copy, one of them read already
        drill.redis.xadd(stream(), fields(number), id=f"{number}-0")
    drill.look("Cursor ahead of the stream")
    levels = drill.doctor("stream.ahead", "processes.consumer")
    assert levels == {"stream.ahead": "failed", "processes.consumer": "failed"}

    drill.remedy("Cursor ahead of the stream")
    drill.wait_for_log("consume_commands", "stream entries were lost before they were read")
    drill.wait_for_metric("mail.stream_commands.gaps")
    drill.wait_for_statuses(sent=3)
    assert drill.doctor("stream.ahead") == {"stream.ahead": "ok"}
