"""The table of variables, `Config` and the documentation say the same."""

import dataclasses
import re
from pathlib import Path

import pytest

from deliveries.conf import Config, load, unknown_variables
from deliveries.conf.problems import UnreadableError
from deliveries.conf.variables import BY_FIELD, VARIABLES, Variable
from tests.conf.environment import VALID

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
ROW = re.compile(
    r"\| `(?P<name>(?:MAIL|OTEL)_[A-Z_]+)` \| (?P<default>[^|]*) \| (?P<meaning>[^|]*)\|"
)
DOCUMENTED = {row["name"]: row for row in ROW.finditer(DOCUMENT.read_text())}
COMPUTED_DEFAULTS = {
    "MAIL_TEMPLATE_DIR": "`templates`",
    "MAIL_ALLOWED_HOSTS": "loopback names and the address",
}
NEEDED_IN_SMTP_MODE = {"MAIL_SMTP_ADDR", "MAIL_SMTP_FROM_EMAIL"}


def default_of(variable: Variable) -> str:
    if variable.name in COMPUTED_DEFAULTS:
        return COMPUTED_DEFAULTS[variable.name]
    if variable.required:
        return "required"
    return f"`{variable.default}`" if variable.default is not None else "not set"


def limits_of(variable: Variable) -> str | None:
    """The bounds that the reader tells to a value far outside of them."""
    for extreme in ("999999999", "999999d"):
        try:
            variable.read(extreme)
        except UnreadableError as unreadable:
            bounds = re.search(r"between (\S+) and (\S+)$", str(unreadable))
            if bounds:
                return f"{bounds[1]} to {bounds[2]}"
    return None


def test_every_variable_has_its_field():
    assert [field.name for field in dataclasses.fields(Config)] == list(BY_FIELD)


def test_every_variable_is_documented_in_order():
    assert list(DOCUMENTED) == [variable.name for variable in VARIABLES]


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_what_is_documented_is_true(variable):
    row = DOCUMENTED[variable.name]
    assert row["default"] == default_of(variable)
    assert (limits_of(variable) or "") in row["meaning"]
    assert ("Required in smtp mode" in row["meaning"]) == (variable.name in NEEDED_IN_SMTP_MODE)


def test_the_limits_are_found():
    assert limits_of(BY_FIELD["smtp_timeout"]) == "100ms to 10m"
    assert limits_of(BY_FIELD["redis_db"]) == "0 to 9999"
    assert limits_of(BY_FIELD["retry_ladder"]) == "1ms to 30d"
    assert sum(limits_of(variable) is not None for variable in VARIABLES) == 23


def test_the_documented_example_of_a_line_is_what_is_written():
    variable = BY_FIELD["smtp_timeout"]
    with pytest.raises(UnreadableError) as caught:
        variable.read("30")
    assert f"\n{variable.problem(str(caught.value))}\n" in DOCUMENT.read_text()


def test_a_misspelt_variable_is_found_with_what_it_resembles():
    environment = {
        **VALID,
        "MAIL_SMTP_ADDRESS": "x",
        "MAIL_XYZ": "",
        "MAIL_TEST_REDIS_ADDR": "x",
        "MAILER": "x",
        "OTEL_TRACES_EXPORTER": "none",
    }
    assert unknown_variables(environment) == {
        "MAIL_SMTP_ADDRESS": "MAIL_SMTP_ADDR",
        "MAIL_XYZ": None,
    }


def test_reading_leaves_the_environment_alone():
    environment = dict(VALID)
    load(environment)
    assert environment == VALID
