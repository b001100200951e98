"""Rows are the days of which everything is known, and what is read of them is what stands in the series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from loam.covariates.features import feature_set
from loam.errors import TableError
from loam.samples.series import SampleSeries, join_series
from loam.samples.windows import Windows
from loam.training.device_inputs import ScaledInputs
from loam.training.scaling import Scaler

FEATURES = feature_set({
    "static": ["clay", "slope"], "daily": [{"name": "rain", "lags": [0, 2]}],
    "classes": [{"name": "cover", "values": ["PAST", "FORE"]}], "day_of_year": True,
    "sequence": {"variables": ["coarse", "deep"], "lags": [1, 3]},
})  # fmt: skip
LAYERS = ["surface", "subsurface"]
DAYS = np.arange("2020-02-20", "2020-03-06", dtype="datetime64[D]")


def a_series(stations=("a", "b"), days=DAYS, seed=0, **changes) -> SampleSeries:
    """Everything is known on every day; the variables' order is not the features'."""
    generator, size = np.random.default_rng(seed), (len(stations), len(days))
    series = SampleSeries(
        list(stations), days, ["cover_FORE", "slope", "cover_PAST", "clay"], generator.normal(size=(len(stations), 4)),
        {name: generator.normal(size=size) for name in ("coarse", "rain", "deep")}, LAYERS,
        generator.uniform(0.1, 0.4, (1, *size, 2)), *generator.normal(size=(2, len(stations))),
    )  # fmt: skip
    return replace(series, **changes)


def rows_of(series, layers=LAYERS) -> Windows:
    return Windows(series, FEATURES, layers, "target")


def by_hand(series, station, day, feature):
    """The value of a feature of a station on a day, looked up in the series."""
    if feature.kind in ("static", "class"):
        return series.static[station, list(series.variables).index(feature.column)]
    if feature.kind == "season":
        angle = 2 * np.pi * pd.Timestamp(series.days[day]).dayofyear / 365.25
        return np.sin(angle) if feature.value == "sin" else np.cos(angle)
    return series.daily[feature.name][station, day - feature.lag]


def keys_of(windows) -> list[tuple[str, str]]:
    return [(station, f"{date:%m-%d}") for station, date in windows.keys[["station", "date"]].itertuples(index=False)]


def all_keys(series) -> list[tuple[str, str]]:
    """Every day of every station but the first three, whose lags begin before the series."""
    return [(station, f"{pd.Timestamp(day):%m-%d}") for station in series.stations for day in series.days[3:]]


def test_rows_are_all_days_with_their_lags_by_station_then_day():
    series = a_series()
    windows = rows_of(series)
    assert len(windows) == len(all_keys(series)) == 24
    assert keys_of(windows) == all_keys(series)
    expected = series.moisture[0, :, 3:].reshape(24, 2)
    assert np.array_equal(windows.keys[LAYERS].to_numpy(), expected)
    assert windows.keys["date"].dtype == "datetime64[ns]"


def test_every_column_is_what_stands_in_the_series():
    series = a_series()
    windows = rows_of(series)
    rows = np.array([0, 5, 13, 23, 5])
    for number, feature in enumerate(FEATURES.all):
        expected = [by_hand(series, row // 12, 3 + row % 12, feature) for row in rows]
        np.testing.assert_allclose(windows.column(number, rows), expected, rtol=0, atol=1e-12, err_msg=feature.column)


def test_what_a_network_reads_is_the_columns_in_their_order():
    windows = rows_of(a_series())
    columns, rows = len(FEATURES.columns), np.array([2, 7, 19])
    unscaled = Scaler(np.zeros((1, columns)), np.ones((1, columns)))
    read = ScaledInputs(windows, unscaled, "cpu", torch.float64).read(torch.from_numpy(rows)[None])
    together = torch.cat([read["static"][0], read["sequence"][0].flatten(1)], 1).numpy()
    assert together.shape == (3, columns)
    for number in range(columns):
        assert np.array_equal(together[:, number], windows.column(number, rows)), FEATURES.columns[number]


@pytest.mark.parametrize(("name", "lags"), [("rain", {0, 1, 2}), ("coarse", {1, 2, 3})])
def test_a_missing_day_of_a_covariate_takes_the_rows_that_read_it_and_no_other(name, lags):
    series = a_series()
    series.daily[name][1, 6] = np.nan
    lost = {("b", f"{pd.Timestamp(DAYS[6] + lag):%m-%d}") for lag in lags}
    assert keys_of(rows_of(series)) == [key for key in all_keys(series) if key not in lost]


def test_a_station_without_a_static_value_has_no_row():
    series = a_series()
    series.static[0, 2] = np.nan
    assert keys_of(rows_of(series)) == [key for key in all_keys(series) if key[0] == "b"]


def test_a_day_without_moisture_is_no_row_and_one_with_a_layer_is():
    series = a_series()
    series.moisture[0, 0, 5] = np.nan
    series.moisture[0, 1, 5, 0] = np.nan
    windows = rows_of(series)
    assert keys_of(windows) == [key for key in all_keys(series) if key != ("a", f"{pd.Timestamp(DAYS[5]):%m-%d}")]
    assert windows.keys.set_index(["station", "date"]).loc[("b", DAYS[5]), "surface"] != series.moisture[0, 1, 5, 0]
    alone = rows_of(series, ["surface"])
    assert len(alone) == 22, "without the layer that is observed there is no row of it"


def test_layers_are_in_the_order_that_is_asked_for():
    series = a_series()
    windows = rows_of(series, LAYERS[::-1])
    assert windows.keys.columns.tolist() == ["station", "date", "subsurface", "surface"]
    assert np.array_equal(windows.observed[:, 0], series.moisture[0, :, 3:, 1].ravel())


def test_observed_is_the_first_teacher_that_has_it():
    moisture = np.stack([np.full((2, 15, 2), 0.2), np.full((2, 15, 2), 0.3)])
    moisture[0, 0, 4], moisture[0, 0, 5, 1], moisture[:, 0, 6] = np.nan, np.nan, np.nan
    windows = rows_of(a_series(moisture=moisture, teachers=["probes", "model"], weights=[1.0, 0.5]))
    expected = np.full((23, 2), 0.2)
    expected[1], expected[2, 1] = 0.3, 0.3
    assert np.array_equal(windows.observed, expected)


@pytest.mark.parametrize(("part", "missing"), [("daily", "rain"), ("variables", "cover_FORE"), ("layers", "surface")])
def test_what_the_series_lacks_is_named(part, missing):
    series = a_series()
    if part == "daily":
        series.daily.pop(missing)
    else:
        series = replace(series, **{part: ["other" if name == missing else name for name in getattr(series, part)]})
    with pytest.raises(TableError, match=f"samples of the target domain: no {missing}; rerun build_samples"):
        rows_of(series)


def test_a_domain_without_a_row_is_an_error():
    series = a_series()
    series.daily["deep"][:] = np.nan
    with pytest.raises(TableError, match=r"no day of the target domain has moisture and every feature.*dropped\.csv"):
        rows_of(series)


def test_the_hash_follows_everything_that_training_reads():
    first = rows_of(a_series()).hash
    assert rows_of(a_series()).hash == first
    assert rows_of(a_series(latitude=np.zeros(2), attributes={"note": "x"})).hash == first
    changed = [
        a_series(stations=("a", "other")), a_series(days=DAYS + 1), a_series(weights=[0.5]),
        *(a_series(**{part: planted(getattr(a_series(), part))}) for part in ("static", "moisture")),
        *(a_series(daily=a_series().daily | {name: planted(a_series().daily[name])})
          for name in ("rain", "coarse", "deep")),
    ]  # fmt: skip
    hashes = {first, rows_of(a_series(), LAYERS[::-1]).hash, *(rows_of(series).hash for series in changed)}
    assert len(hashes) == 2 + len(changed)


def planted(values):
    return np.where(np.arange(values.size).reshape(values.shape) == 1, 9.0, values)


def test_domains_that_are_joined_have_each_their_own_days_rows_and_teacher():
    late = np.arange("2020-03-01", "2020-03-20", dtype="datetime64[D]")
    far, near = a_series(("a", "d"), seed=1), a_series(("b", "c"), late, seed=2)
    near = replace(
        near, variables=near.variables[::-1], static=near.static[:, ::-1], layers=LAYERS[::-1],
        moisture=near.moisture[..., ::-1],
    )  # fmt: skip
    both = join_series(far, near, {"source": 0.25, "target": 1.0})
    assert (both.stations, both.teachers) == (["a", "b", "c", "d"], ["source probes", "target probes"])
    assert both.weights == [0.25, 1.0]
    assert (both.days[0], both.days[-1]) == (DAYS[0], late[-1])
    windows, apart = rows_of(both), {name: rows_of(own) for name, own in (("far", far), ("near", near))}
    assert sorted(keys_of(windows)) == sorted([*keys_of(apart["far"]), *keys_of(apart["near"])])
    place = {key: number for number, key in enumerate(keys_of(windows))}
    for teacher, own in enumerate(apart.values()):
        rows = np.array([place[key] for key in keys_of(own)])
        assert np.array_equal(windows.observed[rows], own.observed)
        assert np.array_equal(windows.moisture[teacher, windows.position[rows]], own.observed)
        assert np.isnan(windows.moisture[1 - teacher, windows.position[rows]]).all()
        for number in range(len(FEATURES.columns)):
            expected = own.column(number, np.arange(len(own)))
            assert np.array_equal(windows.column(number, rows), expected), FEATURES.columns[number]
    assert both.latitude.tolist() == [far.latitude[0], *near.latitude, far.latitude[1]]


def test_all_models_of_a_run_have_the_rows_of_its_longest_window():
    generator = np.random.default_rng(3)
    days = np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]")
    daily = generator.normal(size=(2, len(days)))
    daily[1, 20] = np.nan
    series = SampleSeries(
        ["a", "b"], days, [], np.empty((2, 0)), {"sm": daily}, ["surface"], np.full((1, 2, len(days), 1), 0.2),
        np.zeros(2), np.zeros(2), attributes={"lags": list(range(1, 9))},
    )  # fmt: skip
    config = {"static": [], "daily": [], "classes": [], "day_of_year": False,
              "sequence": {"variables": ["sm"], "lags": [1, 3]}}  # fmt: skip
    short, long = (
        Windows(series, feature_set(config, window), ["surface"], "target") for window in (None, {"length": 8})
    )
    assert (len(short.lags), len(long.lags)) == (3, 8)
    assert short.keys.equals(long.keys)
    assert len(short) == 2 * (len(days) - 8) - 8, "eight days lack the day that station b lacks"


def test_a_window_with_a_step_of_its_own_reads_each_such_day():
    series = a_series(days=np.arange("2020-01-01", "2020-03-06", dtype="datetime64[D]"))
    config = {"static": [], "daily": [], "classes": [], "day_of_year": False,
              "sequence": {"variables": ["coarse"], "lags": [1, 3]}}  # fmt: skip
    windows = Windows(series, feature_set(config, {"length": 4, "step": 5}), LAYERS, "target")
    assert windows.lags.tolist() == [16, 11, 6, 1]
    assert windows.features.columns == ["coarse_16", "coarse_11", "coarse_6", "coarse_1"]
    identity = Scaler(np.zeros((1, 4)), np.ones((1, 4)))
    read = ScaledInputs(windows, identity, "cpu", torch.float64).read(torch.tensor([[7]]))["sequence"][0, 0, :, 0]
    day = windows.day[7]
    np.testing.assert_array_equal(
        read, series.daily["coarse"][windows.station[7], [day - 16, day - 11, day - 6, day - 1]]
    )
    of_means = {**config, "sequence": {**config["sequence"], "every": 5, "statistic": "mean"}}
    assert feature_set(of_means).columns == ["coarse_mean5_3", "coarse_mean5_2", "coarse_mean5_1"]
    told = feature_set(of_means, {"length": 3, "step": 2}).columns
    assert told == ["coarse_mean5_9d", "coarse_mean5_7d", "coarse_mean5_1"], "means of the days before those"
