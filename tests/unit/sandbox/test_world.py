"""The synthetic world as files: tables and rasters agree, truth controls what probes see, a seed means a world."""

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
import yaml

from loam.covariates.features import feature_set
from loam.covariates.rasters import open_day
from loam.grid import cells_at, grid_like, project
from loam.sandbox.landscape import LANDCOVER

COLUMNS = [
    "station", "date", "latitude", "longitude", "sm_0_30", "sm_30_60", "elevation",
    *(f"{name}_{depth}" for name in ("awc", "soc", "clay") for depth in range(1, 5)),
    "landcover", "rain", "tmin", "tmax", "sm_surface", "sm_rootzone",
]  # fmt: skip


@pytest.fixture(scope="module")
def target(world):
    return pd.read_parquet(world["target"])


@pytest.fixture(scope="module")
def source(world):
    return pd.read_parquet(world["source"])


@pytest.fixture(scope="module")
def truth(world):
    with xr.open_dataset(world["truth"]) as dataset:
        return dataset.load()


def station_pixels(world, target):
    """Row and column of each station, from its coordinates alone."""
    grid = grid_like(world["elevation"], 512)
    sites = target.groupby("station")[["longitude", "latitude"]].first()
    x, y = project(sites["longitude"].to_numpy(), sites["latitude"].to_numpy(), "EPSG:4326", "EPSG:28355")
    return grid, sites.index, *cells_at(grid.geobox, x, y)


def test_tables_have_every_day_of_every_station_once(source, target):
    for table, stations in ((source, 6), (target, 8)):
        assert table.columns.tolist() == COLUMNS
        assert table["station"].nunique() == stations
        assert table["date"].dtype == "datetime64[ns]"
        assert not table.duplicated(["station", "date"]).any()
        assert (table.groupby("station")["date"].diff().dropna() == pd.Timedelta(days=1)).all()
        assert not table.drop(columns=["sm_0_30", "sm_30_60"]).isna().any().any()


def test_periods_leave_lags_to_every_observation(source, target):
    seen = source.dropna(subset=["sm_0_30"])["date"]
    assert (seen.min(), seen.max()) == (pd.Timestamp("2016-01-01"), pd.Timestamp("2017-12-31"))
    for table in (source, target):
        first = table.dropna(subset=["sm_0_30", "sm_30_60"], how="all").groupby("station")["date"].min()
        assert (first - table["date"].min() >= pd.Timedelta(days=12)).all()
    assert {pd.Timestamp("2022-02-01"), pd.Timestamp("2022-08-15")} <= set(target["date"])


def test_sensors_have_gaps_but_few(source, target):
    for table in (source, target):
        seen = table[["sm_0_30", "sm_30_60"]].notna().mean()
        assert ((seen > 0.8) & (seen < 0.99)).all()


def test_stations_stand_on_distinct_pixels_of_several_land_covers(world, target):
    _, names, row, col = station_pixels(world, target)
    assert (row >= 0).all()
    assert len(set(zip(row, col, strict=True))) == len(names)
    assert target.groupby("landcover")["station"].nunique().to_dict().keys() == LANDCOVER.keys()


def test_the_tables_hold_bit_for_bit_what_the_map_reads_at_the_stations_pixels(world, target, project_config):
    grid, names, row, col = station_pixels(world, target)
    features = feature_set(project_config["features"])
    inputs = project_config["mapping"]["inputs"]
    for item in inputs:
        item["file"] = str(world[item["file"].split("/")[-1].split(".")[0]])
    for day in ("2022-08-15", "2022-02-01"):
        with open_day(inputs, features, day, grid) as rasters:
            read = rasters.read(grid.tiles[0])
        place = np.searchsorted(read.pixel, row * grid.tiles[0].width + col)
        assert (read.pixel[place] == row * grid.tiles[0].width + col).all()  # every station's pixel has all inputs
        for number, name in enumerate(names):
            rows = target[target["station"] == name].set_index("date")
            expected = [value_of(rows, feature, pd.Timestamp(day)) for feature in features.static]
            assert read.static[place[number]].tolist() == expected
            sequence = [[value_of(rows, item, pd.Timestamp(day)) for item in step] for step in features.sequence]
            assert read.cells[read.cell[place[number]]].tolist() == sequence


def value_of(rows, feature, day):
    if feature.kind == "class":
        return float(rows["landcover"].iloc[0] == feature.value)
    return float(rows[feature.name].loc[day - pd.Timedelta(days=feature.lag)])


@pytest.fixture
def project_config(project):
    return yaml.safe_load((project / "config" / "config.yaml").read_text(encoding="utf-8"))


def test_probes_see_the_truth_of_their_pixel_with_a_sensors_error(world, target, truth):
    _, names, row, col = station_pixels(world, target)
    errors = []
    for day in ("2022-08-15", "2022-02-01"):
        rows = target[target["date"] == day].set_index("station").loc[names]
        for column, variable in (("sm_0_30", "surface"), ("sm_30_60", "subsurface")):
            errors.extend(rows[column] - truth[variable].sel(time=day).to_numpy()[row, col])
    errors = pd.Series(errors).dropna()
    assert errors.abs().max() < 0.05
    assert 0.002 < errors.std() < 0.02


