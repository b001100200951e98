import json

import numpy as np
import pytest

from loam.sentinel2.observation_series import interpolate, last_observed, merge_days

REAL = "sentinel/s2_ndvi_series/TestEOPatch"


def days(*numbers: int) -> np.ndarray:
    return np.datetime64("2020-01-01") + np.array(numbers, "timedelta64[D]")


def series(*values: float) -> np.ndarray:
    """One pixel's values."""
    return np.float32(values)[:, None]


def test_values_between_observations_lie_on_the_line():
    found = interpolate(series(0.2, 0.6), days(0, 20), days(*range(21)), 30)
    assert found[:, 0] == pytest.approx(np.linspace(0.2, 0.6, 21), abs=1e-6)


def test_there_is_no_value_before_the_first_and_after_the_last_observation():
    found = interpolate(series(0.2, 0.6), days(10, 20), days(0, 9, 10, 20, 21), 30)
    assert np.isfinite(found[:, 0]).tolist() == [False, False, True, True, False]


@pytest.mark.parametrize(("gap", "missing"), [(30, []), (60, []), (61, []), (62, [31]), (100, list(range(31, 70)))])
def test_a_day_has_a_value_when_the_nearer_observation_is_within_reach(gap, missing):
    found = interpolate(series(0, 1), days(0, gap), days(*range(gap + 1)), 30)
    assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == missing


def test_the_reach_is_a_setting():
    found = interpolate(series(0, 1), days(0, 10), days(*range(11)), 2)
    assert np.flatnonzero(np.isfinite(found[:, 0])).tolist() == [0, 1, 2, 8, 9, 10]


def test_a_missing_observation_is_bridged_by_its_neighbours_of_the_same_pixel():
    values = np.float32([[0.1, 0.1], [np.nan, 0.9], [0.3, 0.3]])
    found = interpolate(values, days(0, 10, 20), days(5, 10, 15), 30)
    assert found == pytest.approx(np.float32([[0.15, 0.5], [0.2, 0.9], [0.25, 0.6]]), abs=1e-6)


def test_the_day_of_an_observation_has_its_value_bit_for_bit():
    rng = np.random.default_rng(0)
    values = rng.random((50, 7), np.float32)
    values[rng.random(values.shape) < 0.4] = np.nan
    when = days(*np.cumsum(rng.integers(1, 20, 50)))
    found = interpolate(values, when, when, 30)
    there = np.isfinite(values)
    assert (found[there] == values[there]).all()
    assert found.dtype == np.float32


def test_every_pixel_is_what_it_is_alone():
    rng = np.random.default_rng(1)
    values = rng.random((40, 30))
    values[rng.random(values.shape) < 0.6] = np.nan
    when, wanted = days(*np.cumsum(rng.integers(1, 15, 40))), days(*range(0, 320, 3))
    found = interpolate(values, when, wanted, 30)
    numbers, asked = when.astype(int), wanted.astype(int)
    for pixel in range(30):
        there = np.isfinite(values[:, pixel])
        line = np.interp(asked, numbers[there], values[there, pixel], left=np.nan, right=np.nan)
        line[np.abs(asked[:, None] - numbers[there]).min(1) > 30] = np.nan
        assert found[:, pixel] == pytest.approx(line, nan_ok=True)


def test_a_pixel_never_seen_has_no_value_and_no_age():
    values = np.full((3, 1), np.nan, np.float32)
    assert np.isnan(interpolate(values, days(0, 5, 9), days(*range(10)), 30)).all()
    assert np.isnan(np.stack(last_observed(values, days(0, 5, 9), days(*range(10))))).all()


def test_no_observation_at_all_gives_no_value():
    empty = np.empty((0, 2), np.float32)
    assert np.isnan(interpolate(empty, days(), days(1, 2), 30)).all()
    assert np.isnan(np.stack(last_observed(empty, days(), days(1, 2)))).all()
    assert len(merge_days(empty, empty, days())[2]) == 0


