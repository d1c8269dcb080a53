"""Kills at random, over all process types, while commands come in: everything arrives.

The seed is told where it fails, or with `-s`; MAIL_TEST_SEED repeats a run, in its draws if not in
its moments.
"""

import os
import secrets
import sys
import time
from random import Random

import pytest

from deliveries.models import Attempt, Delivery, MalformedCommand
from mailproject.embedded.ports import ReservedPort
from tests.stack.waiting import wait_until
from tests.surviving.fleet import Fleet
from tests.surviving.world import ENVIRONMENT, post_login_code

pytestmark = [pytest.mark.process, pytest.mark.soak, pytest.mark.django_db(transaction=True)]

KILLS = int(os.environ.get("MAIL_TEST_KILLS", "200"))
COMMANDS_A_KILL = 9  # over the stream, and a login code over HTTP
_REPEATED = 0.05  # of the commands come a second time, as from a producer that had no answer


def test_everything_arrives_whatever_dies(world):
    seed = int(os.environ.get("MAIL_TEST_SEED") or secrets.randbelow(2**32))
    tell(f"random kills: MAIL_TEST_SEED={seed}")
    random = Random(seed)
    environment = {
        **ENVIRONMENT,
        "MAIL_SMTP_ADDR": world.environment["MAIL_SMTP_ADDR"],
        "MAIL_RETRY_LADDER": ",".join(["300ms"] * 20),
    }
    with ReservedPort() as reserved:
        environment["MAIL_INTERNAL_HTTP_ADDR"] = f"127.0.0.1:{reserved.number}"
    fleet = Fleet(service=world.service, environment=environment, random=random)
    fleet.start()
    entries, unanswered = 0, []
    while fleet.kills.total() < KILLS:
        begun = fleet.kills.total()
        time.sleep(random.uniform(0.1, 0.9))
        fleet.strike()
        if fleet.kills.total() == begun:
            continue
        unanswered = post_all(reserved.number, [*unanswered, f"login-{begun}"])
        for number in range(begun * COMMANDS_A_KILL, (begun + 1) * COMMANDS_A_KILL):
            entries += len(world.publish(*[number] * (1 + (random.random() < _REPEATED))))
    fleet.calm()
    wait_until(lambda: not post_all(reserved.number, unanswered), seconds=120)
    wait_until(lambda: world.is_settled() and entries_finished(world) == entries, seconds=240)
    tell(f"killed: {dict(fleet.kills.most_common())}")
    copies, unknown = sum(world.copies.values()), sum(world.unknown.values())
    tell(f"{len(world.copies)} mails, {copies} copies, {unknown} unknown outcomes")
    assert fleet.ended() == []
    check(world, commands=KILLS * (COMMANDS_A_KILL + 1), entries=entries)


def post_all(port, keys):
    """Ask once for each; which had no answer."""
    return [key for key in keys if post_login_code(port, key=key) is None]


def tell(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def entries_finished(world):
    return world.cursor.entries_finished


def check(world, *, commands, entries):
    assert Delivery.objects.count() == commands
    assert set(world.statuses.values()) == {"sent"}
    assert MalformedCommand.objects.count() == 0
    assert (world.cursor.entries_finished, world.cursor.gap_entries) == (entries, 0)
    open_attempts = Attempt.objects.filter(status__in=["scheduled", "in_progress"])
    assert list(open_attempts.values_list("delivery__delivery_id", flat=True)) == []
    copies, unknown = world.copies, world.unknown
    assert min(copies.values()) >= 1, [d for d, n in copies.items() if n == 0]
    assert [d for d, n in copies.items() if n > 1 + unknown[d]] == []
