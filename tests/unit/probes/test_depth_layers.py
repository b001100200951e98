"""Daily profiles become layers: what gives a value, what is refused, and what the flags say of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loam.errors import ConfigError, TableError
from loam.probes.depth_layers import to_layers
from loam.probes.quality.flags import Flag
from loam.probes.spline import layer_weights

LAYERS = [
    {"name": "surface", "top_cm": 0, "bottom_cm": 30, "column": "sm_0_30"},
    {"name": "subsurface", "top_cm": 30, "bottom_cm": 60, "column": "sm_30_60"},
]
POINTS = {5: 0.12, 10: 0.15, 20: 0.22, 50: 0.31, 100: 0.28}
INTERVALS = [(0, 7.5), (7.5, 15), (15, 35), (35, 75), (75, 125)]
FALLBACK, BEYOND, OUTSIDE = int(Flag.NOT_SPLINED), int(Flag.EXTRAPOLATED), int(Flag.OUT_OF_RANGE)


def day(date="2020-06-01", depths=POINTS, readings=24, qc=0):
    """One day's rows; a depth is a point or (from, to)."""
    pairs = [depth if isinstance(depth, tuple) else (depth, depth) for depth in depths]
    frame = pd.DataFrame(pairs, columns=["depth_from_cm", "depth_to_cm"], dtype=float)
    return frame.assign(
        date=pd.Timestamp(date), moisture=list(depths.values()), n_readings=np.int64(readings), qc=np.int64(qc)
    )


def layers_of_stations(daily):
    """The layers of every station of ``daily``, which has the column station too."""
    tables = [
        to_layers(profile, LAYERS, where=f"station {station}").assign(station=station)
        for station, profile in daily.groupby("station")
    ]
    return pd.concat(tables, ignore_index=True)


def days(*frames):
    return pd.concat([day("2020-01-01"), *frames], ignore_index=True)  # the first day shows all depths


def last(profile, **settings):
    """The last day's layers by name."""
    table = to_layers(profile, LAYERS, **settings)
    return table[table["date"] == table["date"].max()].set_index("layer")


def without(*depths):
    return {depth: value for depth, value in POINTS.items() if depth not in depths}


def test_a_full_profile_gets_the_splines_means():
    table = to_layers(day(), LAYERS)
    expected = layer_weights(INTERVALS, [(0, 30), (30, 60)], 0.1) @ list(POINTS.values())
    np.testing.assert_allclose(table["moisture"], expected, atol=1e-15)
    assert table["layer"].tolist() == ["surface", "subsurface"]
    assert table["qc"].tolist() == [0, 0] and table["n_readings"].tolist() == [24, 24]
    assert table.dtypes.astype(str).drop("layer").tolist() == ["datetime64[ns]", "float64", "int64", "int64"]


def test_smoothing_is_the_splines_lambda():
    expected = layer_weights(INTERVALS, [(0, 30), (30, 60)], 50) @ list(POINTS.values())
    np.testing.assert_allclose(to_layers(day(), LAYERS, smoothing=50)["moisture"], expected, atol=1e-15)


def test_days_with_other_depths_missing_have_their_own_weights():
    gone = [(), (10,), (5,), (10,), (100,)]
    frames = [day(f"2020-06-0{place + 1}", without(*missing)) for place, missing in enumerate(gone)]
    table = to_layers(pd.concat(frames[::-1]), LAYERS)
    for place, missing in enumerate(gone):
        here = [interval for interval, depth in zip(INTERVALS, POINTS, strict=True) if depth not in missing]
        expected = layer_weights(here, [(0, 30), (30, 60)], 0.1) @ list(without(*missing).values())
        rows = table[table["date"] == pd.Timestamp(f"2020-06-0{place + 1}")]
        np.testing.assert_allclose(rows["moisture"], expected, atol=1e-15)


def test_a_row_without_moisture_is_a_missing_depth():
    absent, empty = last(days(day(depths=without(10)))), last(days(day(depths=POINTS | {10: np.nan})))
    pd.testing.assert_frame_equal(absent, empty)


