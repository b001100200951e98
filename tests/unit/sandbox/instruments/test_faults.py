"""The probes of a small world: quality control finds the faults planted in them and little else; calibration helps."""

import numpy as np
import pandas as pd
import pytest
from probe_settings import probes_at

from loam.config.sections.probes import Calibration, Quality
from loam.probes import prepare
from loam.probes.prepare import prepare_domain
from loam.probes.quality.flags import Flag
from loam.probes.quality.station import flag_station
from loam.sandbox.instruments.faults import FROST_DEPTH, KINDS
from loam.sandbox.instruments.logger_files import write_probes
from loam.sandbox.instruments.sites import target_sites
from loam.sandbox.world import World, depth_mean
from loam.sandbox.world_settings import settings_of

SETTINGS = settings_of(
    2,
    {"rows": 100, "columns": 100, "coast": "none", "spin_up_days": 60, "target_stations": 9, "long_records": 9},
)  # fmt: skip
LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}, {"name": "subsurface", "top_cm": 30, "bottom_cm": 60}]
DEPTH = ["depth_from_cm", "depth_to_cm"]


@pytest.fixture(scope="module")
def world() -> World:
    return World(SETTINGS)


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small_world")
    write_probes(
        SETTINGS.seed, target_sites(world), folder=folder / "files", description=folder / "description.yaml",
        stations=folder / "stations.csv", faults=folder / "faults.csv",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def faults(folder) -> pd.DataFrame:
    return pd.read_csv(folder / "faults.csv", parse_dates=["first", "last"])


@pytest.fixture(scope="module")
def quality() -> Quality:
    return Quality()


@pytest.fixture(scope="module")
def stage(folder, quality):
    """The probes stage with a calibration: every reading of moisture with its flags, and the daily layers."""

    def run(relation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        seen = []

        def noted(readings, **settings):
            flags = flag_station(readings, **settings)
            seen.append(readings.assign(qc=flags)[(readings["variable"] == "soil_moisture").to_numpy()])
            return flags

        out = folder / relation
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepare, "flag_station", noted)
            prepare_domain(
                probes_at("logger", folder / "files", description=folder / "description.yaml",
                          stations=folder / "stations.csv"),
                layers=LAYERS, day_boundary="00:00+00:00", minimum_share=0.75, quality=quality,
                calibration=Calibration(relation=relation), maps=[], layer_share=0.5, smoothing=0.1,
                daily=out / "daily.parquet", stations=out / "stations.parquet", report=out / "qc_report.csv",
            )  # fmt: skip
        readings = pd.concat(seen, ignore_index=True)
        return readings[readings["value"].notna()].reset_index(drop=True), pd.read_parquet(out / "daily.parquet")

    return run


@pytest.fixture(scope="module")
def calibrated(stage):
    return stage("bulk_density")


@pytest.fixture(scope="module")
def readings(calibrated, faults) -> pd.DataFrame:
    """Readings with the fault that was planted in each (empty: none)."""
    table = calibrated[0].assign(fault="")
    day = table["time"].dt.normalize()
    middle = table[DEPTH].sum(axis=1) / 2
    for row in faults[faults["fault"] != "gap"].itertuples():
        here = (table["station"] == row.station) & day.between(row.first.normalize(), row.last)
        if row.fault == "frozen":
            here &= middle <= FROST_DEPTH
        else:
            here &= (table[DEPTH] == [row.depth_from_cm, row.depth_to_cm]).all(axis=1)
        if row.fault == "spike":
            here &= table["time"] == row.first
        table.loc[here, "fault"] = row.fault
    return table


@pytest.fixture(scope="module")
def truth(world) -> pd.DataFrame:
    """The world's daily moisture of the layers at the stations: station, date, layer, true."""
    stations = world.stations
    days = pd.date_range(stations["first_day"].min(), stations["last_day"].max())
    run = world.run_points([day.date() for day in days], stations["row"].to_numpy(), stations["col"].to_numpy())
    moisture = np.stack([day.moisture for day in run], axis=1)  # [layer, day, station]
    frames = [
        pd.DataFrame(depth_mean(moisture, layer["top_cm"], layer["bottom_cm"]), index=days, columns=stations["station"])
        .rename_axis("date").melt(ignore_index=False, value_name="true").reset_index().assign(layer=layer["name"])
        for layer in LAYERS
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def carrying(readings: pd.DataFrame, flags: int) -> pd.Series:
    return (readings["qc"] & flags) != 0


def excluding(quality: dict) -> int:
    return sum(int(Flag[name.upper()]) for name in quality.exclude)


def root_mean_square(errors: pd.Series) -> float:
    return float(np.sqrt((errors**2).mean()))


def test_the_small_world_has_faults_of_every_kind(faults):
    assert set(faults["fault"]) == set(KINDS)


@pytest.mark.parametrize(
    ("fault", "flag", "share"), [("spike", Flag.SPIKE, 0.9), ("stuck", Flag.STUCK, 0.95), ("frozen", Flag.FROZEN, 0.99),
                                 ("drift", Flag.DRIFT, 0.7)],
)  # fmt: skip
def test_the_larger_part_of_each_fault_is_flagged(readings, fault, flag, share):
    planted = readings[readings["fault"] == fault]
    if fault == "drift":  # the stretch that is read often is a column of its own, of 100 days: too short to judge
        planted = planted[planted["sensor"].str.contains("avg")]
    assert len(planted) and carrying(planted, flag.value).mean() >= share


def test_no_spike_stuck_or_frozen_reading_reaches_the_daily_means(readings, quality):
    planted = readings[readings["fault"].isin(["spike", "stuck", "frozen"])]
    assert carrying(planted, excluding(quality)).mean() > 0.99


def test_few_sound_readings_are_left_out(readings, quality):
    sound = readings[readings["fault"] == ""]
    assert carrying(sound, excluding(quality)).mean() < 0.01
    other = excluding(quality) & ~Flag.FROZEN.value  # frost at 10 cm also speaks against a sensor at 30 cm
    assert carrying(sound, other).mean() < 1e-3
    assert carrying(sound, Flag.DRIFT.value).mean() < 0.01


def test_the_bulk_density_brings_the_layers_closer_to_the_truth(stage, calibrated, truth, faults):
    drifting = set(faults.loc[faults["fault"] == "drift", "station"])  # noted by default, not left out
    errors = {}
    for name, daily in (("before", stage("none")[1]), ("after", calibrated[1])):
        table = daily.merge(truth, on=["station", "date", "layer"]).dropna(subset="moisture")
        table = table[~table["station"].isin(drifting)]
        assert len(table) > 5000
        errors[name] = table["moisture"] - table["true"]
    assert root_mean_square(errors["after"]) < 0.8 * root_mean_square(errors["before"])
    assert abs(errors["after"].mean()) < 0.5 * abs(errors["before"].mean())
