"""The Procfile's processes are the service's, and their lives are followed to the end."""

import pytest

from deliveries.states import ProcessType
from mailproject.embedded.errors import ChildFailedError
from mailproject.embedded.interruption import Interrupted, Interruption
from mailproject.embedded.procfile import (
    STARTED,
    await_started,
    read_procfile,
    start_processes,
    stop_processes,
)
from tests.stack.servers import CHECKOUT


@pytest.fixture
def start(run_folder, tmp_path):
    children = []

    def start_all(**commands):
        (tmp_path / "Procfile").write_text(
            "".join(f"{name}: sh {tmp_path}/{name}.sh\n" for name in commands)
        )
        for name, script in commands.items():
            (tmp_path / f"{name}.sh").write_text(script)
        children.extend(start_processes(folder=run_folder, checkout=tmp_path, environment={}))
        return children

    yield start_all
    for child in children:
        child.process.kill()
        child.finish(seconds=30)


@pytest.fixture
def interruption(monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return Interruption()


def test_every_process_of_the_procfile_is_a_known_one():
    commands = read_procfile(CHECKOUT / "Procfile")
    assert commands
    assert set(commands) <= set(ProcessType)
    assert all(command.startswith("python manage.py ") for command in commands.values())
    assert set(STARTED) == set(ProcessType)


@pytest.mark.parametrize(
    "line", ['{"message": "scheduler started"}', "12:00:01 info scheduler started worker_id=1"]
)
def test_a_process_has_started_with_its_line_in_either_format(start, interruption, line):
    children = start(scheduler=f"echo '{{\"message\": \"else\"}}'; echo '{line}'; exec sleep 600")
    await_started(children, interruption=interruption)
    assert not children[0].has_ended


def test_the_end_of_a_process_before_its_line_is_told_with_its_log(start, interruption):
    children = start(scheduler="echo MAIL_X is wrong; exit 78")
    with pytest.raises(ChildFailedError, match=r"(?s)scheduler.*status 78.*MAIL_X is wrong"):
        await_started(children, interruption=interruption)


def test_waiting_can_be_interrupted(start, interruption):
    interruption.requested = True
    with pytest.raises(Interrupted):
        await_started(start(scheduler="exec sleep 600"), interruption=interruption)


def test_stopping_reaches_all_and_names_those_that_failed(start, interruption):
    script = "trap 'exit {}' TERM; echo '{{\"message\": \"{}\"}}'; while :; do sleep 0.02; done"
    children = start(
        consumer=script.format(0, "command consumer started"),
        scheduler=script.format(3, "scheduler started"),
    )
    await_started(children, interruption=interruption)
    unclean = stop_processes(children, seconds=30)
    assert [(child.name, child.process.returncode) for child in unclean] == [("scheduler", 3)]
