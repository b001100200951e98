"""The files of the synthetic probes come back through the readers, and quality control finds what was planted."""

import numpy as np
import pandas as pd
import pytest
from made_sites import SITES
from probe_settings import probes_at

from loam.config.sections.probes import Calibration, Quality
from loam.probes.formats import open_probes
from loam.probes.prepare import prepare_domain
from loam.probes.quality.flags import Flag
from loam.probes.quality.station import flag_station
from loam.probes.reading_units import to_canonical
from loam.probes.sensor_calibration import calibrate
from loam.sandbox.instruments.faults import FROST_DEPTH, KINDS
from loam.sandbox.instruments.logger_files import write_probes
from loam.sandbox.instruments.makes import MAKES, SENSOR_NOISE, SENSOR_OFFSET
from loam.sandbox.instruments.sensor_readings import days_often

LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}, {"name": "subsurface", "top_cm": 30, "bottom_cm": 60}]
SEED = 3


def paths_in(folder):
    return {
        "folder": folder / "files", "description": folder / "description.yaml", "stations": folder / "stations.csv",
        "faults": folder / "faults.csv",
    }  # fmt: skip


def settings_in(folder):
    return probes_at(
        "logger", folder / "files", description=folder / "description.yaml", stations=folder / "stations.csv"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probes")
    write_probes(SEED, SITES, **paths_in(folder))
    return folder


@pytest.fixture(scope="module")
def faults(folder):
    return pd.read_csv(folder / "faults.csv", parse_dates=["first", "last"])


@pytest.fixture(scope="module")
def quality():
    return Quality()


@pytest.fixture(scope="module")
def flagged(folder, quality):
    """Every reading of soil moisture, calibrated, with its flags."""
    probes = open_probes(settings_in(folder))
    about = probes.stations.set_index("station")
    everything = pd.concat(probes.readings, ignore_index=True)
    tables = []
    for station, readings in everything.groupby("station", sort=True):
        readings = to_canonical(readings, where=station).sort_values(
            ["variable", "sensor", "depth_from_cm", "time"], ignore_index=True
        )
        wet = (readings["variable"] == "soil_moisture").to_numpy()
        value = readings["value"].to_numpy(float, copy=True)
        value[wet] = calibrate(
            value[wet], relation="bulk_density", bulk_density=about.loc[station, "bulk_density"], where=station
        )
        readings = readings.assign(value=value)
        readings["qc"] = flag_station(
            readings, daily=probes.daily, porosity=about.loc[station, "porosity"], quality=quality
        )
        tables.append(readings[wet])
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def prepared(folder, quality):
    out = folder / "prepared"
    prepare_domain(
        settings_in(folder), layers=LAYERS, day_boundary="00:00+00:00", minimum_share=0.75, quality=quality,
        calibration=Calibration(relation="bulk_density"), maps=[], layer_share=0.5, smoothing=0.1,
        daily=out / "daily.parquet", stations=out / "stations.parquet", report=out / "qc_report.csv",
    )  # fmt: skip
    return out


def truth() -> pd.DataFrame:
    frames = [
        pd.DataFrame({"station": site.name, "date": site.days, "layer": layer["name"],
                      "true": site.at_depth(layer["top_cm"], layer["bottom_cm"])})
        for site in SITES for layer in LAYERS
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def errors(prepared, faults) -> pd.DataFrame:
    """Daily moisture minus the truth of the stations whose sensors do not drift."""
    drifting = set(faults.loc[faults["fault"] == "drift", "station"])
    table = pd.read_parquet(prepared / "daily.parquet").merge(truth(), on=["station", "date", "layer"])
    table = table[~table["station"].isin(drifting)].dropna(subset="moisture")
    return table.assign(error=table["moisture"] - table["true"])


def test_after_quality_control_and_calibration_the_truth_remains_within_the_stated_errors(prepared, faults):
    table = errors(prepared, faults)
    largest_gain = max(abs(make.gain - 1) for make in MAKES)
    assert table["station"].nunique() >= 4 and len(table) > 8000
    bias = table.groupby(["station", "layer"])["error"].mean()
    assert (bias.abs() < largest_gain * 0.42 + 3 * SENSOR_OFFSET).all()
    spread = table.groupby(["station", "layer"])["error"].std()
    assert (spread < 2 * SENSOR_NOISE + 0.008).all()  # sensors at points do not see a layer's mean exactly


def test_what_is_reported_is_wrong_by_what_the_bulk_density_explains(folder, flagged):
    site = SITES[0]  # loose soil; at about 1.4 g cm-3 the two relations agree
    assert MAKES[0].unit == "%" and site.bulk_density < 1.2
    reported = pd.concat(open_probes(settings_in(folder)).readings, ignore_index=True)
    keys = ["station", "sensor", "depth_from_cm", "time"]
    rows = flagged[(flagged["station"] == site.name) & (flagged["depth_from_cm"] == 50) & (flagged["qc"] == 0)]
    rows = rows.merge(reported[reported["variable"] == "soil_moisture"], on=keys, suffixes=("", "_reported"))
    true = pd.Series(site.at_depth(50, 50), index=site.days).reindex(rows["time"].dt.normalize()).to_numpy()
    before, after = (rows["value_reported"] / 100 - true).mean(), (rows["value"] - true).mean()
    assert abs(before) > 0.02
    assert abs(after) < 0.7 * abs(before)


def test_every_kind_of_fault_is_planted(faults):
    assert set(faults["fault"]) == set(KINDS)


@pytest.mark.parametrize(("fault", "flag", "share"), [
    ("spike", Flag.SPIKE, 1.0), ("stuck", Flag.STUCK, 1.0), ("frozen", Flag.FROZEN, 1.0), ("drift", Flag.DRIFT, 0.7),
])  # fmt: skip
def test_planted_faults_are_flagged(flagged, faults, fault, flag, share):
    for row in faults[faults["fault"] == fault].itertuples():
        here = flagged[flagged["station"] == row.station]
        if fault == "frozen":
            here = here[(here["depth_from_cm"] + here["depth_to_cm"]) / 2 <= FROST_DEPTH]
        else:
            here = here[(here["depth_from_cm"] == row.depth_from_cm) & (here["depth_to_cm"] == row.depth_to_cm)]
        last = row.last if fault == "spike" else row.last + pd.Timedelta(days=1) - pd.Timedelta(minutes=1)
        here = here[here["time"].between(row.first, last) & here["value"].notna()]
        if fault == "drift":  # of daily means alone: the stretch of many readings has a year of record too little
            here = here[here["sensor"].str.contains("avg")]
        assert len(here), row
        assert ((here["qc"].to_numpy() & flag.value) != 0).mean() >= share, row


def test_sound_readings_are_left_alone(flagged, faults):
    excluded = Flag.SPIKE | Flag.STUCK | Flag.BREAK_DROP | Flag.BREAK_JUMP | Flag.OUT_OF_RANGE | Flag.ABOVE_POROSITY
    sound = np.ones(len(flagged), bool)
    for row in faults[faults["fault"] != "gap"].itertuples():
        near = flagged["time"].between(row.first - pd.Timedelta(days=1), row.last + pd.Timedelta(days=2))
        sound &= ~(near & (flagged["station"] == row.station)).to_numpy()
    assert ((flagged.loc[sound, "qc"] & excluded.value) != 0).mean() < 1e-3


def test_a_gap_has_no_readings(flagged, prepared, faults):
    daily = pd.read_parquet(prepared / "daily.parquet")
    for row in faults[faults["fault"] == "gap"].itertuples():
        inside = daily[(daily["station"] == row.station) & daily["date"].between(row.first, row.last)]
        assert inside["moisture"].notna().sum() == 0
        readings = flagged[flagged["station"] == row.station]
        assert not readings["time"].between(row.first, row.last).any()


def test_a_stretch_is_read_often_and_the_rest_once_a_day(flagged):
    counts = flagged.groupby(["station", "sensor", "depth_from_cm"])["time"].agg(
        lambda times: times.sort_values().diff().median()
    )
    daily = counts.index.get_level_values("sensor").str.contains("avg")
    assert (counts[daily] == pd.Timedelta(days=1)).all()
    assert set(counts[~daily]) == {pd.Timedelta(minutes=make.minutes) for make in MAKES}


def test_readings_of_a_day_have_the_days_mean(flagged):
    site, make = SITES[1], MAKES[1]
    rows = flagged[(flagged["station"] == site.name) & (flagged["depth_from_cm"] == 50) & (flagged["qc"] == 0)]
    often = rows[~rows["sensor"].str.contains("avg")]
    means = often.groupby(often["time"].dt.normalize())["value"].agg(["mean", "size"])
    whole = means[means["size"] > 0.97 * 1440 / make.minutes]["mean"]
    true = pd.Series(site.at_depth(50, 50), index=site.days).reindex(whole.index)
    assert len(whole) > 60
    assert (whole - true).std() < 2 * SENSOR_NOISE


def test_same_seed_same_bytes_and_another_seed_another_world(folder, tmp_path):
    write_probes(SEED, SITES, **paths_in(tmp_path / "again"))
    names = sorted(path.relative_to(folder) for path in (folder / "files").glob("*.csv"))
    assert len(names) == 2 * len(SITES)
    for name in [*names, "description.yaml", "stations.csv", "faults.csv"]:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    write_probes(SEED + 1, SITES[:1], **paths_in(tmp_path / "other"))
    assert (tmp_path / "other" / names[0]).read_bytes() != (folder / names[0]).read_bytes()


def test_a_probe_does_not_depend_on_the_probes_after_it(folder, tmp_path):
    write_probes(SEED, SITES[:2], **paths_in(tmp_path))
    for path in (tmp_path / "files").glob("*.csv"):
        assert path.read_bytes() == (folder / "files" / path.name).read_bytes()


def test_a_short_record_is_read_often_for_half_of_it():
    often = days_often(np.random.default_rng(1), 60)
    assert often.sum() == 30