def test_a_sensor_that_measures_the_layer_is_taken_as_it_is():
    depths = {(0, 5): 0.40, (0, 30): 0.20, (30, 60): 0.30, (60, 90): 0.10}
    table = last(day(depths=depths), smoothing=100)
    assert table["moisture"].tolist() == [0.20, 0.30] and table["qc"].tolist() == [0, 0]


def test_where_that_sensor_is_silent_the_others_may_say_too_little():
    depths = {(0, 5): 0.40, (0, 30): 0.20, (30, 60): 0.30, (60, 90): 0.10}
    silent = {depth: value for depth, value in depths.items() if depth != (0, 30)}
    table = last(pd.concat([day("2020-01-01", depths), day(depths=silent)]))
    # the 0-5 cm sensor stands for 0-17.5 cm: half of it is the soil between it and 30-60 cm
    expected = layer_weights([(0, 5), (30, 60), (60, 90)], [(0, 30)], 0.1) @ [0.4, 0.3, 0.1]
    assert table.loc["surface", "moisture"] == pytest.approx(expected[0], abs=1e-15)
    strict = last(pd.concat([day("2020-01-01", depths), day(depths=silent)]), minimum_share=0.6)
    assert np.isnan(strict.loc["surface", "moisture"]) and strict.loc["subsurface", "moisture"] == 0.30


def test_overlapping_sensors_that_cover_less_are_left_out():
    both = to_layers(day(depths={(0, 8): 0.9, (0, 20): 0.2, (20, 40): 0.3, (40, 70): 0.4}), LAYERS)
    alone = to_layers(day(depths={(0, 20): 0.2, (20, 40): 0.3, (40, 70): 0.4}), LAYERS)
    np.testing.assert_allclose(both["moisture"], alone["moisture"], atol=1e-15)


def test_one_depth_gives_its_reading_if_it_stands_for_half_the_layer():
    table = last(days(day(depths={20: 0.22})))  # 15-35 cm: half of 0-30, a sixth of 30-60
    assert table.loc["surface", ["moisture", "qc"]].tolist() == [0.22, FALLBACK | BEYOND]
    assert np.isnan(table.loc["subsurface", "moisture"])
    assert table.loc["subsurface", ["n_readings", "qc"]].tolist() == [0, BEYOND]


def test_a_lone_deep_sensor_says_nothing_of_the_layers_above_it():
    table = last(day(depths={100: 0.22}))
    assert table["moisture"].isna().all() and table["n_readings"].tolist() == [0, 0]
    assert (table["qc"] & BEYOND != 0).all()
    assert last(day(depths={60: 0.2, 100: 0.3}))["moisture"].isna().tolist() == [True, False]


def test_one_depth_that_spans_the_layer_is_no_extrapolation():
    table = last(day(depths={(0, 100): 0.2}))
    assert table["moisture"].tolist() == [0.2, 0.2] and table["qc"].tolist() == [FALLBACK, FALLBACK]


def test_two_depths_give_the_straight_line_between_the_middles_of_their_intervals():
    table = last(day(depths={(0, 20): 0.10, (40, 60): 0.30}))  # 0.1 down to 10 cm, 0.3 from 50 cm, 0.005 a cm between
    assert table.loc["surface", "moisture"] == pytest.approx((10 * 0.10 + 20 * 0.15) / 30, abs=1e-15)
    assert table.loc["subsurface", "moisture"] == pytest.approx((20 * 0.25 + 10 * 0.30) / 30, abs=1e-15)
    assert table["qc"].tolist() == [FALLBACK, FALLBACK]


def test_a_layer_reaching_below_the_deepest_sensor_is_flagged_and_refused_beyond_the_limit():
    profile = day(depths={5: 0.1, 15: 0.2, 30: 0.3})  # the last stands for 22.5-37.5 cm
    table = last(profile)
    assert table.loc["surface", "qc"] == 0
    assert np.isnan(table.loc["subsurface", "moisture"]) and table.loc["subsurface", "qc"] == BEYOND
    taken = last(profile, minimum_share=0.25)  # 7.5 of 30 cm
    assert np.isfinite(taken.loc["subsurface", "moisture"]) and taken.loc["subsurface", "qc"] == BEYOND


