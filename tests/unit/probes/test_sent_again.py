"""A reading that a network repeats seconds later counts once; readings that happen to be equal all count."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loam.probes.sent_again import sent_again

KEYS = ["variable", "sensor"]


def table(times, values, variable="soil_moisture", sensor="a") -> pd.DataFrame:
    return pd.DataFrame({"variable": variable, "sensor": sensor, "time": times, "value": np.asarray(values, float)})


def again(frame) -> np.ndarray:
    return sent_again(frame, KEYS, but={"precipitation"})


def repeated(every: int = 1, days: int = 4, value=None):
    """Readings every 20 minutes, every so many-th of them sent again 8 s later."""
    times = pd.date_range("2021-01-01", periods=72 * days, freq="20min")
    first = table(times, np.arange(len(times)) / 1e4 if value is None else value)
    second = first.iloc[::every].assign(time=lambda rows: rows["time"] + pd.Timedelta(seconds=8))
    both = pd.concat([first, second]).sort_values("time", kind="stable", ignore_index=True)
    return both, (both["time"].dt.second == 8).to_numpy()


def test_uplinks_sent_twice_count_once_be_it_a_fifth_or_all_of_them():
    for every in (5, 1):
        frame, wanted = repeated(every)
        assert (again(frame) == wanted).all()


def test_a_constant_soil_has_as_many_readings_as_were_taken():
    times = pd.date_range("2021-01-01", periods=500, freq="5min")
    assert not again(table(times, np.full(500, 0.2))).any()
    slow = pd.date_range("2021-01-10", periods=24 * 30, freq="h")  # and a logger that was set to read more often
    assert not again(table(slow.append(times + pd.Timedelta(days=60)), np.full(len(slow) + 500, 0.2))).any()


def test_another_value_seconds_later_is_another_reading():
    frame, second = repeated()
    frame.loc[second, "value"] += 0.001
    assert not again(frame).any()


def test_sensors_and_sums_are_told_apart():
    frame, _ = repeated(value=0.2)
    other = frame.assign(sensor="b", time=frame["time"] + pd.Timedelta(seconds=3))
    both = pd.concat([frame, other], ignore_index=True)
    assert again(both).sum() == 2 * again(frame).sum()
    assert not again(frame.assign(variable="precipitation")).any()


def test_nothing_to_repeat_is_no_repeat():
    assert again(table(pd.DatetimeIndex([]), [])).tolist() == []
    assert not again(table(pd.date_range("2021-01-01", periods=9, freq="D"), np.full(9, 0.2))).any()  # a reading a day
    assert again(table(pd.date_range("2021-01-01", periods=2, freq="8s"), [0.2, 0.2])).tolist() == [False, False]
