import pytest
from django.core.management import execute_from_command_line

from tests.conf.environment import load_with


@pytest.fixture
def configured(settings):
    """Gives the service a configuration of its own: the tests' environment with changes."""

    def configure(**changes):
        settings.MAIL = load_with(changes)
        return settings.MAIL

    return configure


@pytest.fixture
def run(capsys):
    """Exit status, standard output and standard error of one command."""

    def run(*arguments):
        status = 0
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return run
