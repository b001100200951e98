"""The logger reader on valid files: layouts, streaming, and the example of the guide."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from logger_cases import COLUMN, HEAD, STATIONS, TIME, Case, describe
from probe_settings import probes_at

from loam.config.kinds import fields_of
from loam.errors import ConfigError, TableError
from loam.probes.logger import spool as logger_spool
from loam.probes.logger import text_pieces as logger_files
from loam.probes.logger.reader import read_logger
from loam.probes.logger.schema import Column, DescriptionFile, LinesOfFile, TimeOfRow
from loam.probes.reading_units import RAW, to_canonical
from loam.probes.readings import READINGS
from loam.probes.readings import STATIONS as STATION_SCHEMA

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "how-to" / "use-your-own-probes.md"
CAMPBELL = (
    '"TOA5","K1","CR1000","12345"\n"TIMESTAMP","VWC_10","VWC_30","T_10","Status"\n"TS","m^3/m^3","m^3/m^3","Deg C",""\n'
    '"","Avg","Avg","Avg",""\n"2021-02-01 00:00:00",0.21,0.31,18.5,"ok"\n'
    '"2021-02-01 00:30:00",0.22,"NAN",18.4,"low battery"\n'
)
CAMPBELL_DESCRIPTION = """
files: "*.dat"
lines: {names: 2, units: 3, data: 5}
station: {from: header line, line: 1, pattern: '"TOA5","(?P<station>[^"]+)"'}
time: {column: TIMESTAMP, format: "%Y-%m-%d %H:%M:%S", zone: "+10:00"}
columns:
  - {column: VWC_10, variable: soil_moisture, depth: 10 cm, unit: m3/m3, flag: Status}
  - {column: VWC_30, variable: soil_moisture, depth: 0-30 cm, unit: m3/m3}
  - {column: T_10, variable: soil_temperature, depth: 10 cm, unit: degC}
