"""From probe files to daily layers: the whole pipeline on small files (on real ones in tests/workflow)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from ismn_files import Series, write_station
from prepare_probes import stage
from probe_settings import probes_at

from loam.config.read import checked
from loam.config.sections.probes import Calibration, Quality, StationMap
from loam.errors import TableError
from loam.io.tables import read_table
from loam.probes import prepare
from loam.probes.prepare import prepare_domain
from loam.probes.products import DAILY, QC_REPORT, STATION_SUMMARY
from loam.probes.quality.flags import Flag
from loam.probes.readings import STATIONS, Probes

LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}, {"name": "subsurface", "top_cm": 30, "bottom_cm": 60}]
DAYS = pd.date_range("2020-05-01", periods=60)
NONE = {"relation": "none", "coefficients": {}}


def wave(seed: float) -> np.ndarray:
    return 0.2 + 0.05 * np.sin(np.arange(len(DAYS)) / 5 + seed) + 0.003 * np.cos(np.arange(len(DAYS)) * seed)


def frame(station, depths, values, *, unit="m3 m-3", sensor="a", times=DAYS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "station": station, "sensor": sensor, "variable": "soil_moisture", "depth_from_cm": float(depths[0]),
            "depth_to_cm": float(depths[1]), "time": times, "value": values, "unit": unit, "flag": "",
        }
    )  # fmt: skip


@pytest.fixture
def run(monkeypatch, tmp_path, default_config):
    """Prepare pieces as if a reader had given them; the three products, by name."""

    def run(pieces, *, daily=True, about=None, calibration=NONE, quality=None, maps=(), **settings):
        names = list(dict.fromkeys(piece["station"].iloc[0] for piece in pieces))
        stations = pd.DataFrame({"station": names}).reindex(columns=list(STATIONS.columns))
        stations = stations.assign(**{"latitude": -35.0 - np.arange(len(names)), "longitude": 147.0, **(about or {})})
        probes = Probes(STATIONS.validate(stations), iter(pieces), daily, "pieces")
        monkeypatch.setattr(prepare, "open_probes", lambda settings: probes)
        paths = {name: tmp_path / name for name in ("daily.parquet", "stations.parquet", "qc_report.csv")}
        probes_config = default_config["probes"]
        prepare_domain(
            probes_at("logger", **settings), layers=LAYERS, day_boundary="00:00+00:00", minimum_share=0.75,
            quality=checked(Quality, {**probes_config["quality"], **(quality or {})}),
            calibration=checked(Calibration, calibration), maps=[checked(StationMap, item) for item in maps],
            layer_share=0.5, smoothing=0.1, daily=paths["daily.parquet"], stations=paths["stations.parquet"],
            report=paths["qc_report.csv"],
        )  # fmt: skip
        schemas = (DAILY, STATION_SUMMARY, QC_REPORT)
        report = pd.read_csv(paths["qc_report.csv"], parse_dates=["first_day", "last_day"], keep_default_na=False)
        tables = [read_table(path, schema) for path, schema in zip(list(paths.values())[:2], schemas, strict=False)]
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(paths), "no temporary file is left"
        return (*tables, report)

    return run


def layer(daily: pd.DataFrame, station: str, name: str) -> pd.Series:
    rows = daily[(daily["station"] == station) & (daily["layer"] == name)]
    return rows.set_index("date")["moisture"]


def counts(report: pd.DataFrame, **keys: str) -> dict[str, int]:
    for name, value in keys.items():
        report = report[report[name] == value]
    return dict(zip(report["flag"], report["number"], strict=True))


def test_interval_sensors_of_the_layers_give_the_layers(run):
    daily, stations, _ = run([pd.concat([frame("s", (0, 30), wave(1) * 100, unit="%"), frame("s", (30, 60), wave(2))])])
    np.testing.assert_allclose(layer(daily, "s", "surface"), wave(1))
    np.testing.assert_allclose(layer(daily, "s", "subsurface"), wave(2))
    assert stations[["days", "first_day", "last_day"]].values.tolist() == [[60, DAYS[0], DAYS[-1]]]


def test_a_station_in_interleaved_pieces_is_one_station(run):
    """A file a sensor, stations in turns, newest first: what a folder of exports looks like."""
    pieces = []
    for half in (slice(30, 60), slice(0, 30)):
        for station, seed in (("b", 1), ("a", 3)):
            pieces.append(frame(station, (0, 30), wave(seed)[half], times=DAYS[half]))
    daily, _, _ = run(pieces)
    assert daily["station"].unique().tolist() == ["a", "b"]
    assert all(dates.is_monotonic_increasing for _, dates in daily.groupby("station")["date"])
    np.testing.assert_allclose(layer(daily, "a", "surface"), wave(3))


def test_sub_daily_readings_become_days(run):
    times = pd.date_range("2020-05-01", periods=24 * 60, freq="h")
    values = np.repeat(wave(1), 24)
    keep = np.ones(len(times), dtype=bool)
    keep[24 * 10 : 24 * 10 + 8] = False  # 16 of 24 are left on the eleventh day
    daily, _, report = run([frame("s", (0, 30), values[keep], times=times[keep])], daily=False)
    surface = layer(daily, "s", "surface")
    assert np.isnan(surface.iloc[10]) and surface.drop(surface.index[10]).notna().all()
    row = daily[(daily["layer"] == "surface") & (daily["date"] == DAYS[10])].iloc[0]
    assert row["qc"] & Flag.TOO_FEW_READINGS
    assert counts(report, counted="day", place="0-30 cm")["too_few_readings"] == 1


def test_impossible_values_are_left_out_and_counted(run):
    values = wave(1)
    values[3], values[4] = 0.9, -0.1
    daily, _, report = run([frame("s", (0, 30), values)])
    assert layer(daily, "s", "surface").isna().sum() == 2
    assert (daily.loc[daily["date"] == DAYS[3], "qc"] & Flag.OUT_OF_RANGE.value).any()
    found = report[(report["counted"] == "reading") & (report["flag"] == "out_of_range")].iloc[0]
    assert (found["number"], found["of"], found["excluded"], found["sensor"]) == (2, 60, True, "a")
    assert (found["first_day"], found["last_day"]) == (DAYS[3], DAYS[4])
    assert counts(report, counted="reading")["kept"] == 58


def test_a_flag_that_the_config_does_not_exclude_is_noted_only(run):
    values = wave(1)
    values[3] = 0.7
    daily, _, report = run([frame("s", (0, 30), values)], quality={"exclude": []})
    assert layer(daily, "s", "surface").iloc[3] == 0.7
    assert not report.loc[report["flag"] == "out_of_range", "excluded"].any()


def test_a_depth_that_repeats_another_is_found_and_left_out(run):
    """The 30-60 cm file goes over into the 60-90 cm one: the copy is masked, the original stays."""
    middle = np.where(np.arange(60) < 30, wave(2) + 0.1, wave(3))
    pieces = [frame("s", (0, 30), wave(1)), frame("s", (30, 60), middle), frame("s", (60, 90), wave(3))]
    daily, _, report = run([pd.concat(pieces)])
    below = layer(daily, "s", "subsurface")
    assert below[:30].notna().all() and below[30:].isna().all()
    assert layer(daily, "s", "surface").notna().all()
    assert counts(report, counted="day", place="30-60 cm") == {"kept": 30, "repeats_depth": 30}
    assert counts(report, counted="day", place="60-90 cm") == {"kept": 60}


def test_a_station_that_repeats_another_has_no_moisture(run):
    daily, stations, report = run(
        [frame("y7", (0, 30), wave(1)), frame("y8", (0, 30), wave(1)), frame("y9", (0, 30), wave(2))]
    )
    assert layer(daily, "y8", "surface").isna().all() and layer(daily, "y7", "surface").notna().all()
    assert stations.set_index("station")["days"].to_dict() == {"y7": 60, "y8": 0, "y9": 60}
    assert counts(report, station="y8", counted="day") == {"kept": 0, "repeats_station": 60}


def test_several_sensors_at_a_depth_are_averaged(run):
    daily, _, report = run([pd.concat([frame("s", (0, 30), wave(1)), frame("s", (0, 30), wave(1) + 0.02, sensor="b")])])
    np.testing.assert_allclose(layer(daily, "s", "surface"), wave(1) + 0.01)
    assert report.loc[report["counted"] == "reading", "sensor"].tolist() == ["a", "b"]


def test_gravimetric_moisture_becomes_volumetric_by_the_bulk_density(run):
    daily, _, _ = run([frame("s", (0, 30), wave(1) / 1.25, unit="g/g")], about={"bulk_density": 1.25})
    np.testing.assert_allclose(layer(daily, "s", "surface"), wave(1))


def test_no_soil_holds_more_than_its_pores(run):
    values = wave(1)
    values[7] = 0.5
    for about in ({"porosity": 0.45}, {"bulk_density": 1.5}):  # 1 - 1.5 / 2.65 = 0.43
        daily, _, report = run([frame("s", (0, 30), values)], about=about)
        assert np.isnan(layer(daily, "s", "surface").iloc[7])
        assert counts(report, counted="reading") == {"kept": 59, "above_porosity": 1}


def test_raw_counts_need_a_relation(run):
    piece = frame("s", (0, 30), (wave(1) + 0.5) * 1000, unit="counts")
    with pytest.raises(TableError, match=r"station 's': values in 'raw' are no moisture; choose a relation"):
        run([piece])
    linear = {"relation": "linear", "coefficients": {"slope": 0.001, "intercept": -0.5}}
    np.testing.assert_allclose(layer(run([piece], calibration=linear)[0], "s", "surface"), wave(1))


def test_the_providers_flags_are_read_as_the_domain_says(run):
    piece = frame("s", (0, 30), wave(1)).assign(flag=["D06"] * 5 + ["G"] * 55)
    daily, _, report = run([piece], provider_good=["G"])
    assert layer(daily, "s", "surface").isna().sum() == 5
    assert counts(report, counted="reading") == {"kept": 55, "provider": 5}


def test_a_station_without_bulk_density_takes_the_maps(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "bulk_density.tif"
    grid = {"crs": "EPSG:4326", "transform": Affine(1, 0, 146.5, 0, -1, -34.5), "height": 2, "width": 1, "count": 1}
    with rasterio.open(path, "w", driver="GTiff", dtype="float32", **grid) as dataset:
        dataset.write(np.array([[[1.25], [1.5]]], dtype="float32"))
    pieces = [frame(name, (0, 30), wave(seed) / 1.25, unit="g/g") for seed, name in enumerate("st")]
    maps = [{"column": "bulk_density", "file": str(path)}]
    daily, stations, _ = run(pieces, about={"bulk_density": [np.nan, 1.0]}, maps=maps)
    assert stations["bulk_density"].tolist() == [1.25, 1.0]
    np.testing.assert_allclose(layer(daily, "s", "surface"), wave(0))
    np.testing.assert_allclose(layer(daily, "t", "surface"), wave(1) / 1.25)


@pytest.mark.parametrize(("within_km", "days"), [(120, 3), (100, 0)])
def test_a_station_without_rain_must_respond_to_that_of_a_place_near(run, within_km, days):
    """The two stations are a degree of latitude, 111 km, apart."""
    dry = np.linspace(0.3, 0.1, 60)
    rain = frame("t", (0, 0), np.where(np.arange(60) == 30, 4.0, 0.0), unit="cm", sensor="gauge")
    wet = np.where(np.arange(60) >= 30, wave(1) + 0.1, wave(1))
    pieces = [frame("s", (0, 10), dry), frame("t", (0, 30), wet), rain.assign(variable="precipitation")]
    layered = [piece.assign(depth_to_cm=30.0) if piece["station"].iloc[0] == "s" else piece for piece in pieces]
    _, _, report = run(layered, quality={"rain_distance_km": within_km})
    found = report[(report["flag"] == "no_response") & (report["counted"] == "reading")]
    assert found["number"].sum() == days and set(found["station"]) <= {"s"} and not found["excluded"].any()


def test_stations_outside_the_choice_are_not_read(run):
    daily, stations, _ = run([frame("s", (0, 30), wave(1)), frame("t", (0, 30), wave(2))], include=["s"])
    assert set(daily["station"]) == {"s"} == set(stations["station"])


def test_a_domain_without_a_value_is_an_error_that_names_the_report(run):
    with pytest.raises(TableError, match=r"no layer has a value at any of 1 stations; .*qc_report.csv tells why"):
        run([frame("s", (0, 30), wave(1) + 0.6)])


LOGGER = """
files: "*.csv"
station: {from: file name, pattern: "(?P<station>.+)\\\\.csv"}
time: {column: Time, format: "%d/%m/%Y %H:%M", zone: "+10:00"}
columns:
  - {column: M10, variable: soil_moisture, depth: 10 cm, unit: "%"}
  - {column: M30, variable: soil_moisture, depth: 30 cm, unit: "%"}
  - {column: M60, variable: soil_moisture, depth: 60 cm, unit: "%"}
  - {column: T10, variable: soil_temperature, depth: 10 cm, unit: degC}
