"""The system checks: when each speaks, and that the documentation explains it."""

import json
import re
from pathlib import Path

import pytest
from django.core import checks

from tests.conf.environment import load_with

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
OPEN = {"MAIL_INTERNAL_HTTP_ADDR": "0.0.0.0:8080", "MAIL_ALLOWED_HOSTS": "mail.internal"}
TOKENS = {"MAIL_INTERNAL_API_TOKENS": "auth:submit=0123456789abcdef"}
TRUSTED = {"MAIL_INTERNAL_HTTP_TRUSTED": "true"}

CASES = [
    ({}, []),
    ({"MAIL_SMTP_TLS": "none"}, ["mail.W001"]),
    ({"MAIL_SMTP_TLS": "none", "MAIL_SMTP_MODE": "stub"}, ["mail.W002"]),
    ({"MAIL_SMTP_FINAL_REPLY_TIMEOUT": "29s"}, ["mail.W005"]),
    ({"MAIL_SMTP_FINAL_REPLY_TIMEOUT": "30s"}, []),
    (OPEN | TOKENS, []),
    (OPEN | TRUSTED, ["mail.W004"]),
    (OPEN | TOKENS | {"MAIL_ALLOWED_HOSTS": ""}, ["mail.W006"]),
    (OPEN | TOKENS | {"MAIL_ALLOWED_HOSTS": "localhost,127.0.0.1"}, ["mail.W006"]),
    (OPEN | TOKENS | {"MAIL_INTERNAL_HTTP_ADDR": "10.0.0.1:1", "MAIL_ALLOWED_HOSTS": ""}, []),
]


def run(settings, changes) -> list[checks.CheckMessage]:
    settings.MAIL = load_with(changes)
    return checks.run_checks(tags=["mail"])


@pytest.mark.parametrize(("changes", "ids"), CASES)
def test_what_a_configuration_is_told(settings, changes, ids):
    messages = run(settings, changes)
    assert [message.id for message in messages] == ids
    assert all(message.hint for message in messages)
    assert all(message.level == checks.WARNING for message in messages)


def test_a_misspelt_variable_is_told_with_what_it_resembles(settings, monkeypatch):
    monkeypatch.setenv("MAIL_RETRY_LADER", "1m")
    monkeypatch.setenv("MAIL_ZZZZZZZZZ", "1m")
    first, second = run(settings, {})
    assert first.id == second.id == "mail.W003"
    assert (first.msg, first.hint) == (
        "MAIL_RETRY_LADER is set, and nothing reads it.",
        "Is MAIL_RETRY_LADDER meant?",
    )
    assert (second.msg, second.hint) == (
        "MAIL_ZZZZZZZZZ is set, and nothing reads it.",
        "Remove it.",
    )


def test_every_fault_of_the_catalog_is_an_error(settings, tmp_path):
    locale = tmp_path / "auth.login_code" / "en"
    locale.mkdir(parents=True)
    manifest = {"variables": {"required": ["code"], "optional": []}, "examples": [{"code": "1"}]}
    (locale.parent / "template.json").write_text(json.dumps(manifest))
    (locale / "subject.txt").write_text("Code")
    (locale / "text.txt").write_text("one\n{{ code")
    (tmp_path / "stray.txt").write_text("")
    messages = run(settings, {"MAIL_TEMPLATE_DIR": str(tmp_path)})
    assert {message.id for message in messages} == {"mail.E001"}
    assert all(message.level == checks.ERROR for message in messages)
    told = "\n".join(message.msg for message in messages)
    assert "text.txt:2: " in told
    assert "stray.txt:1: " in told


def test_every_id_is_documented():
    told = {check_id for _, ids in CASES for check_id in ids} | {"mail.E001", "mail.W003"}
    assert (
        set(re.findall(r"^\| `(mail\.[EW]\d{3})` \|", DOCUMENT.read_text(), re.MULTILINE)) == told
    )
