"""The store of samples: what is written is read, xarray opens it, and damage is an error that names it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from loam.errors import TableError
from loam.samples.series import SampleSeries, join_series, open_samples, write_samples


@pytest.fixture
def series():
    generator = np.random.default_rng(4)
    moisture = generator.uniform(0.1, 0.4, (2, 3, 10, 2))
    moisture[0, 1, :4] = np.nan
    return SampleSeries(
        ["älvdal", "b", "c 3"], np.arange("2020-02-25", "2020-03-06", dtype="datetime64[D]"),
        ["clay_1", "landcover_PAST"],
        generator.normal(size=(3, 2)), {"rain": generator.uniform(0, 9, (3, 10)), "odd": np.full((3, 10), np.nan)},
        ["surface", "subsurface"], moisture, np.array([-34.0, -35, -36]), np.array([146.0, 147, 148]),
        {"soil": np.array(["clay", "", "sand"], object), "zone": np.arange(30.0).reshape(3, 10)}, ["probes", "model"],
        [1.0, 0.25], {"domain": "target"},
    )  # fmt: skip


def test_what_is_written_is_read(series, tmp_path):
    write_samples(series, tmp_path / "target.zarr")
    again = open_samples(tmp_path / "target.zarr")
    for name in ("stations", "variables", "layers", "teachers", "weights", "attributes"):
        assert getattr(again, name) == getattr(series, name), name
    for name in ("days", "static", "moisture", "latitude", "longitude"):
        np.testing.assert_array_equal(getattr(again, name), getattr(series, name), strict=True)
    for part in ("daily", "groups"):
        assert set(getattr(again, part)) == set(getattr(series, part))
        for name, values in getattr(series, part).items():
            np.testing.assert_array_equal(getattr(again, part)[name], values)


def test_xarray_opens_it_as_it_stands(series, tmp_path):
    write_samples(series, tmp_path / "target.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = xr.open_zarr(tmp_path / "target.zarr", chunks=None)
    assert dataset["rain"].attrs["units"] == "mm d-1"
    wet = dataset["moisture"].sel(station="c 3", layer="subsurface", teacher="model", day="2020-02-29")
    assert float(wet) == series.moisture[1, 2, 4, 1]
    assert float(dataset["latitude"].sel(station="b")) == -35


def test_a_damaged_or_missing_store_is_an_error_that_names_it(series, tmp_path):
    with pytest.raises(TableError, match=r"target\.zarr.*no such samples.*build_samples"):
        open_samples(tmp_path / "target.zarr")
    write_samples(series, tmp_path / "target.zarr")
    (tmp_path / "target.zarr" / "rain" / "0.0").write_bytes(b"nonsense")
    with pytest.raises(TableError, match=r"target\.zarr.*rerun build_samples"):
        open_samples(tmp_path / "target.zarr")


def test_what_changes_in_one_domain_alone_is_kept_day_by_day_when_domains_are_joined(series):
    other = replace(series, stations=["x", "y", "z"], daily={**series.daily, series.variables[0]: series.daily["rain"]})
    joined = join_series(series, other, {"source": 1.0, "target": 1.0})
    own = dict(zip(joined.stations, joined.daily[series.variables[0]], strict=True))
    constant = np.repeat(series.static[:, :1], len(series.days), 1)
    np.testing.assert_array_equal([own[name] for name in series.stations], constant)
    np.testing.assert_array_equal([own[name] for name in other.stations], series.daily["rain"])
