"""Another service can import the package alone."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.stack.servers import CHECKOUT

PACKAGE = CHECKOUT / "deliveries" / "producer"
LOADED = """
import redis, sys
before = set(sys.modules)
import deliveries.producer
loaded = {name for name in set(sys.modules) - before}
ours = {name for name in loaded if name.split(".")[0] == "deliveries"}
print(sorted(name for name in ours if not name.startswith("deliveries.producer")))
print(sorted({name.split(".")[0] for name in loaded - ours} - sys.stdlib_module_names))
"""


def run(code, *, path):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=path,
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_it_loads_no_django_and_nothing_else_of_the_service():
    ours, others = run(LOADED, path=CHECKOUT)
    assert ours == "['deliveries']"
    assert others == "[]"


@pytest.mark.slow
def test_it_installs_alone(tmp_path):
    source = tmp_path / "source"  # a build leaves files behind
    shutil.copytree(
        PACKAGE, source / "deliveries" / "producer", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(CHECKOUT / "pyproject.toml", source)
    subprocess.run(
        [
            *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
            *("--outdir", str(tmp_path), str(source)),
        ],
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert names == {
            f"deliveries/producer/{path.name}" for path in PACKAGE.iterdir() if path.is_file()
        }
        metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
        assert [
            line.partition(": ")[2]
            for line in archive.read(metadata).decode().splitlines()
            if line.startswith("Requires-Dist")
        ] == ["redis>=5.1"]
        archive.extractall(tmp_path / "site")
    [shown] = run("import deliveries.producer as p; print(p.__file__)", path=tmp_path / "site")
    assert shown.startswith(str(tmp_path))