"""


def read(case: Case, folder: Path) -> pd.DataFrame:
    frames = list(read_logger(case.write(folder)).readings)
    return READINGS.validate(pd.concat(frames, ignore_index=True))


def test_local_times_become_utc(tmp_path):
    readings = read(Case("utc"), tmp_path)
    assert list(readings["time"]) == list(pd.to_datetime(["2021-01-31 14:00", "2021-01-31 14:30", "2021-01-31 15:00"]))
    assert set(readings["unit"]) == {"%"}  # converted later
    assert set(readings["sensor"]) == {"SM 10cm (%)"}


def test_summer_time_is_an_hour_further_from_utc_than_winter_time(tmp_path):
    rows = "15/01/2021 12:00,21\n15/07/2021 12:00,22\n"
    time = TIME.replace('"+10:00"', "Australia/Hobart")
    readings = read(Case("zone", files={"K1_a.csv": HEAD + rows}, description=describe(time=time)), tmp_path)
    assert list(readings["time"].dt.hour) == [1, 2]


def test_a_file_with_head_lines_units_row_and_flags(tmp_path):
    readings = read(Case("toa5", files={"x.dat": CAMPBELL}, description=CAMPBELL_DESCRIPTION), tmp_path)
    assert set(readings["station"]) == {"K1"}
    moisture = readings[readings["sensor"] == "VWC_10"]
    assert list(moisture["value"]) == [0.21, 0.22]
    assert list(moisture["flag"]) == ["ok", "low battery"]
    interval = readings[readings["sensor"] == "VWC_30"]
    assert (interval["depth_from_cm"].unique(), interval["depth_to_cm"].unique()) == ([0], [30])
    assert interval["value"].isna().tolist() == [False, True]


def test_one_row_a_reading_with_station_depth_and_variable_in_columns(tmp_path):
    file = (
        "Site,When,Depth,What,Value\n"
        "K2,2021-02-01T00:00+1000,10,VWC,30\nK1,2021-02-01T00:00+1000,10,VWC,21\nK1,2021-02-01T00:00+1000,20-30,VWC,22\n"
        "K1,2021-02-01T00:00+1000,0,Rain,1.2\n"
    )
    description = describe(
        station="{from: column, column: Site}", time='{column: When, format: "%Y-%m-%dT%H:%M%z"}',
        columns='[{column: Value, variable: soil_moisture, depth: {column: Depth, unit: cm}, unit: "%", '
        "where: {What: VWC}, sensor: EC5}, "
        "{column: Value, variable: precipitation, unit: mm, where: {What: Rain}, sensor: gauge}]",
    )  # fmt: skip
    case = Case("long", files={"all.csv": file}, description=description, stations=STATIONS + "K2,-35.2,147.3\n")
    readings = read(case, tmp_path)
    found = readings[["station", "variable", "depth_from_cm", "depth_to_cm", "value"]].itertuples(
        index=False, name=None
    )
    assert sorted(found) == [
        ("K1", "precipitation", 0, 0, 1.2), ("K1", "soil_moisture", 10, 10, 21), ("K1", "soil_moisture", 20, 30, 22),
        ("K2", "soil_moisture", 10, 10, 30),
    ]  # fmt: skip
    assert set(readings["time"]) == {pd.Timestamp("2021-01-31 14:00")}


def test_the_doubled_hour_is_told_apart_for_each_depth_of_a_long_file(tmp_path):
    rows = "".join(
        f"04/04/2021 {hour},{depth},2{n}\n" for n, hour in enumerate(["02:30", "02:30"]) for depth in (10, 20)
    )
    description = describe(
        time=TIME.replace('"+10:00"', "Australia/Hobart, ambiguous: order"),
        columns='[{column: V, variable: soil_moisture, depth: {column: D, unit: cm}, unit: "%", sensor: s}]',
    )
    readings = read(Case("dst", files={"K1_.csv": "Timestamp,D,V\n" + rows}, description=description), tmp_path)
    for _, sensor in readings.groupby("depth_from_cm"):
        assert list(sensor["time"].dt.strftime("%H:%M")) == ["15:30", "16:30"]
        assert list(sensor["value"]) == [20, 21]


def test_daily_values_keep_their_day(tmp_path):
    description = describe(
        time="{column: [Y, M, D], format: '%Y %m %d'}",
        columns="[{column: 10, variable: soil_moisture, depth: 10 cm, unit: '%'}]",
        more="daily: true",
    )  # fmt: skip
    case = Case("daily", files={"K1_.csv": "Y,M,D,10\n2021,2,1,21\n2021,2,2,22\n"}, description=description)
    assert read_logger(case.write(tmp_path)).daily
    assert list(read(case, tmp_path)["time"]) == list(pd.to_datetime(["2021-02-01", "2021-02-02"]))


def test_the_station_table_is_carried_with_its_soil(tmp_path):
    table = "station,latitude,longitude,bulk_density,porosity,landcover,comment\nK1,-35.1,147.2,1.45,,crop,\n"
    stations = read_logger(Case("table", stations=table).write(tmp_path)).stations
    STATION_SCHEMA.validate(stations)
    row = stations.iloc[0]
    assert (row["bulk_density"], row["landcover"]) == (1.45, "crop")
    assert np.isnan(row["porosity"]) and pd.isna(row["soil"])


def test_unquoted_offsets_mean_what_they_say(tmp_path):
    readings = read(Case("offset", description=describe(time=TIME.replace('"+10:00"', "+10:00"))), tmp_path)
    assert readings["time"].iloc[0] == pd.Timestamp("2021-01-31 14:00")


COUNTS = "column: C, variable: soil_moisture, depth: 10 cm"


def counts_case(entry: str) -> Case:
    rows = "Timestamp,C\n01/02/2021 00:00,37000\n01/02/2021 00:30,34000\n"
    return Case("counts", files={"K1_.csv": rows}, description=describe(columns=f"[{{{entry}}}]"))


def test_raw_counts_are_scaled_by_the_sensors_counts_in_air_and_water(tmp_path):
    entry = f"{COUNTS}, unit: counts"
    raw = read(counts_case(entry), tmp_path / "raw")
    assert raw["value"].tolist() == [37000, 34000] and set(raw["unit"]) == {"counts"}
    scaled = read(counts_case(f"{entry}, air_counts: 37000, water_counts: 25000"), tmp_path / "scaled")
    assert scaled["value"].tolist() == [0, 0.25] and set(scaled["unit"]) == {"scaled frequency"}
    canonical = to_canonical(scaled)
    assert canonical["unit"].unique().tolist() == [RAW] and canonical["value"].tolist() == [0, 0.25]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("unit: counts, air_counts: 37000", "entry 1, 'air_counts': 'air_counts' without 'water_counts'"),
        ("unit: counts, water_counts: 25000", "'water_counts' without 'air_counts'"),
        ("unit: counts, air_counts: 25000, water_counts: 37000", "make no scale"),
        ("unit: '%', air_counts: 37000, water_counts: 25000", "for soil_moisture in '%'; expected soil_moisture in"),
        ("unit: scaled frequency, air_counts: 37000, water_counts: 25000", "in 'scaled frequency'"),
        ("unit: counts, air_counts: many, water_counts: 25000", "'air_counts'"),
    ],
)
def test_counts_in_air_and_water_that_make_no_scale_are_refused(tmp_path, more, says):
    with pytest.raises(ConfigError, match=says):
        read(counts_case(f"{COUNTS}, {more}"), tmp_path)


def test_a_missing_setting_is_named():
    with pytest.raises(ConfigError, match="'description' is missing"):
        read_logger(probes_at("logger", path="somewhere", stations="stations.csv"))


def test_pieces_and_the_temporary_file_change_nothing(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    minutes = generator.permutation(20_000)[:9_000]
    times = pd.Timestamp("2020-12-01") + pd.to_timedelta(minutes * 7, unit="min")
    rows = [f"{time:%d/%m/%Y %H:%M},{20 + minute % 97 / 10:.1f}\n" for time, minute in zip(times, minutes, strict=True)]
    case = Case("pieces", files={"K1_a.csv": HEAD + "".join(rows), "K1_b.csv": HEAD + "".join(rows[:500])})
    whole = read(case, tmp_path)
    monkeypatch.setattr(logger_files, "PIECE_BYTES", 4096)
    monkeypatch.setattr(logger_spool, "BUFFER_BYTES", 20_000)
    monkeypatch.setattr(logger_spool, "FRAME_ROWS", 1000)
    pieces = read(case, tmp_path)
    pd.testing.assert_frame_equal(whole, pieces)
    assert whole["time"].is_monotonic_increasing and len(whole) == 9000


def test_an_error_deep_in_a_file_names_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(logger_files, "PIECE_BYTES", 1024)
    rows = [f"{day:02d}/01/2021 {hour:02d}:00,21.5\r\n" for day in range(1, 29) for hour in range(24)]
    rows[500] = rows[500].replace("21.5", "x")
    case = Case("line", files={"K1_a.csv": HEAD + "\n" + "".join(rows)})
    with pytest.raises(TableError, match=r"line 503: 'x' is not a number"):
        list(read_logger(case.write(tmp_path)).readings)


def test_memory_is_bounded_by_a_piece(tmp_path, monkeypatch):
    times = pd.date_range("2015-01-01", periods=200_000, freq="5min").strftime("%d/%m/%Y %H:%M")
    columns = [f"c{number}" for number in range(12)]
    entries = ", ".join(COLUMN.replace("SM 10cm (%)", name) for name in columns)
    case = Case("large", files={"K1_a.csv": ""}, description=describe(columns=f"[{entries}]"))
    settings = case.write(tmp_path)
    cells = "," + ",".join(f"2{number % 10}.125" for number in range(12))
    file = tmp_path / "probes" / "K1_a.csv"
    file.write_text(",".join(["Timestamp", *columns]) + "\n" + "".join(f"{time}{cells}\n" for time in times))
    size = file.stat().st_size
    assert size > 20e6
    monkeypatch.setattr(logger_files, "PIECE_BYTES", 2**20)
    monkeypatch.setattr(logger_spool, "BUFFER_BYTES", 2**20)
    monkeypatch.setattr(logger_spool, "FRAME_ROWS", 50_000)
    tracemalloc.start()
    rows = sum(len(frame) for frame in read_logger(settings).readings)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 200_000 * 12
    assert peak < size / 1.5, (
        f"{peak / 1e6:.0f} MB for a file of {size / 1e6:.0f} MB, held as {rows * 8 / 1e6:.0f} MB of values alone"
    )


def test_the_guide_names_every_key_of_the_description():
    text = GUIDE.read_text(encoding="utf-8")
    keys = {key for section in (DescriptionFile, Column, TimeOfRow, LinesOfFile) for key in fields_of(section)}
    assert not [key for key in keys if f"`{key}`" not in text]


def guide_files() -> dict[str, str]:
    """Every block of the guide that follows a line with a path in bold."""
    blocks = re.findall(
        r"^\*\*`([^`]+)`\*\*[^\n]*\n\n```\w*\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.M | re.S
    )
    return dict(blocks)


def test_the_guides_example_is_read_as_it_says(tmp_path, monkeypatch):
    files = guide_files()
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load(files["my_probes/config.yaml"])
    probes = read_logger(probes_at(**config["probes"]["target"]))
    readings = READINGS.validate(pd.concat(list(probes.readings), ignore_index=True))
    assert sorted(probes.stations["station"]) == sorted(set(readings["station"])) == ["K1", "K2"]
    assert not probes.daily
    first = readings[(readings["station"] == "K1") & (readings["variable"] == "soil_moisture")]
    assert first["time"].min() == pd.Timestamp("2021-02-28 14:00")
    assert set(zip(first["depth_from_cm"], first["depth_to_cm"], strict=True)) == {(10, 10), (30, 60)}
    assert first["value"].isna().sum() == 1


PORTS = (
    "z6-1,Port1,Port1,Port2,Port2\nRecords: 2,TEROS 12,TEROS 12,TEROS 12,TEROS 12\n"
    "Timestamp, m³/m³ Water Content, °C Soil Temperature, m³/m³ Water Content, °C Soil Temperature\n"
    "08/01/2024 12:00:00 AM,0.20,18.0,0.30,17.5\n08/01/2024 12:00:00 PM,0.21,18.0,0.31,17.5\n"
)
WATER = "variable: soil_moisture, unit: m³/m³"


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        ("[1, 2, 3]", ['"Port1 TEROS 12 m³/m³ Water Content"', '"Port2 TEROS 12 m³/m³ Water Content"']),
        ("3", ['"m³/m³ Water Content", position: 2', '"m³/m³ Water Content", position: 4']),
        ("[1, 3]", ['"Port1 m³/m³ Water Content"', '"m³/m³ Water Content", position: 4']),
    ],
)
def test_names_that_repeat_for_each_port_are_told_apart(tmp_path, lines, columns):
    entries = [
        f"{{column: {column}, depth: {depth}, {WATER}}}"
        for column, depth in zip(columns, ("5-15 cm", "15-25 cm"), strict=True)
    ]
    time = '{column: Timestamp, format: "%m/%d/%Y %I:%M:%S %p", zone: UTC}'
    text = describe(time=time, columns=f"[{', '.join(entries)}]", more=f"lines: {{names: {lines}, data: 4}}\n")
    readings = read(Case("zentra", files={"K1_a.csv": PORTS}, description=text), tmp_path)
    found = readings.groupby("depth_from_cm")["value"].agg(list).to_dict()
    assert found == {5: [0.20, 0.21], 15: [0.30, 0.31]}
    assert readings["time"].dt.hour.tolist() == [0, 12, 0, 12]


@pytest.mark.parametrize(("position", "says"), [(3, "column 3 is '°C Soil Temperature'"), (9, "column 9 is not there")])
def test_a_position_that_holds_another_column_is_refused(tmp_path, position, says):
    column = f'{{column: "m³/m³ Water Content", position: {position}, depth: 5-15 cm, {WATER}}}'
    time = '{column: Timestamp, format: "%m/%d/%Y %I:%M:%S %p", zone: UTC}'
    text = describe(time=time, columns=f"[{column}]", more="lines: {names: 3, data: 4}\n")
    with pytest.raises(TableError, match=says):
        read(Case("zentra", files={"K1_a.csv": PORTS}, description=text), tmp_path)


def test_what_other_systems_strew_is_no_logger_file(tmp_path):
    files = {"K1_a.csv": HEAD + "01/02/2021 00:00,21.5\n", "._K1_a.csv": b"\0\5Mac OS X", "~$K1_a.csv": b"PK"}
    assert len(read(Case("strewn", files=files), tmp_path)) == 1


def test_a_name_in_two_unicode_forms_is_one_station(tmp_path):
    files = {"Ve\u0301lo_a.csv": HEAD + "01/02/2021 00:00,21.5\n"}  # e and an accent, as macOS writes names
    stations = "station,latitude,longitude\nV\u00e9lo,-35.10,147.20\n"
    assert set(read(Case("accent", files=files, stations=stations), tmp_path)["station"]) == {"V\u00e9lo"}
    column = HEAD.replace("Timestamp", "Site,Timestamp") + "Ve\u0301lo,01/02/2021 00:00,21.5\n"
    text = describe(station="{from: column, column: Site}")
    case = Case("accent", files={"all.csv": column}, stations=stations, description=text)
    assert set(read(case, tmp_path / "b")["station"]) == {"V\u00e9lo"}


def test_columns_that_changed_place_are_read_by_their_names(tmp_path):
    head, names, units, kinds, *readings = CAMPBELL.splitlines()
    moved = [head, names, units, kinds, *(line.replace("2021-02-01", "2021-02-02") for line in readings)]
    for row in range(1, len(moved)):
        cells = moved[row].split(",")
        cells[1], cells[2] = cells[2], cells[1]
        moved[row] = ",".join(cells)
    files = {"x.dat": CAMPBELL, "y.dat": "\n".join(moved) + "\n"}
    frame = read(Case("moved", files=files, description=CAMPBELL_DESCRIPTION), tmp_path)
    assert frame.loc[frame["sensor"] == "VWC_10", "value"].tolist() == [0.21, 0.22, 0.21, 0.22]


def test_a_title_line_a_byte_order_mark_serials_and_event_columns_are_no_obstacle(tmp_path):
    name = "Water Content, m³/m³ (LGR S/N: 1, SEN S/N: 2)"
    text = (
        '\ufeff"Plot Title: K1"\n"#","Date Time, GMT-04:00","'
        + name
        + '","Host Connected (LGR S/N: 1)","End Of File"\n'
        "1,08/02/24 12:00:00 AM,0.2315,,\n2,08/02/24 01:00:00 PM,0.2325,,\n3,08/02/24 01:05:00 PM,,Logged,Logged\n"
    )
    description = f"""