def test_what_a_sensor_measures_is_the_truth_of_its_own_pixel_not_of_the_next(values):
    from loam.sandbox.target import build_target

    target = build_target(values["seed"], values["sandbox"], values["mapping"]["dates"])
    for day, truth in target.truth.items():
        at_stations = target.moisture[target.days.get_loc(pd.Timestamp(day))].astype(np.float32)
        assert (truth[:, target.rows, target.cols] == at_stations).all()


def test_truth_is_moisture_where_there_is_soil_and_missing_in_sea_and_lake(world, truth):
    with rasterio.open(world["elevation"]) as elevation, rasterio.open(world["clay"]) as clay:
        height, soil = elevation.read(1, masked=True), clay.read(1, masked=True)
    for variable in ("surface", "subsurface"):
        field = truth[variable].to_numpy()
        assert (np.isnan(field) == soil.mask).all()
        assert np.nanmin(field) > 0.01
        assert np.nanmax(field) < 0.7
    assert height.mask[-1, -1]  # the sea
    assert (soil.mask & ~height.mask).any()  # the lake: land without soil
    assert (height.mask <= soil.mask).all()


def test_winter_is_wetter_than_summer_and_clay_wetter_than_sand(world, truth):
    summer, winter = (truth["subsurface"].sel(time=day).to_numpy() for day in ("2022-02-01", "2022-08-15"))
    assert np.nanmean(winter) > np.nanmean(summer) + 0.03
    with rasterio.open(world["clay"]) as clay:
        share = clay.read(4, masked=True)
    soil = ~share.mask
    assert np.corrcoef(share[soil], winter[soil])[0, 1] > 0.4


def test_coarse_moisture_follows_the_truth_but_is_not_it(target):
    seen = target.dropna(subset=["sm_0_30", "sm_30_60"])
    for column, modelled in (("sm_0_30", "sm_surface"), ("sm_30_60", "sm_rootzone")):
        by_station = [rows[column].corr(rows[modelled]) for _, rows in seen.groupby("station")]
        assert 0.5 < np.median(by_station) < 0.97
        assert abs((seen[modelled] - seen[column]).mean()) > 0.01


def test_domains_are_alike_at_distance_zero_and_apart_at_one():
    from loam.sandbox.source import source_table
    from loam.sandbox.target import build_target, target_table

    def means(table):
        return table[["sm_0_30", "clay_1", "soc_1", "tmax"]].mean()

    sandbox = {"source_stations": 30, "target_stations": 30, "box_km": 6.5}
    gaps = []
    for distance in (0.0, 1.0):
        source = source_table(7, sandbox | {"domain_distance": distance})
        target = target_table(build_target(7, sandbox | {"domain_distance": distance}, []), 7)
        gaps.append((means(source) - means(target)).abs())
    assert (gaps[1] > gaps[0] + [0.03, 0.0, 0.3, 1.0]).all()
    assert gaps[0]["sm_0_30"] < 0.05


def test_the_same_seed_makes_the_same_world_and_another_seed_another(world, tmp_path, values, write):
    again = write(tmp_path / "again", values)
    for name in ("source", "target"):
        pd.testing.assert_frame_equal(pd.read_parquet(again[name]), pd.read_parquet(world[name]))
    for name in ("elevation", "clay", "landcover"):
        with rasterio.open(again[name]) as one, rasterio.open(world[name]) as other:
            assert (one.read() == other.read()).all()
    other = write(tmp_path / "other", values | {"seed": 8})
    with rasterio.open(other["elevation"]) as one, rasterio.open(world["elevation"]) as two:
        assert (one.read() != two.read()).mean() > 0.9


def test_files_are_in_the_form_that_acquired_data_have(world):
    with rasterio.open(world["awc"]) as awc, rasterio.open(world["landcover"]) as cover:
        assert (awc.count, awc.dtypes[0], awc.units, awc.nodata) == (4, "float32", ("%",) * 4, -9999.0)
        assert awc.descriptions[0] == "awc 0-5 cm"
        assert (awc.profile["tiled"], awc.compression.value) == (True, "DEFLATE")
        assert (cover.dtypes, cover.nodata) == (("uint8",), 0)
        assert set(np.unique(cover.read())) == {0, *LANDCOVER.values()}
    for name, units in (("weather", {"rain": "mm d-1", "tmin": "degC", "tmax": "degC"}),
                        ("coarse_moisture", {"sm_surface": "m3 m-3", "sm_rootzone": "m3 m-3"})):  # fmt: skip
        with xr.open_dataset(world[name]) as dataset:
            assert {variable: dataset[variable].attrs["units"] for variable in units} == units
            assert dataset["crs"].attrs["crs_wkt"]
            assert len(dataset["time"]) == 26  # two days, each with the twelve before it
            assert dataset[next(iter(units))].dims == ("time", "y", "x")
