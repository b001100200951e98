"""Stores appear whole, hold what was written, and are read cell by cell as they are read whole."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.covariates import store
from loam.covariates.store import (
    atomic_store,
    create_days,
    create_map,
    days_of,
    describe_grid,
    grid_of_group,
    read_cells,
)
from loam.errors import RasterError


@pytest.mark.parametrize("at_once", [0, 2**20])
@pytest.mark.parametrize("together", [True, False])
def test_cells_are_read_in_their_order_whichever_way(tmp_path, monkeypatch, together, at_once):
    monkeypatch.setattr(store, "AT_ONCE", at_once)
    values = np.random.default_rng(0).normal(0, 1, (5, 70, 90)).astype(np.float32)
    with atomic_store(tmp_path / "a.zarr") as group:
        array, rows = create_map(group, "rain", (70, 90), 16, leading={"time": 5}, together=together)
        for first in range(0, 70, rows):
            array[:, first : first + rows] = values[:, first : first + rows]
    array = zarr.open_group(tmp_path / "a.zarr", mode="r")["rain"]
    rng = np.random.default_rng(1)
    row, col = rng.integers(0, 70, 40), rng.integers(0, 90, 40)
    assert np.array_equal(read_cells(array, row, col, (slice(1, 4),)), values[1:4, row, col])
    with atomic_store(tmp_path / "b.zarr") as group:
        create_map(group, "clay", (70, 90), 16)[0][:] = values[0]
    assert np.array_equal(read_cells(store.open_store(tmp_path / "b.zarr")["clay"], row, col), values[0, row, col])
    assert np.array_equal(read_cells(array, row, col, (2,)), values[2, row, col])
    assert read_cells(array, row[:0], col[:0], (slice(1, 4),)).shape == (3, 0)


def test_a_store_has_few_files_and_none_for_what_is_missing(tmp_path):
    with atomic_store(tmp_path / "a.zarr") as group:
        array, rows = create_map(group, "clay", (500, 700), 32)
        assert rows >= 500  # 352 chunks in one file
        array[:] = np.ones((500, 700), np.float32)
        create_map(group, "soc", (500, 700), 32)[0][:] = np.full((500, 700), np.nan, np.float32)
    files = [path for path in (tmp_path / "a.zarr").rglob("*") if path.is_file()]
    assert len(files) == 4  # three descriptions and one of data


def test_a_failed_build_leaves_nothing_and_a_good_one_replaces(tmp_path):
    with pytest.raises(ValueError, match="halfway"), atomic_store(tmp_path / "a.zarr") as group:
        create_days(group, "time", ["2020-01-01"])
        raise ValueError("halfway")
    assert not list(tmp_path.iterdir())
    for day in ("2020-01-01", "2020-02-29"):
        with atomic_store(tmp_path / "a.zarr") as group:
            create_days(group, "time", [day])
    assert days_of(store.open_store(tmp_path / "a.zarr"), "time").astype(str).tolist() == ["2020-02-29"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_a_grid_comes_back(tmp_path):
    geobox = GeoBox((7, 9), Affine(0.05, 0, 147, 0, 0.05, -43), "EPSG:4326")
    with atomic_store(tmp_path / "a.zarr") as group:
        describe_grid(group, geobox)
    group = store.open_store(tmp_path / "a.zarr")
    assert grid_of_group(group) == geobox and group["y"][0] == pytest.approx(-42.975)


def test_what_is_no_store_is_said(tmp_path):
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(RasterError, match="cannot be read as a zarr store"):
        store.open_store(tmp_path / "b.zarr")
    with pytest.raises(RasterError, match="no such store"):
        store.open_store(tmp_path / "c.zarr")


@pytest.mark.parametrize("content", ["{", '{"zarr_format": 3, "node_type": "array"}'])
@pytest.mark.parametrize("file", ["zarr.json", "weather/zarr.json", "weather/rain/zarr.json"])
def test_a_store_whose_description_is_damaged_is_named(tmp_path, file, content):
    with atomic_store(tmp_path / "a.zarr") as group:
        create_map(group.create_group("weather"), "rain", (5, 5), 16)
    (tmp_path / "a.zarr" / file).write_text(content)
    with pytest.raises(RasterError, match="a.zarr: cannot be read as a zarr store .*build it again"):
        store.open_store(tmp_path / "a.zarr")


def test_an_array_whose_values_are_damaged_is_named(tmp_path):
    with atomic_store(tmp_path / "a.zarr") as group:
        create_map(group, "rain", (40, 40), 16)[0][:] = np.random.default_rng(0).normal(0, 1, (40, 40))
    file = next(path for path in (tmp_path / "a.zarr" / "rain").rglob("*") if path.is_file() and path.suffix != ".json")
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(RasterError, match="a.zarr/rain: cannot be read"):
        read_cells(store.open_store(tmp_path / "a.zarr")["rain"], np.arange(9), np.arange(9))