def test_a_layer_between_sensors_that_say_nothing_of_it_is_refused():
    table = last(days(day(depths=without(20, 50))))
    assert np.isnan(table.loc["subsurface", "moisture"]) and table.loc["subsurface", "qc"] == 0


def test_means_no_soil_can_have_are_missing_and_flagged():
    table = last(day(depths={5: 0.9, 10: 1.5, 20: 1.3, 50: 0.3, 100: 0.3}))
    assert np.isnan(table.loc["surface", "moisture"]) and table.loc["surface", "qc"] == OUTSIDE
    assert np.isfinite(table.loc["subsurface", "moisture"]) and table.loc["subsurface", "qc"] == 0
    below = last(day(depths={(0, 30): -0.01, (30, 60): 0.2}))
    assert np.isnan(below.loc["surface", "moisture"]) and below.loc["surface", "qc"] == OUTSIDE


def test_a_point_whose_share_is_the_layer_is_no_measurement_of_the_layer():
    table = last(day(depths={15: 0.1, 45: 0.2, 75: 0.3}))  # stand for 0-30, 30-60 and 60-90 cm
    expected = layer_weights([(0, 30), (30, 60), (60, 90)], [(0, 30), (30, 60)], 0.1) @ [0.1, 0.2, 0.3]
    np.testing.assert_allclose(table["moisture"], expected, atol=1e-15)
    assert table.loc["surface", "moisture"] != 0.1


def test_short_interval_sensors_stand_for_the_soil_halfway_to_their_neighbours():
    depths = {(3, 8): 0.1, (20, 25): 0.2, (50, 60): 0.3}
    table = last(day(depths=depths), minimum_share=1)
    expected = layer_weights(list(depths), [(0, 30), (30, 60)], 0.1) @ [0.1, 0.2, 0.3]
    np.testing.assert_allclose(table["moisture"], expected, atol=1e-15)
    assert table["qc"].tolist() == [0, 0]


def test_a_silent_deepest_sensor_leaves_the_next_one_its_own_soil():
    depths = {(0, 10): 0.1, (15, 25): 0.2, (40, 50): 0.3, (80, 100): 0.4}  # the third stands for 32.5-65 cm
    silent = {depth: value for depth, value in depths.items() if depth != (80, 100)}
    table = last(pd.concat([day("2020-01-01", depths), day(depths=silent)]))
    assert table["moisture"].notna().all() and table["qc"].tolist() == [0, 0]


def test_a_depth_that_never_has_moisture_is_nobodys_neighbour():
    dead, absent = to_layers(day(depths=POINTS | {30: np.nan}), LAYERS), to_layers(day(), LAYERS)
    pd.testing.assert_frame_equal(dead, absent)


def test_counts_and_flags_come_from_the_depths_that_count():
    flags = [1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7]
    table = last(day(readings=[24, 20, 22, 12, 6], qc=flags))
    weights = np.abs(layer_weights(INTERVALS, [(0, 30), (30, 60)], 0.1)) > 0.1
    assert weights.tolist() == [[True, True, True, False, False], [False, False, True, True, False]]
    assert table["n_readings"].tolist() == [20, 12]
    assert table["qc"].tolist() == [flags[0] | flags[1] | flags[2], flags[2] | flags[3]]


def test_a_missing_layer_says_why_its_sensors_were_silent():
    silent = day(depths=dict.fromkeys(POINTS, np.nan), qc=int(Flag.FROZEN))
    table = last(days(silent))
    assert table["moisture"].isna().all() and table["n_readings"].tolist() == [0, 0]
    assert table["qc"].tolist() == [int(Flag.FROZEN)] * 2


def test_a_station_that_never_reads_has_missing_layers():
    table = to_layers(day(depths=dict.fromkeys(POINTS, np.nan)), LAYERS)
    assert len(table) == 2 and table["moisture"].isna().all() and table["qc"].tolist() == [0, 0]


def test_no_days_give_no_rows():
    assert to_layers(day().iloc[:0], LAYERS).empty
    assert to_layers(day().iloc[:0], LAYERS).columns.tolist() == ["date", "layer", "moisture", "n_readings", "qc"]


