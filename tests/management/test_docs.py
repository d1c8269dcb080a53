"""docs/commands.md is about the commands as they are."""

import re
import shlex

import pytest
from django.core.management import load_command_class

import deliveries.management.commands as package
from deliveries.management.operator_command import StatusCommand
from tests.stack.servers import CHECKOUT

DOCUMENT = (CHECKOUT / "docs" / "commands.md").read_text()
SECTIONS = {
    name: text.partition("\n## ")[0]
    for name, text in re.findall(
        r"^### (\w+)\n(.*?)(?=^### |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL
    )
}
COMMANDS = sorted(
    path.stem
    for folder in package.__path__
    for path in (CHECKOUT / folder).glob("*.py")
    if path.stem != "__init__"
)
SHARED = {0, 2, 69, 78}


def command(name):
    return load_command_class("deliveries", name)


def parser(name):
    return command(name).create_parser("manage.py", name)


def own_options(name):
    """The flags that this command adds to Django's."""
    bare = {"-h", "--help", "--version", "--verbosity", "--settings", "--pythonpath"}
    bare |= {"-v", "--traceback", "--no-color", "--force-color", "--skip-checks"}
    return {
        flag
        for action in parser(name)._actions
        for flag in action.option_strings
        if flag not in bare
    }


def examples(name):
    blocks = re.findall(r"```sh\n(.*?)```", SECTIONS[name], re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_has_its_section_and_every_section_its_command():
    assert sorted(SECTIONS) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_can_be_typed(name):
    assert examples(name)
    for line in examples(name):
        program, file, typed, *arguments = shlex.split(line)
        assert (program, file, typed) == ("python", "manage.py", name)
        parser(name).parse_args(arguments)  # a SystemExit is a wrong example


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_shown_and_none_that_there_is_not(name):
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", SECTIONS[name]))
    assert told == own_options(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_statuses(name):
    made = command(name)
    told = re.search(r"^Exit status (.*?)\n\n", SECTIONS[name], re.MULTILINE | re.DOTALL)
    numbers = {int(n) for n in re.findall(r"(?:^|\. )(\d+):", told[1])} if told else set()
    if isinstance(made, StatusCommand) and name != "prune":
        assert numbers - SHARED == set(made.all_statuses()) - SHARED
    else:
        assert all(str(number) in made.help for number in numbers)
