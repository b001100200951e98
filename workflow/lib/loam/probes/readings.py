"""What every reader of probe files gives: stations, and readings as they were delivered, in one form.

A reader is a function ``read_<format>(settings) -> Probes``. It converts nothing but times: values stay in the file's
unit, flags stay the provider's, several sensors at a depth stay apart. The steps that follow (units, quality control,
calibration, daily means, layers) are the same for all formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

VARIABLES = ["soil_moisture", "soil_temperature", "air_temperature", "precipitation"]

# One row a reading. Depths are cm below the surface; a point sensor has depth_from_cm == depth_to_cm; variables of the
# air have depth 0. `time` is UTC without a zone: the instant of a sub-hourly reading (the end of its interval where it
# is a mean or a sum), or midnight of the day that a daily value is for.
READINGS = pa.DataFrameSchema(
    {
        "station": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True),
        "sensor": pa.Column(str, coerce=True),
        "variable": pa.Column(str, pa.Check.isin(VARIABLES), coerce=True),
        "depth_from_cm": pa.Column(float, pa.Check.ge(0), coerce=True),
        "depth_to_cm": pa.Column(float, pa.Check.ge(0), coerce=True),
        "time": pa.Column("datetime64[ns]", coerce=True),
        "value": pa.Column(float, coerce=True, nullable=True),
        "unit": pa.Column(str, coerce=True),
        "flag": pa.Column(str, coerce=True),
    },
    strict=True,
    ordered=True,
)

# One row a station. What a format does not give is NaN; bulk_density is g cm-3, porosity m3 m-3, elevation m.
STATIONS = pa.DataFrameSchema(
    {
        "station": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True, unique=True),
        "latitude": pa.Column(float, coerce=True, nullable=True),
        "longitude": pa.Column(float, coerce=True, nullable=True),
        "elevation": pa.Column(float, coerce=True, nullable=True),
        "bulk_density": pa.Column(float, coerce=True, nullable=True),
        "porosity": pa.Column(float, coerce=True, nullable=True),
        "landcover": pa.Column(str, coerce=True, nullable=True),
        "soil": pa.Column(str, coerce=True, nullable=True),
    },
    strict=True,
    ordered=True,
)


@dataclass(frozen=True)
class Probes:
    """What a reader gives.

    Args:
        stations: schema STATIONS.
        readings: frames of schema READINGS, each of one station, a station possibly in several frames (a long file is
            read in pieces), so that memory is bounded by a piece.
        daily: whether values are daily already; their day is the provider's, whatever the config's day boundary.
        source: one line that names format and place, for logs and reports.
    """

    stations: pd.DataFrame
    readings: Iterator[pd.DataFrame]
    daily: bool
    source: str
