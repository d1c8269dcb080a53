"""What nobody looks after: pruning and holds."""

import pytest

from deliveries.models import Delivery, Hold
from tests.diagnosis.records import delivery
from tests.drills.drill import long_ago

pytestmark = [pytest.mark.process]


@pytest.mark.drill("Pruning lags")
def test_pruning_lags(drill):
    for _ in range(3):
        delivery("sent", ended_ago=40 * 86400.0)
    recent = delivery("sent")
    seen = drill.look("Pruning lags")
    assert "deliveries" in seen["prune --dry-run"]
    levels = drill.doctor("retention", "processes.prune")
    assert levels == {"retention.lag": "warning", "processes.prune": "warning"}

    drill.remedy("Pruning lags")
    assert list(Delivery.objects.values_list("delivery_id", flat=True)) == [recent.delivery_id]
    drill.wait_for_metric("mail.prune.deleted", least=3, table="deliveries")
    assert drill.doctor("retention") == {"retention.lag": "ok"}


@pytest.mark.drill("A hold is forgotten")
def test_a_hold_is_forgotten(drill):
    drill.relay()
    drill.start()
    drill.run("hold", "--source", "notification", "--reason", "the relay moves")
    drill.publish(*range(4))
    drill.wait_for_statuses(queued=4)
    Hold.objects.update(created_at=long_ago(90))
    Delivery.objects.update(next_attempt_at=long_ago(80))
    drill.wait_for_gauge("mail.attempt_schedule.overdue_ms", least=60_000)
    (seen,) = drill.look("A hold is forgotten").values()
    assert "the relay moves" in seen
    assert "4 wait behind it" in seen
    assert drill.doctor("schedule.holds") == {"schedule.holds": "warning"}

    drill.remedy("A hold is forgotten", SOURCE="notification")
    drill.wait_for_statuses(sent=4)
    assert drill.doctor("schedule.holds") == {"schedule.holds": "ok"}
