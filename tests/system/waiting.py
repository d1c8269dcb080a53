"""Waiting for what processes bring about."""

import time

from deliveries.models import Delivery


def wait_until(condition, *, seconds=30):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return result


def statuses():
    return dict(Delivery.objects.values_list("delivery_id", "status"))
