import os
import subprocess
import sys

import pytest

from loam.errors import LoamError
from loam.io.atomic import write_text
from loam.io.lock import sole_writer

HOLD = """
import sys
from pathlib import Path
from loam.io.lock import sole_writer
with sole_writer([Path(sys.argv[1])]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(project, tmp_path):
    """Another process that is writing ``tmp_path / "card.json"``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "card.json")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(project / "workflow/lib")},
    )  # fmt: skip
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_product_that_another_process_writes_is_refused_by_name_and_process(holder, tmp_path):
    with (
        pytest.raises(LoamError, match=rf"card\.json: process {holder.pid} on .* is writing it"),
        sole_writer([tmp_path / "card.json"]),
    ):
        pass
    with sole_writer([tmp_path / "other.json"]):
        pass


def test_a_lock_dies_with_its_process(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert (tmp_path / ".card.json.lock").exists()
    with sole_writer([tmp_path / "card.json"]):
        write_text("{}", tmp_path / "card.json")
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]


def test_a_process_holds_a_lock_against_itself_too(tmp_path):
    path = tmp_path / "new" / "a.csv"
    with sole_writer([path]), pytest.raises(LoamError, match="is writing it"), sole_writer([path]):
        pass
    assert list(path.parent.iterdir()) == []


def test_what_a_killed_job_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".static.zarr.123.part").mkdir()
    (tmp_path / ".static.zarr.123.part" / "zarr.json").touch()
    (tmp_path / ".static.zarr.123.old").mkdir()
    (tmp_path / ".map.tif.123.scratch.abc").mkdir()
    for name in (".map.77.part.tif", ".map.77.part.tif.tiles.tif", ".map.tif.provenance.77.part.json"):
        (tmp_path / name).touch()
    kept = [".static.zarr.attempts", ".other.77.part.tif", "map.tif.part", "map.tif"]
    for name in kept:
        (tmp_path / name).touch()
    with sole_writer([tmp_path / "static.zarr", tmp_path / "map.tif"]):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
