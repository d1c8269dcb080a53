"""The program itself, started with a wrong and with a right environment."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conf.environment import VALID

CHECKOUT = Path(__file__).resolve().parents[2]


def manage(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["check", "help", "migrate", "no_such_command"])
def test_a_wrong_environment_ends_with_its_problems(command):
    ended = manage(command, environment=VALID | {"MAIL_SMTP_TIMEOUT": "30", "MAIL_SMTP_TLS": "no"})
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "MAIL_SMTP_TLS is not one of starttls, tls, none. Example: MAIL_SMTP_TLS=starttls",
        "MAIL_SMTP_TIMEOUT has no unit: ms, s, m, h or d goes after the number."
        " Example: MAIL_SMTP_TIMEOUT=30s",
    ]


def test_a_right_environment_passes_the_checks():
    ended = manage("check", environment=VALID)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_tools_need_no_environment():
    tools = {"DJANGO_SETTINGS_MODULE": "mailproject.settings_for_tools"}
    ended = manage("check", "--tag", "models", environment=tools | {"MAIL_SMTP_MODE": "wrong"})
    assert (ended.returncode, ended.stderr) == (0, "")
