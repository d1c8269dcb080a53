"""The files of docs/deploy, as far as they can be checked without the machines they are for."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from deliveries.conf import load, unknown_variables
from deliveries.conf.variables import BY_FIELD
from mailproject.embedded.procfile import read_procfile
from tests.stack.servers import CHECKOUT

DEPLOY = CHECKOUT / "docs" / "deploy"
PROCFILE = read_procfile(CHECKOUT / "Procfile")
COMMANDS = {name: command.split()[2:] for name, command in PROCFILE.items()}
# known to the service, and not in every checkout's Procfile
KNOWN = {"web": ["serve"], "prune": ["prune"], **COMMANDS}
MIGRATE = ["migrate", "--database", "migration", "--no-input"]
SHUTDOWN_SECONDS = int(BY_FIELD["shutdown_timeout"].default.removesuffix("s"))


def environment(name):
    """The variables of an environment file, as systemd and compose read plain lines."""
    lines = (DEPLOY / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class TestEnvironment:
    def test_it_is_a_configuration(self):
        config = load({**environment("environment"), **environment("migration.environment")})
        assert config.postgres_primary["user"] == "mailservice"
        assert config.postgres_migration["user"] == "mailowner"
        assert config.redis_username == "mailservice"

    @pytest.mark.parametrize("name", ["environment", "migration.environment"])
    def test_every_variable_is_known(self, name):
        assert unknown_variables(environment(name)) == {}


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """The units, with a program that is there in place of the one that will be."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(DEPLOY / "systemd", folder, dirs_exist_ok=True)
    for unit in folder.glob("*.service"):
        text = unit.read_text()
        assert "ExecStart=/opt/mail-service/.venv/bin/python manage.py " in text
        unit.write_text(text.replace("/opt/mail-service/.venv/bin/python", sys.executable))
    return folder