def test_the_last_observation_is_kept_with_its_age_and_never_looks_ahead():
    values = np.float32([[0.1, np.nan], [np.nan, 0.5], [0.3, np.nan]])
    found, age = last_observed(values, days(0, 10, 20), days(-1, 0, 9, 10, 25))
    assert found == pytest.approx(
        np.float32([[np.nan, np.nan], [0.1, np.nan], [0.1, np.nan], [0.1, 0.5], [0.3, 0.5]]), nan_ok=True
    )
    assert age == pytest.approx(np.float32([[np.nan, np.nan], [0, np.nan], [9, np.nan], [10, 0], [5, 15]]), nan_ok=True)


def test_tiles_of_a_day_are_merged_by_valid_share():
    values, share = np.float32([[0.2], [0.6], [0.9]]), np.float32([[0.5], [1.0], [0.7]])
    merged, most, when = merge_days(values, share, days(3, 3, 1))
    assert when.tolist() == days(1, 3).tolist()
    assert merged[:, 0] == pytest.approx([0.9, (0.2 * 0.5 + 0.6) / 1.5], abs=1e-6)
    assert most[:, 0] == pytest.approx([0.7, 1.0])


def test_a_tile_that_did_not_see_a_pixel_leaves_it_to_the_other():
    values, share = np.float32([[np.nan, 0.4], [0.7, np.nan]]), np.float32([[0.3, 1], [0.9, np.nan]])
    merged, most, _ = merge_days(values, share, days(0, 0))
    assert merged[0] == pytest.approx([0.7, 0.4])
    assert most[0] == pytest.approx([0.9, 1])
    nowhere, none, _ = merge_days(np.full((2, 1), np.nan), np.zeros((2, 1)), days(0, 0))
    assert np.isnan(nowhere).all() and (none == 0).all()


def test_a_day_of_one_tile_keeps_its_values_bit_for_bit():
    rng = np.random.default_rng(2)
    values, share = rng.random((20, 50), np.float32), rng.random((20, 50), np.float32)
    merged, _, _ = merge_days(values, share, days(*range(20)))
    assert (merged == values).all()


@pytest.fixture
def real(shared_data):
    """Real NDVI of 68 acquisitions, two of them on one day: [time, pixel], NaN under cloud; days."""
    folder = shared_data / REAL
    values = np.load(folder / "data/NDVI.npy").reshape(68, -1)
    clear = np.load(folder / "mask/IS_VALID.npy").reshape(68, -1)
    when = np.array(json.loads((folder / "timestamps.json").read_text()), "datetime64[D]")
    return np.where(clear, values, np.nan), when


def test_the_long_gaps_of_a_real_series_stay_open_in_their_middle(real):
    values, when = real
    values, _, when = merge_days(values, np.isfinite(values).astype(np.float32), when)
    assert len(when) == 67  # two acquisitions share a day
    wanted = np.arange(when[0], when[-1] + 1)
    found = interpolate(values, when, wanted, 30)
    pixel = np.arange(0, values.shape[1], 97)
    numbers, asked = when.astype(int), wanted.astype(int)
    inside = long_gap = 0
    for column in pixel:
        seen = numbers[np.isfinite(values[:, column])]
        nearest = np.abs(asked[:, None] - seen).min(1)
        between = (asked >= seen[0]) & (asked <= seen[-1])
        assert (np.isfinite(found[:, column]) == (between & (nearest <= 30))).all()
        gaps = np.diff(seen)
        inside += (gaps - 1).sum()
        long_gap += (gaps[gaps > 30] - 1).sum()
    assert long_gap > 0.5 * inside
    assert np.nanmin(found) > -0.2 and np.nanmax(found) < 0.9


def test_a_held_out_real_observation_is_closer_to_the_line_than_to_the_last_one(real):
    values, when = real
    values, _, when = merge_days(values, np.isfinite(values).astype(np.float32), when)
    line_error, last_error = [], []
    for out in range(1, len(when) - 1):
        kept = np.delete(np.arange(len(when)), out)
        wanted = when[out : out + 1]
        truth = values[out]
        line = interpolate(values[kept], when[kept], wanted, 30)[0]
        last = last_observed(values[kept], when[kept], wanted)[0][0]
        line_error.append(np.nanmean(np.abs(line - truth)) if np.isfinite(line - truth).any() else np.nan)
        last_error.append(np.nanmean(np.abs(last - truth)) if np.isfinite(line - truth).any() else np.nan)
    assert np.nanmedian(line_error) < np.nanmedian(last_error)
