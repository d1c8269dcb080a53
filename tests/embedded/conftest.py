"""Runs of the embedded default apart from the one that the tests themselves stand on."""

from collections.abc import Iterator

import pytest

from mailproject.embedded.folder import RunFolder


@pytest.fixture
def run_folder(tmp_path) -> Iterator[RunFolder]:
    folder = RunFolder.hold(tmp_path / "run")
    yield folder
    folder.close()
