from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.probes.quality.flags import Flag
from loam.probes.quality.repeats import copied_runs, flag_repeats, repeated_depths, repeated_stations

OVERWRITTEN = [f"K{number}" for number in (6, 7, 8, 10, 11, 12, 13, 14)] + [f"Y{n}" for n in range(1, 14) if n != 3]


def walk(seed: int, days: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(0.1 + 0.02 * seed + np.abs(np.cumsum(0.003 * rng.standard_normal(days))), 4)


def table(station: str, *depths: np.ndarray) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {
                "station": station,
                "depth_from_cm": 30.0 * place,
                "depth_to_cm": 30.0 * (place + 1),
                "date": pd.date_range("2009-01-01", periods=len(moisture)).as_unit("ns"),
                "moisture": moisture,
            }
        )
        for place, moisture in enumerate(depths)
    ]
    return pd.concat(frames, ignore_index=True).dropna(subset=["moisture"], ignore_index=True)


def overwritten(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    middle, deep = walk(seed + 1), walk(seed + 5) + 0.1
    middle[200:] = deep[200:]
    return middle, deep


def test_an_overwritten_depth_is_found_from_its_first_day_and_the_original_is_not_flagged():
    daily = table("a", walk(9), *overwritten())
    found = repeated_depths(daily)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["depth_from_cm"], row["original_from_cm"], row["days"], row["certain"]) == (30, 60, 200, True)
    assert row["first"] == pd.Timestamp("2009-01-01") + pd.Timedelta(200, "D")
    flags = flag_repeats(daily, found, repeated_stations(daily))
    flagged = daily[flags == Flag.REPEATS_DEPTH]
    assert set(flagged["depth_from_cm"]) == {30.0}
    assert len(flagged) == 200


def test_missing_days_do_not_break_a_run():
    middle, deep = overwritten()
    middle[230:240], deep[300:350] = np.nan, np.nan
    assert repeated_depths(table("a", middle, deep))["days"].tolist() == [140]


def test_a_few_equal_zeros_and_constant_depths_are_no_repeat():
    first, second = walk(1), walk(5)
    first[100:104] = second[100:104] = 0
    first[200:260] = second[200:260] = 0.3
    assert repeated_depths(table("a", first, second)).empty


def test_where_both_depths_jump_both_are_flagged_unless_the_network_tells():
    unclear = walk(2), walk(2)
    alone = repeated_depths(table("b", *unclear))
    assert alone["depth_from_cm"].tolist() == [0, 30]
    assert not alone["certain"].any()
    network = pd.concat([table("a", *overwritten()), table("b", *unclear)], ignore_index=True)
    told = repeated_depths(network).set_index("station")
    assert told.loc["b", "depth_from_cm"] == told.loc["a", "depth_from_cm"] == 0
    assert told["certain"].all()


def test_the_depth_that_leaves_its_past_is_the_copy():
    middle, deep = overwritten()
    day = np.arange(400)
    assert [run.copy for run in copied_runs(middle, deep, day, days=10, values=5)] == [0]
    assert [run.copy for run in copied_runs(deep, middle, day, days=10, values=5)] == [1]


def test_a_station_that_repeats_another_is_found_whatever_the_order_of_the_rows():
    series = walk(1)
    copy = series.copy()
    copy[::50] += 0.01
    daily = pd.concat([table("c", copy), table("b", walk(2)), table("a", series)], ignore_index=True)
    found = repeated_stations(daily.sample(frac=1, random_state=0).reset_index(drop=True))
    assert found[["station", "original", "days"]].values.tolist() == [["c", "a", 392]]
    flags = flag_repeats(daily, repeated_depths(daily), found)
    assert daily["station"][flags == Flag.REPEATS_STATION].value_counts().to_dict() == {"c": 392}


def test_three_of_a_kind_have_one_original():
    series = walk(1)
    found = repeated_stations(pd.concat([table(name, series) for name in "abc"], ignore_index=True))
    assert dict(zip(found["station"], found["original"], strict=True)) == {"b": "a", "c": "a"}


def test_stations_alike_on_half_their_days_or_with_few_values_are_no_repeats():
    series, half, dry = walk(1), walk(1), np.full(400, 0.05)
    half[200:] = walk(3)[200:]
    daily = pd.concat([table(n, s) for n, s in (("a", series), ("b", half), ("c", dry), ("d", dry))], ignore_index=True)
    assert repeated_stations(daily).empty


def test_the_same_values_at_different_depths_of_two_stations_are_not_compared():
    daily = pd.concat([table("a", walk(1), walk(2)), table("b", walk(2), walk(1))], ignore_index=True)
    assert repeated_stations(daily).empty


def test_an_empty_table_has_no_repeats():
    daily = table("a", walk(1)).iloc[:0]
    assert repeated_depths(daily).empty
    assert repeated_stations(daily).empty
    assert len(flag_repeats(daily, repeated_depths(daily), repeated_stations(daily))) == 0


@pytest.fixture(scope="module")
def murrumbidgee(shared_data) -> pd.DataFrame:
    frames = []
    for name, (top, bottom) in {"shallow": (0, 30), "middle": (30, 60), "deep": (60, 90)}.items():
        wide = pd.read_csv(shared_data / "murrumbidgee" / f"{name}.csv", index_col=0, parse_dates=True)
        wide.columns = [column.rsplit("_", 1)[-1].upper() for column in wide]
        long = wide.rename_axis("date").melt(ignore_index=False, var_name="station", value_name="moisture")
        frames.append(long.reset_index().assign(depth_from_cm=float(top), depth_to_cm=float(bottom)))
    daily = pd.concat(frames, ignore_index=True).dropna(subset=["moisture"], ignore_index=True)
    return daily.assign(moisture=daily["moisture"] / 100)


def test_the_overwritten_months_of_the_murrumbidgee_are_found_by_themselves(murrumbidgee):
    found = repeated_depths(murrumbidgee)
    assert sorted(found["station"]) == sorted(OVERWRITTEN)
    assert (found["depth_from_cm"] == 30).all()
    assert (found["original_from_cm"] == 60).all()
    assert (found["first"] >= pd.Timestamp("2009-06-01")).all()
    flags = flag_repeats(murrumbidgee, found, repeated_stations(murrumbidgee))
    wide = murrumbidgee.pivot(index=["station", "date"], columns="depth_from_cm", values="moisture").reset_index()
    expected = (wide[30.0] == wide[60.0]) & (wide["date"] >= "2009-06-01") & wide["station"].isin(OVERWRITTEN)
    assert np.count_nonzero(flags) == expected.sum()


def test_y8_and_y9_of_yanco_repeat_y7(shared_data):
    frames = [
        pd.read_csv(path, usecols=["time", "insitu_sm"], parse_dates=["time"]).assign(station=path.stem)
        for path in sorted((shared_data / "yanco" / "stations").glob("*.csv"))
    ]
    daily = pd.concat(frames, ignore_index=True).rename(columns={"time": "date", "insitu_sm": "moisture"})
    found = repeated_stations(daily.assign(depth_from_cm=0.0, depth_to_cm=5.0))
    assert dict(zip(found["station"], found["original"], strict=True)) == {"y8": "y7", "y9": "y7"}
