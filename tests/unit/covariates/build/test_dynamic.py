"""A month holds the fields and observations of its own days, and says what it lacks."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import xarray as xr
import zarr
from affine import Affine
from build_dynamic import stage

from loam.covariates.build.dynamic import build_month
from loam.covariates.build.observations import day_of_file
from loam.covariates.store import days_of
from loam.errors import RasterError
from loam.raster.grid import grid_like, write_grid
from loam.sentinel1.validity import MISSING, Validity

ROWS, COLS, CORNER, CRS = 30, 40, (540_000.0, 5_360_000.0), "EPSG:28355"
X, Y = 147.42 + 0.05 * np.arange(4), -41.85 - 0.05 * np.arange(3)
DAYS = pd.date_range("2020-02-01", "2020-02-29")


def tiff(
    path: Path, bands, *, names=("vv", "vh", "local_incidence"), units=("1", "1", "degree"), corner=CORNER, side=80.0
):
    bands = np.asarray(bands, np.float32)
    path.parent.mkdir(exist_ok=True)
    profile = {"driver": "GTiff", "dtype": "float32", "count": len(bands), "crs": CRS, "nodata": np.nan}
    transform = Affine(side, 0, corner[0], 0, -side, corner[1])
    with rasterio.open(path, "w", **profile, height=bands.shape[1], width=bands.shape[2], transform=transform) as out:
        out.write(bands)
        out.descriptions, out.units = names, units
    return path


def fields(path: Path, name="rain", days=DAYS, units="mm d-1", values=None, x=X, y=Y, scale=1.0, whole=None):
    values = (
        np.arange(len(days), dtype=np.float32)[:, None, None] * np.ones((len(y), len(x))) if values is None else values
    )
    data = xr.Dataset(
        {name: (("time", "latitude", "longitude"), (values * scale).astype(np.float32), {"units": units})},
        coords={"time": days, "latitude": ("latitude", y, {"units": "degrees_north"}),
                "longitude": ("longitude", x, {"units": "degrees_east"})},
    )  # fmt: skip
    for key, numbers in (whole or {}).items():
        data[key] = ("time", numbers)
    data["crs"] = ((), np.int32(0), pyproj.CRS(4326).to_cf())
    data[name].attrs["grid_mapping"] = "crs"
    data.to_netcdf(path, engine="netcdf4")
    return path


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "land.tif"
    tiff(path, np.ones((1, ROWS, COLS)), names=("land",), units=("1",))
    return grid_like(path, 16)


@pytest.fixture
def month(tmp_path, grid):
    def build(**inputs):
        build_month("2020-02", grid, tmp_path / "2020-02.zarr", **inputs)
        return zarr.open_group(tmp_path / "2020-02.zarr", mode="r")

    return build


def test_each_day_stands_at_its_own_place(tmp_path, month):
    days = pd.date_range("2020-01-25", "2020-03-05")  # a file may hold other months' days too
    rain = month(weather=[fields(tmp_path / "w.nc", days=days)])["weather"]
    assert rain["rain"].shape == (29, 3, 4)
    assert rain["rain"][:, 1, 2].tolist() == list(range(7, 36))
    assert days_of(rain, "time")[-1] == np.datetime64("2020-02-29")


def test_days_that_the_file_lacks_are_missing_and_named(tmp_path, month, caplog):
    kept = DAYS[[day not in (3, 4, 28) for day in range(29)]]
    with caplog.at_level(logging.INFO, "loam"):
        rain = month(weather=[fields(tmp_path / "w.nc", days=kept)])["weather"]["rain"][:]
    assert np.isnan(rain[[3, 4, 28]]).all() and np.isnan(rain).sum() == 3 * 12
    assert "no field of 2020-02-04, 2020-02-05, 2020-02-29" in caplog.text


def test_a_month_without_any_day_is_missing_throughout(tmp_path, month):
    rain = month(weather=[fields(tmp_path / "w.nc", days=pd.date_range("2020-05-01", periods=3))])["weather"]["rain"][:]
    assert np.isnan(rain).all()


def test_kelvin_and_metres_become_degrees_and_millimetres(tmp_path, month):
    files = [fields(tmp_path / "t.nc", "tmin", units="K", values=np.full((29, 3, 4), 283.15)),
             fields(tmp_path / "r.nc", units="m", scale=0.001)]  # fmt: skip
    weather = month(weather=files)["weather"]
    assert weather["tmin"][0, 0, 0] == pytest.approx(10, abs=1e-4) and weather["rain"][7, 0, 0] == pytest.approx(7)
    assert weather["tmin"].attrs["units"] == "degC" and weather["rain"].attrs["units"] == "mm d-1"


def test_numbers_that_contradict_the_units_name_file_variable_and_day(tmp_path, month):
    values = np.full((29, 3, 4), 10.0)
    values[17] = 283.0
    path = fields(tmp_path / "t.nc", "tmin", units="degC", values=values)
    with pytest.raises(RasterError, match=r"t.nc: tmin is 283 to 283 degC at 12 places on 2020-02-18"):
        month(weather=[path])
    assert not (tmp_path / "2020-02.zarr").exists()


def test_how_many_fields_a_day_has_is_kept(tmp_path, month):
    counts = np.full(28, 8.0)
    counts[5] = 3
    path = fields(
        tmp_path / "s.nc", "sm_surface", days=DAYS[:28], units="m3 m-3", scale=0.01, whole={"n_fields": counts}
    )
    kept = month(coarse_moisture=[path])["coarse_moisture"]["n_fields"][:]
    np.testing.assert_equal(kept, [8, 8, 8, 8, 8, 3, *[8] * 22, np.nan])


def test_rows_that_run_north_are_kept_as_they_are(tmp_path, month):
    values = np.random.default_rng(0).uniform(0, 9, (29, 3, 4))
    up = month(weather=[fields(tmp_path / "w.nc", values=values[:, ::-1], y=Y[::-1])])["weather"]
    assert up.attrs["transform"][4] > 0
    assert np.array_equal(up["rain"][:], values[:, ::-1].astype(np.float32))


def test_fields_elsewhere_or_in_the_wrong_hemisphere_are_refused(tmp_path, month):
    with pytest.raises(RasterError, match="wrong hemisphere: its y should have the other sign"):
        month(weather=[fields(tmp_path / "w.nc", y=-Y[::-1])])
    with pytest.raises(RasterError, match="does not overlap the grid of the run.*check its CRS"):
        month(weather=[fields(tmp_path / "w.nc", x=X + 40)])


def test_files_that_do_not_fit_together_are_refused(tmp_path, month):
    first = fields(tmp_path / "a.nc")
    with pytest.raises(RasterError, match="rain is also in"):
        month(weather=[first, fields(tmp_path / "b.nc")])
    with pytest.raises(RasterError, match="its cells are not those of"):
        month(weather=[first, fields(tmp_path / "b.nc", "tmin", units="degC", x=X + 0.01)])
    with pytest.raises(RasterError, match="has several fields of rain on 2020-02-28"):
        month(weather=[fields(tmp_path / "c.nc", days=DAYS[[*range(28), 27]])])
    with pytest.raises(RasterError, match="no such file"):
        month(weather=[tmp_path / "no.nc"])


def passes(rng=None) -> np.ndarray:
    rng = rng or np.random.default_rng(4)
    return np.stack([rng.uniform(0.02, 0.3, (ROWS, COLS)), rng.uniform(0.01, 0.1, (ROWS, COLS)),
                     rng.uniform(25, 45, (ROWS, COLS))]).astype(np.float32)  # fmt: skip


def test_passes_stand_in_the_order_of_their_days(tmp_path, month):
    bands = [passes(np.random.default_rng(k)) for k in range(3)]
    names = ("2020-02-20_81_S1A", "2020-02-03_9_S1B", "2020-03-01_9_S1B")  # the third is of March
    files = [tiff(tmp_path / "s1" / f"{name}.tif", band) for name, band in zip(names, bands, strict=True)]
    group = month(sentinel1=files)["sentinel1"]
    assert days_of(group, "time").astype(str).tolist() == ["2020-02-03", "2020-02-20"]
    assert np.array_equal(group["vv"][:], [bands[1][0], bands[0][0]])
    assert np.array_equal(group["local_incidence"][0], bands[1][2])


def test_a_month_whose_passes_are_all_of_other_months_has_none(tmp_path, month):
    group = month(sentinel1=[tiff(tmp_path / "s1" / "2020-01-31_9_S1B.tif", passes())])["sentinel1"]
    assert group["vv"].shape == (0, ROWS, COLS) and days_of(group, "time").size == 0


def test_an_observation_is_valid_in_all_its_variables_or_in_none(tmp_path, month):
    bands = passes()
    bands[1, 5:8, 3] = np.nan
    group = month(sentinel1=[tiff(tmp_path / "s1" / "2020-02-03_a.tif", bands)])["sentinel1"]
    for name in ("vv", "vh", "local_incidence"):
        assert np.isnan(group[name][0, 5:8, 3]).all() and np.isnan(group[name][0]).sum() == 3


def test_a_take_of_one_polarisation_counts_by_what_it_has(tmp_path, month):
    bands = passes()
    bands[1] = np.nan
    bands[0, 2, 3] = np.nan
    group = month(sentinel1=[tiff(tmp_path / "s1" / "2020-02-03_9_S1B.tif", bands)])["sentinel1"]
    assert np.isnan(group["vh"][0]).all()
    assert np.isnan(group["vv"][0]).sum() == 1
    assert group["relative_orbit"][:].tolist() == [9]


@pytest.mark.parametrize(("lost", "kept"), [("vv", "vh"), ("vh", "vv")])
def test_a_polarisation_that_was_lost_at_good_pixels_does_not_take_the_other_along(tmp_path, month, lost, kept):
    """A burst: most of a row of tiles, and a part of the next."""
    names = ("vv", "vh", "local_incidence", "validity")
    bands = np.array([*passes(), np.zeros((ROWS, COLS))])
    bands[names.index(lost), :20, 2:] = np.nan
    bands[:3, 1, 5], bands[3, 1, 5] = np.nan, Validity.OUTSIDE_SWATH
    path = tiff(tmp_path / "s1" / "2020-02-03_a.tif", bands, units=("1", "1", "degree", "1"), names=names)
    group = month(sentinel1=[path])["sentinel1"]
    for name in (lost, kept, "local_incidence"):
        assert np.array_equal(group[name][0], bands[names.index(name)].astype(np.float32), equal_nan=True), name


def test_layover_and_shadow_are_no_observation_and_noise_is_one(tmp_path, month):
    flags = np.zeros((ROWS, COLS), np.float32)
    flags[0, :4] = [
        Validity.LAYOVER,
        Validity.SHADOW,
        Validity.NOISE_DOMINATED,
        Validity.LAYOVER | Validity.NOISE_DOMINATED,
    ]
    path = tiff(tmp_path / "s1" / "2020-02-03_a.tif", [*passes(), flags], units=("1", "1", "degree", "1"),
                names=("vv", "vh", "local_incidence", "validity"))  # fmt: skip
    vv = month(sentinel1=[path])["sentinel1"]["vv"][0]
    assert np.isnan(vv[0, :4]).tolist() == [True, True, False, True] and np.isnan(vv).sum() == 3


def test_a_pixel_in_shadow_is_missing_whatever_its_numbers_say(tmp_path, month):
    bands, flags = passes(), np.zeros((ROWS, COLS), np.float32)
    flags[3, :3] = Validity.SHADOW, Validity.LAYOVER, MISSING
    bands[:, 3, :3] = [[-999, 1e20, 0.1], [0.05, -32768, np.inf], [97.0, 251, -5]]
    path = tiff(tmp_path / "s1" / "2020-02-03_a.tif", [*bands, flags], units=("1", "1", "degree", "1"),
                names=("vv", "vh", "local_incidence", "validity"))  # fmt: skip
    group = month(sentinel1=[path])["sentinel1"]
    for name in ("vv", "vh", "local_incidence"):
        assert np.isnan(group[name][0, 3, :3]).all() and np.isnan(group[name][0]).sum() == 3


def test_bright_targets_and_slopes_that_face_away_are_values(tmp_path, month):
    bands = passes()
    bands[0, 4, 5], bands[2, 6, 7] = 10**2.5, 97.0  # 25 dB; over 90 degrees without a flag
    group = month(sentinel1=[tiff(tmp_path / "s1" / "2020-02-03_a.tif", bands)])["sentinel1"]
    assert np.array_equal(group["vv"][0], bands[0]) and np.array_equal(group["local_incidence"][0], bands[2])


@pytest.mark.parametrize(("band", "value"), [(0, 65535.0), (1, -999.0), (2, 181.0), (2, -1.0)])
def test_numbers_that_no_pass_has_are_refused_where_no_flag_excuses_them(tmp_path, month, band, value):
    bands = passes()
    bands[band, 4, 5] = value
    with pytest.raises(RasterError, match="2020-02-03_a.tif: (vv|vh|local_incidence) is .* on 2020-02-03"):
        month(sentinel1=[tiff(tmp_path / "s1" / "2020-02-03_a.tif", bands)])


INDICES = {"names": ("ndvi", "ndwi", "valid_share"), "units": ("1", "1", "1")}


def test_tiles_that_overlap_on_a_day_become_their_mean_by_valid_share(tmp_path, month):
    west, east = (
        np.ones((3, ROWS, 24)) * np.array(values)[:, None, None] for values in ((0.8, 0.2, 0.75), (0.4, 0.6, 0.25))
    )
    east[:2, 5, 3] = np.nan
    shift = (CORNER[0] + 16 * 80, CORNER[1])  # columns 16 to 23 lie in both
    other = np.ones((3, ROWS, 24)) * 0.5
    files = [
        tiff(tmp_path / "s2" / "2020-02-03_55GDN.tif", west, **INDICES),
        tiff(tmp_path / "s2" / "2020-02-03_55GEN.tif", east, corner=shift, **INDICES),
        tiff(tmp_path / "s2" / "2020-02-08_55GEN.tif", other, corner=shift, **INDICES),
    ]
    for order in (files, files[::-1]):
        group = month(sentinel2=order)["sentinel2"]
        assert days_of(group, "time").astype(str).tolist() == ["2020-02-03", "2020-02-08"]
        ndvi, ndwi = group["ndvi"][0], group["ndwi"][0]
        assert (ndvi[:, :16] == np.float32(0.8)).all() and (ndvi[:, 24:] == np.float32(0.4)).all()
        both = np.full((ROWS, 8), 0.7)
        both[5, 3] = 0.8
        assert ndvi[:, 16:24] == pytest.approx(both, abs=1e-6)
        assert ndwi[0, 16:24] == pytest.approx(np.full(8, 0.3), abs=1e-6)
        assert np.isnan(group["ndvi"][1][:, :16]).all() and (group["ndvi"][1][:, 16:] == 0.5).all()
        shutil.rmtree(tmp_path / "2020-02.zarr")


def test_a_tile_of_the_region_lies_at_its_own_pixels(tmp_path, month):
    part = np.random.default_rng(1).uniform(0, 0.9, (2, 12, 60))
    path = tiff(tmp_path / "s2" / "2020-02-03_55GDN.tif", part, names=("ndvi", "ndwi"), units=("1", "1"),
                corner=(CORNER[0] - 30 * 80, CORNER[1] - 10 * 80))  # fmt: skip
    ndvi = month(sentinel2=[path])["sentinel2"]["ndvi"][0]
    assert np.array_equal(ndvi[10:22, :30], part[0, :, 30:].astype(np.float32))
    assert np.isnan(ndvi[:10]).all() and np.isnan(ndvi[22:]).all() and np.isnan(ndvi[:, 30:]).all()


def test_decibels_are_told_from_linear_power(tmp_path, month):
    bands = passes()
    decibels = bands.copy()
    decibels[:2] = 10 * np.log10(bands[:2])
    path = tiff(tmp_path / "s1" / "2020-02-03_a.tif", decibels, units=("dB", "dB", "degree"))
    np.testing.assert_allclose(month(sentinel1=[path])["sentinel1"]["vv"][0], bands[0], rtol=1e-5)
    wrong = tiff(tmp_path / "s1" / "2020-02-04_a.tif", decibels)
    with pytest.raises(RasterError, match="2020-02-04_a.tif: vv is -16.*on 2020-02-04"):
        month(sentinel1=[wrong])


def test_a_pass_off_the_pixels_of_the_grid_or_without_a_band_is_refused(tmp_path, month):
    with pytest.raises(RasterError, match="not on the pixels of the run's grid"):
        month(sentinel1=[tiff(tmp_path / "s1" / "2020-02-03_a.tif", passes(), corner=(CORNER[0] + 30, CORNER[1]))])
    with pytest.raises(RasterError, match="not on the pixels of the run's grid"):
        month(sentinel1=[tiff(tmp_path / "s1" / "2020-02-03_b.tif", passes(), side=81.0)])
    with pytest.raises(RasterError, match="has no band local_incidence; expected bands named vv, vh"):
        month(sentinel1=[tiff(tmp_path / "s1" / "2020-02-03_c.tif", passes(), names=("vv", "vh", "angle"))])
    with pytest.raises(RasterError, match="does not begin with a day"):
        day_of_file(Path("pass_2020-02-03.tif"))
    assert str(day_of_file(Path("20200203_55GDN.tif"))) == "2020-02-03"


def test_composites_keep_their_own_days_and_cells(tmp_path, month):
    values = np.random.default_rng(2).uniform(0, 0.9, (3, 3, 4))
    path = fields(tmp_path / "2020.nc", "ndvi", days=pd.DatetimeIndex(["2020-01-17", "2020-02-02", "2020-02-18"]),
                  units="1", values=values)  # fmt: skip
    group = month(vegetation=[path])["vegetation"]
    assert days_of(group, "time").astype(str).tolist() == ["2020-02-02", "2020-02-18"]
    assert np.array_equal(group["ndvi"][:], values[1:].astype(np.float32))


def test_each_kind_of_composite_has_a_group_of_its_own(tmp_path, month):
    """NDVI and evapotranspiration come on days of their own; what is of another kind is none."""
    values = np.random.default_rng(2).uniform(0, 0.9, (3, 3, 4))
    given = [("ndvi", "1", ["2020-02-02", "2020-02-10", "2020-02-18"]),
             ("et", "mm d-1", ["2020-02-01", "2020-02-09", "2020-02-17"])]  # fmt: skip
    ndvi, et = (fields(tmp_path / f"{name}.nc", name, days=pd.DatetimeIndex(days), units=units, values=values)
                for name, units, days in given)  # fmt: skip
    store = month(vegetation=[ndvi], evapotranspiration=[et])
    assert days_of(store["evapotranspiration"], "time").astype(str).tolist() == given[1][2]
    assert store["evapotranspiration"]["et"].attrs["units"] == "mm d-1"
    assert np.array_equal(store["vegetation"]["ndvi"][:], values.astype(np.float32))
    with pytest.raises(RasterError, match=r"et.nc: has no composites; expected one of ndvi"):
        month(vegetation=[et])


def test_the_script_builds_what_the_rule_names(tmp_path, grid):
    write_grid(grid, tmp_path / "grid.json")
    paths = {
        "grid": tmp_path / "grid.json",
        "dynamic": tmp_path / "2020-02.zarr",
        "weather": [fields(tmp_path / "w.nc")],
    }
    paths |= {kind: [] for kind in ("coarse_moisture", "vegetation", "sentinel1", "sentinel2")}
    stage(paths, {"month": "2020-02"})
    assert list(zarr.open_group(tmp_path / "2020-02.zarr", mode="r").group_keys()) == ["weather"]