lines: {{names: 2, data: 3}}
station: {{from: header line, line: 1, pattern: "Plot Title: (?P<station>\\\\w+)"}}
time: {{column: "Date Time, GMT-04:00", format: "%m/%d/%y %I:%M:%S %p", zone: "GMT-04:00"}}
columns:
  - {{column: "{name}", variable: soil_moisture, depth: 0-30 cm, unit: "m³/m³"}}
"""
    frame = read(Case("hobo", files={"K1_a.csv": text}, description=description), tmp_path).dropna(subset="value")
    assert frame["value"].tolist() == [0.2315, 0.2325] and set(frame["station"]) == {"K1"}
    assert frame["time"].tolist() == [pd.Timestamp("2024-08-02 04:00"), pd.Timestamp("2024-08-02 17:00")]


def test_semicolons_decimal_commas_and_mm_in_a_layer(tmp_path):
    text = "Datum;A1(10)\n11.06.2021 12:00;25,2\n11.06.2021 13:00;26,2\n"
    description = """
delimiter: ";"
decimal: ","
station: {from: file name, pattern: "(?P<station>[^_]+)_.*"}
time: {column: Datum, format: "%d.%m.%Y %H:%M", zone: "Europe/Berlin"}
columns:
  - {column: "A1(10)", variable: soil_moisture, depth: 5-15 cm, unit: "mm"}
"""
    frame = to_canonical(read(Case("german", files={"K1_a.csv": text}, description=description), tmp_path), where="x")
    np.testing.assert_allclose(frame["value"], [0.252, 0.262])
    assert frame["time"].iloc[0] == pd.Timestamp("2021-06-11 10:00")


def test_a_clock_that_went_back_and_was_said_to_be_fixed_is_refused_with_its_line(tmp_path):
    rows = "04/04/2021 02:00,21\n04/04/2021 02:30,22\n04/04/2021 02:00,23\n04/04/2021 02:30,24\n"
    with pytest.raises(TableError, match=r"line 4: 23 of sensor .* at a time that has 21 .* time.zone"):
        read(Case("fixed", files={"K1_a.csv": HEAD + rows}, description=describe()), tmp_path)
