"""A small synthetic world, written once for all tests of the sandbox."""

from pathlib import Path

import make_sandbox
import make_sandbox_truth
import pytest

DATES = ["2022-08-15", "2022-02-01"]
VALUES = {
    "seed": 7,
    "sandbox": {"source_stations": 6, "target_stations": 8, "box_km": 6.5, "domain_distance": 1.0},
    "mapping": {"dates": DATES},
}


def write_world(folder: Path, values: dict) -> dict[str, Path]:
    """Run both scripts; paths by output."""
    tables = {name: folder / f"{name}.parquet" for name in ("source", "target")}
    maps = {name: folder / f"{name}.tif" for name in ("elevation", "awc", "soc", "clay", "landcover")}
    series = {name: folder / f"{name}.nc" for name in ("weather", "coarse_moisture", "truth")}
    paths = tables | maps | series
    make_sandbox.stage(paths, values)
    make_sandbox_truth.stage(paths, values)
    return paths


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> dict[str, Path]:
    """The files of the small world."""
    return write_world(tmp_path_factory.mktemp("world"), VALUES)


@pytest.fixture(scope="session")
def values() -> dict:
    """The values that the small world was made with."""
    return VALUES


@pytest.fixture(scope="session")
def write():
    """The function that makes a world in a folder."""
    return write_world
