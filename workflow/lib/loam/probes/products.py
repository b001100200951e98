"""The tables that the probes stage leaves for each domain: daily.parquet, stations.parquet, qc_report.csv."""

from __future__ import annotations

import pandera.pandas as pa

from loam.probes.quality.flags import Flag
from loam.probes.readings import STATIONS

READING, DAY, LAYER = "reading", "day", "layer"  # what the report counts: readings, days of a depth, days of a layer
KEPT = "kept"

# One row a station, day and layer for which there was any reading, by station, date, then the config's layers;
# moisture m3 m-3, missing where flags (`qc`, bits of loam.probes.quality.flags.Flag) kept the readings out.
DAILY = pa.DataFrameSchema(
    {
        "station": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True),
        "date": pa.Column("datetime64[ns]", coerce=True),
        "layer": pa.Column(str, coerce=True),
        "moisture": pa.Column(float, pa.Check.in_range(0, 1), coerce=True, nullable=True),
        "n_readings": pa.Column("int64", pa.Check.ge(0), coerce=True),
        "qc": pa.Column("int64", pa.Check.ge(0), coerce=True),
    },
    strict=True,
    ordered=True,
    unique=["station", "date", "layer"],
)

# One row a station of a domain. `days` with moisture in at least one layer, and the first and last of them; `note` is
# empty or says what is odd about the station.
STATION_SUMMARY = pa.DataFrameSchema(
    {
        **STATIONS.columns,
        "days": pa.Column(int, pa.Check.ge(0), coerce=True),
        "first_day": pa.Column("datetime64[ns]", coerce=True, nullable=True),
        "last_day": pa.Column("datetime64[ns]", coerce=True, nullable=True),
        "note": pa.Column(str, coerce=True),
    },
    strict=True,
    ordered=True,
)

# One row a station, what was counted, where, and a flag (or `kept`). `number` of `of`; first and last day.
QC_REPORT = pa.DataFrameSchema(
    {
        "station": pa.Column(str, coerce=True),
        "counted": pa.Column(str, pa.Check.isin([READING, DAY, LAYER]), coerce=True),
        "place": pa.Column(str, coerce=True),  # "30-60 cm", "5 cm", or a layer's name
        "sensor": pa.Column(str, coerce=True, nullable=True),
        "flag": pa.Column(str, pa.Check.isin([KEPT, *(flag.name.lower() for flag in Flag)]), coerce=True),
        "excluded": pa.Column(bool, coerce=True),
        "number": pa.Column(int, pa.Check.ge(0), coerce=True),
        "of": pa.Column(int, pa.Check.ge(1), coerce=True),
        "share": pa.Column(float, pa.Check.in_range(0, 1), coerce=True),
        "first_day": pa.Column("datetime64[ns]", coerce=True, nullable=True),
        "last_day": pa.Column("datetime64[ns]", coerce=True, nullable=True),
    },
    strict=True,
    ordered=True,
    unique=["station", "counted", "place", "sensor", "flag", "excluded"],
)
