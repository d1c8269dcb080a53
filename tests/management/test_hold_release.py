"""hold and release as an operator types them."""

import json

import pytest

from deliveries.models import Hold
from deliveries.states import Source
from deliveries.transitions.handout import look_ahead

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_held_source_is_closed_until_its_release(manage, accepted):
    accepted()
    status, out, err = manage("hold", "--source", "notification", "--reason", "relay is down")

    assert (status, err) == (0, "")
    assert out == (
        "notification is held; `manage.py release --source notification` lets it go on\n"
    )
    assert look_ahead()[1] == []
    assert Hold.objects.get().reason == "relay is down"

    status, out, _ = manage("release", "--source", "notification")
    assert status == 0
    assert out.startswith("notification goes on; it was held since 2")
    assert out.endswith("Z: relay is down\n")
    assert look_ahead()[1] == [Source.NOTIFICATION]


def test_holding_again_changes_the_reason_only(manage):
    manage("hold", "--source", "notification", "--reason", "one")
    since = Hold.objects.get().created_at
    status, out, _ = manage("hold", "--source", "notification", "--reason", "two", "--json")

    assert status == 0
    told = json.loads(out)
    assert (told["source"], told["reason"]) == ("notification", "two")
    assert Hold.objects.get().created_at == since


def test_what_is_not_held_is_not_released(manage):
    assert manage("release", "--source", "authsession") == (
        1,
        "",
        "CommandError: authsession is not held (held: nothing is)\n",
    )
    manage("hold", "--source", "notification", "--reason", "r")
    assert "(held: notification)" in manage("release", "--source", "authsession")[2]
    assert Hold.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hold", "--source", "notifications", "--reason", "r"), "invalid choice: 'notifications'"),
        (("hold", "--source", "notification"), "--reason"),
        (("hold", "--source", "notification", "--reason", " "), "must be one line of text"),
        (("hold", "--source", "notification", "--reason", "a\nb"), "must be one line of text"),
        (("release",), "--source"),
    ],
)
def test_typing_errors(manage, arguments, said):
    status, out, err = manage(*arguments)

    assert (status, out) == (2, "")
    assert err.startswith("usage: manage.py")
    assert said in err
    assert not Hold.objects.exists()


@pytest.mark.parametrize("command", [("hold", "--reason", "r"), ("release",)])
def test_no_database(manage, no_database, command):
    status, out, err = manage(*command, "--source", "notification")

    assert (status, out) == (69, "")
    assert err.startswith("CommandError: PostgreSQL does not answer (OperationalError:")


def test_help_is_about_the_command_and_its_exit_statuses(manage):
    status, out, _ = manage("hold", "--help")

    assert status == 0
    assert "--reason TEXT" in out
    assert "--settings" not in out
    assert "69 PostgreSQL or Redis does not answer" in " ".join(out.split())
