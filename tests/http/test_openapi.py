"""The OpenAPI document held to the running service by schemathesis, its README by being run."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deliveries.http import urls
from deliveries.http.problems import STATUS, Code
from deliveries.http.queries import FILTERS
from deliveries.states import AttemptStatus, DeliveryStatus, Phase, Source
from mailproject.embedded.ports import LOOPBACK
from tests.http.conftest import API, OPERATE
from tests.stack.servers import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "api" / "internal-openapi.yaml"
README = DOCUMENT.parent / "README.md"
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"


@pytest.mark.slow
@pytest.mark.process
def test_schemathesis_finds_nothing(web, deliver, tmp_path):
    for status in ("queued", "sent", "failed", "dead_letter"):
        deliver(f"d-{status}", columns={"status": status})
    # what no schema says: an address, a language tag, a cursor, which filters need a window
    (tmp_path / "schemathesis.toml").write_text(
        "[checks.positive_data_acceptance]\n"
        'expected-statuses = ["2xx", "401", "403", "404", "409", "422"]\n'
    )
    done = subprocess.run(
        [
            *(str(SCHEMATHESIS), "run", str(DOCUMENT)),
            *("--url", f"http://{LOOPBACK}:{web.port}"),
            *("--header", f"Authorization: Bearer {OPERATE}"),
            *("--checks", "all", "--mode", "all", "--max-examples", "50", "--seed", "7"),
            *("--no-color",),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def document():
    return yaml.safe_load(DOCUMENT.read_text())


def test_it_lists_the_codes_that_there_are():
    assert set(document()["components"]["schemas"]["Code"]["enum"]) == set(Code)
    assert set(STATUS) == set(Code)


def test_it_lists_the_words_that_there_are():
    schemas = document()["components"]["schemas"]
    assert schemas["Source"]["enum"] == list(Source)
    assert schemas["Status"]["enum"] == list(DeliveryStatus)
    attempt = schemas["Attempt"]["properties"]
    assert attempt["status"]["enum"] == list(AttemptStatus)
    assert attempt["phase"]["enum"] == [*Phase, None]
    parameters = document()["paths"]["/api/v1/internal/deliveries"]["get"]["parameters"]
    assert {p["name"] for p in parameters if "name" in p} == set(FILTERS)


def test_it_lists_the_paths_that_there_are():
    served = {
        "/api/v1/internal/" + re.sub(r"<str:(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in urls.urlpatterns
    }
    assert set(document()["paths"]) == served


class TestReadme:
    """Its commands are run in their order; an answer that it shows is the one that comes."""

    COMMAND = re.compile(r"```sh\n(curl .*?)```\n(.*?)(?=\n```sh|\n## |\Z)", re.DOTALL)
    ANSWER = re.compile(r"```json\n(.*?)```", re.DOTALL)

    def test_every_example(self, web):
        examples = self.COMMAND.findall(README.read_text())
        assert len(examples) >= 7
        answers = [(self.run(web, command), prose) for command, prose in examples]
        assert [answer.status for answer, _ in answers] == [202, 409, 200, 200, 404, 404, 422]
        shown = 0
        for answer, prose in answers:
            for text in self.ANSWER.findall(prose):
                assert answer.json == json.loads(text)
                shown += 1
        assert shown >= 3
        listed = answers[2][0].json["items"]
        assert [item["to"] for item in listed] == [["ada@example.org"]]

    @staticmethod
    def run(web, command):
        """As curl would, with the few options that the page uses."""
        words = shlex.split(command.replace("\\\n", " "))
        assert words[:2] == ["curl", "-sS"]
        method, headers, body, path = None, {}, None, ""
        rest = iter(words[2:])
        for word in rest:
            if word == "-X":
                method = next(rest)
            elif word == "-H":
                given = next(rest).replace("@auth.header", f"Authorization: Bearer {OPERATE}")
                name, _, value = given.partition(": ")
                headers[name] = value
            elif word == "-d":
                body = next(rest).encode()
            else:
                path = word.replace("$API", API)
        method = method or ("POST" if body is not None else "GET")
        return web.call(method, path, body=body, token=None, headers=headers)
