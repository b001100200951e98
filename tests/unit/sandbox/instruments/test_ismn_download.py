"""The source domain's stations come back through the reader of ISMN downloads."""

import numpy as np
import pandas as pd
import pytest
from made_sites import SITES
from probe_settings import probes_at

from loam.probes.formats import open_probes
from loam.sandbox.instruments.ismn_download import DEPTHS, FLAG, write_download
from loam.sandbox.instruments.makes import SENSOR_OFFSET


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    write_download(1, SITES[:4], folder / "download")
    return folder / "download"


@pytest.fixture(scope="module")
def probes(folder):
    probes = open_probes(probes_at("ismn", path=folder))
    return probes.stations.set_index("station"), pd.concat(probes.readings, ignore_index=True)


def test_stations_have_place_porosity_land_cover_and_texture(probes):
    stations, _ = probes
    for site in SITES[:4]:
        row = stations.loc[f"SANDBOX_{site.name}"]
        assert row["latitude"] == pytest.approx(site.latitude, abs=1e-5)
        assert row["porosity"] == pytest.approx(site.porosity, abs=1e-3)
        assert "clay 25" in row["soil"] and row["landcover"]


def test_moisture_is_the_truth_at_each_depth_but_for_flagged_readings(probes):
    _, readings = probes
    for number, site in enumerate(SITES[:4]):
        own = readings[(readings["station"] == f"SANDBOX_{site.name}") & (readings["variable"] == "soil_moisture")]
        depths = DEPTHS[number % len(DEPTHS)]
        assert sorted(own["depth_from_cm"].unique()) == [100 * depth for depth in depths]
        for depth, rows in own.groupby("depth_from_cm"):
            true = pd.Series(site.at_depth(depth, depth), index=site.days).reindex(rows["time"].dt.normalize())
            error = rows["value"].to_numpy() - true.to_numpy()
            good = (rows["flag"] == "G").to_numpy()
            assert np.abs(error[good]).max() < 3.5 * SENSOR_OFFSET + 0.02
            assert set(rows["flag"][~good]) <= {FLAG}
            assert (error[~good] < -0.05).all()


def test_outages_leave_days_out_of_all_sensors(probes):
    _, readings = probes
    own = readings[readings["station"] == f"SANDBOX_{SITES[0].name}"]
    days = own.groupby(["variable", "depth_from_cm"])["time"].agg(lambda times: frozenset(times.dt.normalize()))
    assert days.nunique() == 1
    assert len(days.iloc[0]) < len(SITES[0].days)


def test_rain_and_temperature_come_along(probes):
    _, readings = probes
    own = readings[(readings["station"] == f"SANDBOX_{SITES[0].name}") & (readings["variable"] == "precipitation")]
    rain = pd.Series(SITES[0].rain, index=SITES[0].days).reindex(own["time"].dt.normalize())
    np.testing.assert_allclose(own["value"], rain, atol=1e-3)
    assert (readings["variable"] == "soil_temperature").any()


def test_same_seed_same_bytes(folder, tmp_path):
    write_download(1, SITES[:4], tmp_path)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((tmp_path / file).read_bytes() == (folder / file).read_bytes() for file in files)
    write_download(2, SITES[:1], tmp_path / "other")
    other = next((tmp_path / "other").rglob("*_sm_*"))
    assert other.read_bytes() != (folder / other.relative_to(tmp_path / "other")).read_bytes()