def test_depths_that_differ_by_rounding_are_one():
    table = to_layers(
        day(depths={(0, 0.29 * 100): 0.2, (0.3 * 100, 60): 0.3}), [{"name": "a", "top_cm": 0, "bottom_cm": 29}]
    )
    assert table["moisture"].tolist() == [0.2] and table["qc"].tolist() == [0]


def test_stations_keep_their_own_depths():
    shallow = {5: 0.1, 15: 0.2, 30: 0.3}
    daily = pd.concat([day().assign(station="b"), day(depths=shallow).assign(station="a")])
    table = layers_of_stations(daily)
    assert table["station"].tolist() == ["a", "a", "b", "b"]
    alone = pd.concat([to_layers(day(depths=shallow), LAYERS), to_layers(day(), LAYERS)], ignore_index=True)
    pd.testing.assert_frame_equal(table.drop(columns="station"), alone)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.01, 0.6), min_size=5, max_size=5), st.sets(st.sampled_from(range(5)), max_size=4))
def test_moisture_of_a_uniform_soil_is_that_of_its_sensors(values, missing):
    depths = [depth for place, depth in enumerate(POINTS) if place not in missing]
    uniform = last(days(day(depths=dict.fromkeys(depths, values[0]))))["moisture"].dropna()
    np.testing.assert_allclose(uniform, values[0], atol=1e-12)
    other = dict(zip(depths, values, strict=False))
    twice = {depth: value / 2 for depth, value in other.items()}
    full, half = last(days(day(depths=other))), last(days(day(depths=twice)))
    unclipped = full["moisture"].notna() & half["moisture"].notna()
    np.testing.assert_allclose(half["moisture"][unclipped], full["moisture"][unclipped] / 2, atol=1e-12)


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        (day().drop(columns="qc"), "station K1: no column qc"),
        (pd.concat([day(), day(depths={20: 0.2})]), "station K1: 2020-06-01 has 20-20 cm twice"),
        (day(depths={0: 0.1}), "station K1: a point sensor at 0 cm"),
        (day(depths={(30, 5): 0.1}), "station K1: sensor depth 30 to 5 cm"),
        (day().assign(depth_to_cm=np.nan), "station K1: a row has no depth"),
    ],
)
def test_impossible_profiles_are_refused_with_the_station(profile, says):
    with pytest.raises(TableError, match=says):
        layers_of_stations(profile.assign(station="K1"))


@pytest.mark.parametrize(
    ("layers", "settings", "says"),
    [
        ([{"name": "a", "top_cm": 30, "bottom_cm": 30}], {}, "layer a is 30-30 cm"),
        (LAYERS, {"minimum_share": 0}, "minimum_share is 0"),
        (LAYERS, {"smoothing": -1}, "smoothing is -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(layers, settings, says):
    with pytest.raises(ConfigError, match=says):
        to_layers(day(), layers, **settings)


def test_real_stations_get_both_layers_within_their_readings(shared_data):
    wide = pd.read_parquet(shared_data / "uscrn" / "daily_2020.parquet")
    daily = wide.melt(
        ["wban", "lst_date"], [f"soil_moisture_{depth}_daily" for depth in POINTS], "depth", "moisture"
    ).rename(columns={"wban": "station", "lst_date": "date"})
    depth = daily["depth"].str.extract(r"_(\d+)_")[0].astype(float)
    daily = daily.assign(depth_from_cm=depth, depth_to_cm=depth, n_readings=24, qc=0)
    table = layers_of_stations(daily)
    assert len(table) == 2 * len(wide)
    full = daily.dropna().groupby("station")["depth"].nunique() == 5
    given = table.dropna().groupby(["station", "layer"]).size().unstack()
    assert given.reindex(full.index[full]).notna().all(axis=None)
    spread = daily.groupby(["station", "date"])["moisture"].agg(["min", "max"]).reset_index()
    inside = table.dropna().merge(spread, on=["station", "date"])
    beyond = np.maximum(inside["min"] - inside["moisture"], inside["moisture"] - inside["max"])
    assert beyond.max() < 0.1  # a spline may overshoot, but not run away