"""


def test_the_same_readings_in_two_formats_give_the_same_days(tmp_path, default_config):
    """ISMN is UTC and m3 m-3, the logger local time and percent; both go from the file to the layers."""
    times = pd.date_range("2020-05-01", periods=24 * 20, freq="h")
    rng = np.random.default_rng(1)
    hours = np.arange(len(times))
    values = {
        d: (0.25 + 0.04 * np.sin(hours / 60 + d) + rng.normal(0, 0.001, len(hours))).round(4) for d in (10, 30, 60)
    }
    cold = np.where(hours < 24 * 5, -1.0, 8.0)
    series = [Series("sm", d / 100, d / 100, "TDR", times, v) for d, v in values.items()]
    write_station(tmp_path / "ismn", "NET", "S1", [*series, Series("ts", 0.1, 0.1, "T", times, cold)])
    (tmp_path / "logger").mkdir()
    local = (times + pd.Timedelta(hours=10)).strftime("%d/%m/%Y %H:%M")
    table = pd.DataFrame({"Time": local, **{f"M{d}": (100 * v).round(4) for d, v in values.items()}, "T10": cold})
    table.to_csv(tmp_path / "logger" / "S1.csv", index=False)
    (tmp_path / "logger.yaml").write_text(LOGGER)
    (tmp_path / "stations.csv").write_text("station,latitude,longitude\nS1,-35,146\n")
    domains = {
        "ismn": {"path": str(tmp_path / "ismn")},
        "logger": {"path": str(tmp_path / "logger"), "description": str(tmp_path / "logger.yaml"),
                   "stations": str(tmp_path / "stations.csv")},
    }  # fmt: skip
    days = {}
    for name, settings in domains.items():
        config = {**default_config, "day_boundary": "00:00+10:00", "layers": LAYERS, "domain": "target"}
        config["probes"] = {**default_config["probes"], "target": {"format": name, **settings}}
        paths = {key: tmp_path / f"{name}_{key}" for key in ("daily.parquet", "stations.parquet", "report.csv")}
        stage({path.name.split("_")[1].split(".")[0]: path for path in paths.values()}, config)
        days[name] = read_table(paths["daily.parquet"], DAILY).drop(columns="station")
    pd.testing.assert_frame_equal(days["ismn"], days["logger"])
    surface = days["ismn"][days["ismn"]["layer"] == "surface"].set_index("date")
    assert surface.index[0] == pd.Timestamp("2020-05-01") and surface["moisture"].notna().sum() >= 14
    frozen = (surface["qc"] & Flag.FROZEN.value) != 0
    assert frozen[:5].all() and not frozen[6:].any()


def test_a_station_of_nothing_but_missing_readings_is_named_and_left_out(run, caplog):
    sound = frame("a", (0, 30), wave(1))
    daily, stations, report = run([sound, frame("b", (0, 30), np.full(len(DAYS), np.nan))])
    assert set(daily["station"]) == set(report["station"]) == {"a"}
    assert stations.set_index("station")["days"].to_dict() == {"a": len(DAYS), "b": 0}
    assert "no soil moisture of station b" in caplog.text


def test_a_station_that_loses_more_than_a_tenth_of_its_days_is_named_with_the_reason(run, caplog):
    wet = np.where(np.arange(60) % 5 == 0, 0.9, wave(1))  # a fifth lies above what a soil holds
    run([frame("lossy", (0, 30), wet), frame("sound", (0, 30), np.where(np.arange(60) == 3, 0.9, wave(2)))])
    warned = [record.message for record in caplog.records if "days of surface" in record.message]
    assert [text.split(":")[0] for text in warned] == ["station lossy"]
    assert "12 of 60 days of surface (20 %)" in warned[0] and "out_of_range 20%" in warned[0]


def test_frost_is_a_reason_too_and_a_code_is_not(run, caplog):
    hours = pd.date_range("2020-05-01", periods=24 * 20, freq="h")
    soil = frame("cold", (0, 30), np.full(len(hours), 0.2) + np.arange(len(hours)) % 7 / 1e3, times=hours)
    for code, kept in ((-1.5, 10), (-99.9, 20)):
        caplog.clear()
        temperature = frame("cold", (5, 5), np.where(np.arange(len(hours)) < 240, 0.5, code), unit="degC", times=hours)
        temperature = temperature.assign(variable="soil_temperature")
        daily, _, _ = run([pd.concat([soil, temperature], ignore_index=True)], daily=False)
        assert daily["moisture"].notna().sum() == kept
        assert ("10 of 20 days of surface (50 %) have readings and no value: frozen 50%" in caplog.text) == (kept == 10)


def test_uplinks_sent_twice_make_no_day_poorer_or_richer(run):
    rng = np.random.default_rng(3)
    times = pd.date_range("2020-05-01", periods=72 * 20, freq="20min") + pd.to_timedelta(rng.normal(0, 12, 1440), "s")
    soil = frame("twice", (0, 30), 0.2 + rng.normal(0, 0.001, 1440), times=times.sort_values())
    again = soil.iloc[::2].assign(time=lambda rows: rows["time"] + pd.Timedelta(seconds=8))
    once = run([soil], daily=False)[0]
    both = run([pd.concat([soil, again], ignore_index=True)], daily=False)[0]
    pd.testing.assert_frame_equal(once, both)


def hourly_station(name: str, **changed: np.ndarray) -> list[pd.DataFrame]:
    """Twelve mild days of a station with a probe, a thermometer in the soil, one in the air and a gauge."""
    times = pd.date_range("2020-05-01", periods=288, freq="h")
    hour = np.arange(288)
    series = {
        "soil_moisture": 0.2 + 0.01 * np.sin(hour / 60),
        "soil_temperature": 12 + 3 * np.sin(hour / 24 * 6.3),
        "air_temperature": 11 + 6 * np.sin(hour / 24 * 6.3),
        "precipitation": np.where(hour % 50 == 0, 0.4, 0.0),
    }
    depth = {"soil_moisture": (0, 30), "soil_temperature": (10, 10)}
    return [
        frame(name, depth.get(variable, (0, 0)), changed.get(variable, values), times=times).assign(
            variable=variable, unit={"soil_moisture": "m3 m-3", "precipitation": "mm"}.get(variable, "degC")
        )
        for variable, values in series.items()
        if changed.get(variable, values) is not None
    ]


@pytest.mark.parametrize("marker", [-999, 1e20, 7999, -99.9, -127, 65535, -9999, 9.96921e36, np.inf])
@pytest.mark.parametrize("variable", ["soil_moisture", "soil_temperature", "air_temperature", "precipitation"])
def test_a_marker_is_neither_moisture_nor_frost_nor_rain(run, variable, marker):
    """Moisture is that of the readings that are sound; no day is frozen; a gauge next door makes nothing stuck."""
    series = {"soil_moisture": 0.2 + 0.01 * np.sin(np.arange(288) / 60)}
    whole = pd.Series(series["soil_moisture"]).groupby(np.arange(288) // 24).mean().to_numpy()
    values = next(
        piece["value"].to_numpy(float, copy=True)
        for piece in hourly_station("a")
        if piece["variable"].iloc[0] == variable
    )
    values[100:105] = marker
    soil = {"soil_temperature": None} if variable == "air_temperature" else {}
    pieces = [
        *hourly_station("a", **{variable: values}, **soil), *hourly_station("b", precipitation=None),
    ]  # fmt: skip
    about = {"latitude": [-35.0, -35.01]}
    daily, _, report = run(pieces, daily=False, about=about, quality={"exclude": ["frozen", "stuck"]})
    sound = whole.copy()
    if variable == "soil_moisture":
        left = np.setdiff1d(np.arange(96, 120), np.arange(100, 105))
        sound[4] = series["soil_moisture"][left].mean()
    np.testing.assert_allclose(layer(daily, "a", "surface"), sound)
    np.testing.assert_allclose(layer(daily, "b", "surface"), whole)
    assert not set(report["flag"]) & {"frozen", "stuck", "no_response"}
