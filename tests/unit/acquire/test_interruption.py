import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from loopback_map import CLAY, GRID, fetch_from, tile_of
from memory_sources import map_values

from loam.acquire.steps.fetched_parts import parts_folder
from loam.errors import AcquireError


def corner(request):
    return float(request.query["x"][0]), float(request.query["y"][0])


def test_a_kill_in_the_middle_of_200_tiles_costs_only_the_tiles_that_lack(loopback, tmp_path, project):
    path, started = tmp_path / "clay.tif", threading.Event()
    lock, program = threading.Lock(), []

    def answer(request):
        with lock:
            if len(loopback.asked("/tile")) == 100:
                started.wait(10)
                os.kill(program[0].pid, signal.SIGKILL)
        return tile_of(request.query)

    loopback.serve("/tile", answer)
    folders = [project / "workflow" / "lib", project / "tests" / "data"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    program.append(
        subprocess.Popen([sys.executable, folders[1] / "loopback_map.py", loopback.url, path], env=environment)
    )
    started.set()
    assert program[0].wait(60) == -signal.SIGKILL

    assert not path.exists() and not path.with_name("clay.tif.provenance.json").exists()
    kept = {tile.name for tile in (parts_folder(path) / "tiles").glob("[0-9]*.tif")}
    assert 97 <= len(kept) <= 99  # three at once: that many may be under way
    before = len(loopback.requests)

    fetch_from(loopback.url, path)
    again = [corner(request) for request in loopback.requests[before:]]
    assert len(again) == len(set(again)) == 200 - len(kept)
    names = {f"{round((5200000 - y) / 80):06d}_{round((x - 500000) / 80):06d}_16x16.tif" for x, y in again}
    assert not names & kept
    assert not parts_folder(path).exists()

    whole = tmp_path / "whole.tif"
    fetch_from(loopback.url, whole)
    assert path.read_bytes() == whole.read_bytes()
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), map_values(CLAY["clay"], GRID))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 503, "times": 2}, "503"),
        ({"status": 404}, "404"),
        ({"reset": 50, "times": 2}, "connection"),
    ],
)
def test_a_server_that_goes_away_leaves_an_error_and_no_file(loopback, tmp_path, fault, words):
    path, count = tmp_path / "clay.tif", [0]
    lock = threading.Lock()

    def answer(request):
        with lock:
            count[0] += 1
            if count[0] == 20:
                loopback.fail(times=400, **{name: value for name, value in fault.items() if name != "times"})
        return tile_of(request.query)

    loopback.serve("/tile", answer)
    with pytest.raises(AcquireError, match=words):
        fetch_from(loopback.url, path)
    assert not path.exists()
    loopback._faults.clear()
    before = len(loopback.requests)
    fetch_from(loopback.url, path)
    assert path.exists() and len(loopback.requests) - before <= 181


def test_busy_once_is_not_seen_in_the_map(loopback, tmp_path):
    loopback.serve("/tile", lambda request: tile_of(request.query))
    loopback.fail(status=429, times=2, headers={"Retry-After": "0"})
    loopback.fail(truncate=40, times=1)
    path = tmp_path / "clay.tif"
    fetch_from(loopback.url, path)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), map_values(CLAY["clay"], GRID))
    assert len(loopback.requests) == 203 and Path(path).stat().st_size > 10000
