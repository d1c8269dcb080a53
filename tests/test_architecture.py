"""docs/architecture.md shows the layers that `make check` holds the code to."""

import re
import tomllib

from tests.stack.servers import CHECKOUT

PAGE = (CHECKOUT / "docs" / "architecture.md").read_text()
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def test_the_layers_are_those_of_the_contract():
    block = PAGE.partition("## Which module may import which")[2].split("```")[1]
    shown = re.findall(r"^ ([a-z_]+(?: [|:] [a-z_]+)*)(?:  .*)?$", block, re.MULTILINE)
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert shown == layers