class TestSystemd:
    def analyze(self, *arguments, units):
        return subprocess.run(
            ["systemd-analyze", *arguments],
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_there_is_one_for_each_process(self):
        found = {}
        for unit in (DEPLOY / "systemd").glob("mail-*@.service"):
            command = re.search(r"^ExecStart=.*manage\.py (.+)$", unit.read_text(), re.MULTILINE)[1]
            found[unit.name.removeprefix("mail-").removesuffix("@.service")] = command.split()
        assert found == KNOWN
        target = (DEPLOY / "systemd" / "mail.target").read_text()
        assert set(re.findall(r"mail-(\w+)@1\.service", target)) == set(KNOWN)

    def test_the_migration_is_the_owners(self):
        unit = (DEPLOY / "systemd" / "mail-migrate.service").read_text()
        assert f"manage.py {' '.join(MIGRATE)}\n" in unit
        assert "migration.environment" in unit

    def test_the_stop_lasts_longer_than_the_services_own(self):
        common = (DEPLOY / "systemd" / "mail-.service.d" / "common.conf").read_text()
        assert int(re.search(r"^TimeoutStopSec=(\d+)$", common, re.MULTILINE)[1]) > SHUTDOWN_SECONDS
        assert "RestartPreventExitStatus=78\n" in common

    @pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
    @pytest.mark.parametrize(
        "unit", [*(f"mail-{name}@1.service" for name in KNOWN), "mail-migrate.service"]
    )
    def test_systemd_takes_it(self, units, unit):
        done = self.analyze("verify", "--man=no", unit, units=units)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
    @pytest.mark.parametrize("unit", ["mail-attempts@1.service", "mail-migrate.service"])
    def test_little_is_left_to_attack(self, units, unit):
        done = self.analyze(
            "security", "--offline=true", "--threshold=20", "--no-pager", unit, units=units
        )
        assert done.returncode == 0, done.stdout


class TestImage:
    DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")

    def instructions(self, word):
        return [
            line.split(maxsplit=1)[1]
            for line in self.DOCKERFILE.splitlines()
            if line.startswith(f"{word} ")
        ]

    def copied(self):
        """Source and target of every COPY from the checkout."""
        pairs = [shlex.split(line) for line in self.instructions("COPY")]
        return [(pair[0], pair[1]) for pair in pairs if not pair[0].startswith("--from")]

    def test_what_it_copies_is_there_and_is_not_ignored(self):
        ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        for source, _ in self.copied():
            assert (CHECKOUT / source).exists()
            assert f"!{source}" in ignored

    def test_it_is_no_root_and_no_shell(self):
        assert self.instructions("USER") == ["10001:10001"]
        assert self.instructions("ENTRYPOINT") == ['["python", "manage.py"]']
        assert self.instructions("STOPSIGNAL") == ["SIGTERM"]
        assert self.DOCKERFILE.index("\nUSER") < self.DOCKERFILE.index("\nENTRYPOINT")

    def test_it_installs_the_pins(self):
        [install] = [line for line in self.instructions("RUN") if "pip install" in line]
        assert "--require-hashes" in install
        assert ("requirements/run.txt", "/tmp/run.txt") in self.copied()
        assert "-r /tmp/run.txt" in install

    @pytest.mark.process
    def test_what_it_copies_is_enough(self, servers, postgres_dsn, redis_address, tmp_path):
        """The program starts with nothing of the checkout but that."""
        for source, target in self.copied():
            if target.startswith("./"):
                place = tmp_path / (target if target != "./" else source)
                if (CHECKOUT / source).is_dir():
                    shutil.copytree(CHECKOUT / source, place)
                else:
                    shutil.copy(CHECKOUT / source, place)
        for command in (["check_templates"], ["check"], ["publish_command", "--help"]):
            done = subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=tmp_path,
                env={"PATH": os.environ["PATH"], **servers.environment},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr


class TestCompose:
    FILE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    OWN = {
        name: service
        for name, service in FILE["services"].items()
        if service.get("image") == "mail-service"
    }

    def test_it_runs_every_process_and_the_migration(self):
        commands = {name: service["command"] for name, service in self.OWN.items()}
        assert commands == {**KNOWN, "migrate": MIGRATE}

    def test_every_process_waits_for_the_migration(self):
        for name in KNOWN:
            assert self.OWN[name]["depends_on"] == {
                "migrate": {"condition": "service_completed_successfully"}
            }

    def test_no_process_has_the_owners_password(self):
        assert {name: service["env_file"] for name, service in self.OWN.items()} == {
            **dict.fromkeys(KNOWN, "environment"),
            "migrate": ["environment", "migration.environment"],
        }

    @pytest.mark.parametrize("name", [*KNOWN, "migrate"])
    def test_each_is_confined(self, name):
        service = self.OWN[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert int(service["stop_grace_period"].removesuffix("s")) > SHUTDOWN_SECONDS

    def test_the_files_that_it_mounts_are_here(self):
        for service in self.FILE["services"].values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("./"):
                    assert (DEPLOY / source).exists()
        build = self.OWN["migrate"]["build"]
        context = (DEPLOY / build["context"]).resolve()
        assert context == CHECKOUT
        assert (context / build["dockerfile"]) == DEPLOY / "Dockerfile"

    def test_the_web_port_leaves_the_host_on_loopback_only(self):
        assert self.OWN["web"]["ports"] == ["127.0.0.1:8080:8080"]


def test_every_command_is_one():
    assert {"migrate", *(command[0] for command in COMMANDS.values())} <= set(get_commands())


@pytest.mark.parametrize("page", ["deploy.md", "scaling.md"])
def test_the_variables_that_a_page_names_exist(page):
    text = (CHECKOUT / "docs" / page).read_text()
    named = set(re.findall(r"MAIL_[A-Z_]+[A-Z]", text))
    assert named <= {variable.name for variable in BY_FIELD.values()}


def test_every_file_is_told_of():
    text = (CHECKOUT / "docs" / "deploy.md").read_text()
    for path in DEPLOY.iterdir():
        assert f"(deploy/{path.name}" in text, f"docs/deploy.md does not link to {Path(path.name)}"
