"""A reading is neither older than loggers nor from the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.probes.instants import as_instants, check_instants

NOW = np.datetime64("2024-06-01T12:00", "ns")


@pytest.mark.parametrize(
    ("time", "says"),
    [("1747-01-01", "lies before 1950"), ("2199-01-01", "lies in the future"), ("0001-01-01", "lies before 1950"),
     ("9999-12-31", "lies before 1950"), ("2024-06-02T12:01", "lies in the future")],
)  # fmt: skip
def test_a_time_that_cannot_be_is_refused_with_its_line(time, says):
    texts = pd.Series(["2024-05-01", time])
    times = as_instants(pd.Series(np.array(["2024-05-01", time], "datetime64[s]")))
    with pytest.raises(TableError, match=f"a.csv, line 8: time '{time}' {says}"):
        check_instants(times, where="a.csv", texts=texts, lines=np.array([7, 8]), now=NOW)


def test_a_clock_half_a_day_ahead_passes():
    check_instants(np.array(["2024-06-02T02:00", "NaT", "1950-01-01"], "datetime64[ns]"), where="a.csv", now=NOW)
