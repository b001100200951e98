"""The QC report: of the readings of each sensor, how many were kept, how many carry which flag, and when."""

import numpy as np
import pandas as pd
import pytest

from loam.probes.products import KEPT, QC_REPORT
from loam.probes.quality.flags import Flag
from loam.probes.report import count_flags

SPIKE, STUCK, DRIFT = (int(flag) for flag in (Flag.SPIKE, Flag.STUCK, Flag.DRIFT))


def table(*rows: tuple[str, str, float, int]) -> pd.DataFrame:
    """Readings of station a, one every 12 h from the first of May: place, sensor, value, flags."""
    frame = pd.DataFrame(rows, columns=["place", "sensor", "value", "qc"])
    frame.insert(0, "station", "a")
    return frame.assign(time=pd.date_range("2020-05-01", periods=len(rows), freq="12h"))


def count(readings: pd.DataFrame, excluded: list[bool]) -> pd.DataFrame:
    report = count_flags(
        readings, counted="reading", keys=["station", "place", "sensor"], time="time", value="value",
        excluded=np.array(excluded),
    )  # fmt: skip
    QC_REPORT.validate(report)
    return report.set_index(["sensor", "flag", "excluded"])


def test_each_flag_is_counted_by_itself_and_by_whether_the_reading_was_left_out():
    readings = table(
        ("5 cm", "s", 0.2, 0), ("5 cm", "s", 0.2, SPIKE), ("5 cm", "s", 0.3, SPIKE | DRIFT), ("5 cm", "s", 0.3, DRIFT)
    )
    report = count(readings, [False, True, True, False])
    numbers = report["number"].to_dict()
    assert numbers == {
        ("s", KEPT, False): 2, ("s", "spike", True): 2, ("s", "drift", True): 1, ("s", "drift", False): 1,
    }  # fmt: skip
    assert (report["of"] == 4).all()
    assert report.loc[("s", "spike", True), "share"] == 0.5


def test_days_are_the_first_and_last_of_those_counted_whatever_the_order():
    readings = table(*[("5 cm", "s", 0.2, STUCK if place in (1, 4) else 0) for place in range(6)])
    shuffled = readings.sample(frac=1, random_state=1)
    report = count(shuffled, [bool(flags) for flags in shuffled["qc"]])
    stuck = report.loc[("s", "stuck", True)]
    assert (stuck["first_day"], stuck["last_day"]) == (pd.Timestamp("2020-05-01"), pd.Timestamp("2020-05-03"))


def test_sensors_and_depths_are_counted_apart():
    readings = table(("5 cm", "s", 0.2, 0), ("5 cm", "t", 0.2, 0), ("5 cm", "t", 0.2, SPIKE), ("10 cm", "s", 0.2, 0))
    report = count(readings, [False, False, True, False]).reset_index()
    kept = report[report["flag"] == KEPT]
    assert kept[["place", "sensor", "number", "of"]].to_numpy().tolist() == [
        ["5 cm", "s", 1, 1], ["5 cm", "t", 1, 2], ["10 cm", "s", 1, 1]
    ]  # fmt: skip


def test_a_sensor_of_which_nothing_was_kept_has_a_row_that_says_so():
    report = count(table(("5 cm", "s", 0.2, SPIKE)), [True])
    kept = report.loc[("s", KEPT, False)]
    assert kept["number"] == 0 and kept["of"] == 1 and pd.isna(kept["first_day"]) and pd.isna(kept["last_day"])


@pytest.mark.parametrize(("excluded", "of"), [(False, 1), (True, 2)])
def test_a_row_without_a_value_counts_only_where_it_was_left_out(excluded, of):
    report = count(table(("5 cm", "s", 0.2, 0), ("5 cm", "s", np.nan, STUCK if excluded else 0)), [False, excluded])
    assert (report["of"] == of).all()


def test_no_value_at_all_gives_no_row():
    assert count(table(("5 cm", "s", np.nan, 0)), [False]).empty
