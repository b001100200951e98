import io
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from zip_files import encrypt

from loam.acquire.canonical.check import check_fields, check_magic, check_map
from loam.errors import AcquireError

GEOBOX = GeoBox((30, 40), Affine(80, 0, 500000, 0, -80, 5300000), "EPSG:32755")
RANGES = {"0-5": (0, 100), "5-15": (0, 100)}
DAYS = pd.date_range("2020-02-01", "2020-02-29")
VARIABLES = {"rain": ("mm d-1", 0, 2000), "tmin": ("degC", -90, 60)}


def hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("sm_surface", data=np.zeros((100, 100)))


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("S1A.SAFE/manifest.safe", "<xfdu/>")
        archive.writestr("S1A.SAFE/measurement/vv.tiff", bytes(1000))


@pytest.fixture
def file(tmp_path):
    """Writes a file of a kind; without a suffix, because a check looks inside."""

    def file(kind):
        path = tmp_path / kind
        if kind == "tiff":
            write_map(path)
        elif kind == "netcdf":
            fields().to_netcdf(path, engine="netcdf4")
        elif kind == "classic":
            fields().to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")
        elif kind in ("hdf5", "zip"):
            {"hdf5": hdf5, "zip": zipped}[kind](path)
        elif kind == "npy":
            buffer = io.BytesIO()
            np.save(buffer, np.zeros(3))
            path.write_bytes(buffer.getvalue())
        else:
            path.write_text({"json": ' {"a": 1}', "xml": '\ufeff<?xml version="1.0"?><Orbit/>', "text": "hello"}[kind])
        return path

    return file


def write_map(path, geobox=GEOBOX, names=("0-5", "5-15"), values=None, tags=None, nodata=-9999.0):
    if values is None:
        values = np.full((len(names), *geobox.shape), 20.0)
        values[:, :5] = np.nan if nodata is None else nodata
    profile = {
        "driver": "GTiff", "count": len(values), "height": geobox.shape[0], "width": geobox.shape[1],
        "dtype": "float32", "crs": geobox.crs.to_wkt(), "transform": geobox.transform, "nodata": nodata,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(values.astype("float32"))
        for band, name in enumerate(names, start=1):
            dataset.set_band_description(band, name)
        dataset.update_tags(**(tags or {}))
    return path


def fields(days=DAYS, latitude=(-40.0, -40.1, -40.2), **changes):
    shape = (len(days), len(latitude), 4)
    values = {"rain": np.full(shape, 3.0, "float32"), "tmin": np.full(shape, 8.0, "float32")} | changes
    data = xr.Dataset(
        {
            name: (("time", "latitude", "longitude"), value, {"units": VARIABLES[name][0]})
            for name, value in values.items()
        },
        {"time": days, "latitude": list(latitude), "longitude": [147.0, 147.1, 147.2, 147.3]},
    )
    data["rain"][:, 0] = np.nan
    return data


@pytest.fixture
def check(tmp_path):
    """Writes fields and checks them."""

    def check(dataset, variables=VARIABLES, times=DAYS, **more):
        path = tmp_path / "2020-02.nc"
        dataset.to_netcdf(path, engine="netcdf4")
        check_fields(path, variables, times, **more)

    return check


@pytest.mark.parametrize("kind", ["tiff", "hdf5", "netcdf", "zip", "npy", "json", "xml"])
def test_a_file_is_of_its_kind_and_of_no_other(file, kind):
    path = file(kind)
    for other in ("tiff", "hdf5", "netcdf", "zip", "npy", "json", "xml"):
        if other == kind or {other, kind} == {"netcdf", "hdf5"}:
            check_magic(path, other)
        else:
            with pytest.raises(AcquireError, match=f"{kind}: is .*expected a file of kind {other}"):
                check_magic(path, other)


def test_netcdf_may_be_classic(file):
    check_magic(file("classic"), "netcdf")
    with pytest.raises(AcquireError, match="is a classic netCDF file"):
        check_magic(file("classic"), "hdf5")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><title> Earthdata\n Login </title>", 'is an HTML page titled "Earthdata Login"'),
        (b'<?xml version="1.0"?><!DOCTYPE html><html><body>', "is an HTML page"),
        (b"<Error><Message>Access Denied</Message></Error>", 'is an XML document <Error> that says "Access Denied"'),
        (
            b'<?xml version="1.0"?><ogc:ServiceExceptionReport><ogc:ServiceException code="a">no layer</ogc:Serv',
            'is an XML document <ogc:ServiceExceptionReport> that says "no layer"',
        ),
        (b'{"detail": "job failed"}', 'is JSON text that begins {"detail": "job failed"}'),
        (b"quota exceeded for https://a.org/x?token=hunter2", 'is text that begins "quota exceeded for https://a.org/x"'),
        (b"PK\x03\x04....", "is a ZIP archive"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07\x08" * 9, "is data that begin with the bytes 00 01 02 03 04 05 06 07"),
        (b"", r"is nothing (0 bytes)"),
    ],
)  # fmt: skip
def test_what_came_instead_is_named(tmp_path, content, said):
    path = tmp_path / "a.nc"
    path.write_bytes(content)
    with pytest.raises(AcquireError) as error:
        check_magic(path, "netcdf")
    assert str(error.value) == f"{path}: {said}; expected a file of kind netcdf"


@pytest.mark.parametrize("kind", ["hdf5", "netcdf", "zip", "json"])
def test_a_file_cut_short_is_found(file, kind):
    path = file(kind)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(AcquireError, match=f"{kind}: (cannot be|is not a zip that can be)"):
        check_magic(path, kind)


def test_a_zip_must_hold_its_member(file):
    check_magic(file("zip"), "zip", expect_member="*/manifest.safe", whole=True)
    with pytest.raises(AcquireError, match=r"2 members \(S1A.SAFE/manifest.safe, .*expected a member \*.nc"):
        check_magic(file("zip"), "zip", expect_member="*.nc")


def test_a_damaged_member_is_found_when_the_whole_is_read(file):
    path = file("zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"<xfdu/>")] ^= 1
    path.write_bytes(data)
    check_magic(path, "zip")
    with pytest.raises(AcquireError, match="manifest.safe: cannot be unpacked .Bad CRC-32"):
        check_magic(path, "zip", whole=True)


def test_an_unknown_kind_is_a_defect(file):
    with pytest.raises(ValueError, match="unknown kind 'grib'"):
        check_magic(file("json"), "grib")


def test_a_map_as_it_was_asked_for_passes(tmp_path):
    path = write_map(tmp_path / "awc.tif", tags={"vertical_datum": "EGM2008"})
    check_map(path, GEOBOX, ["0-5", "5-15"], RANGES, tags={"vertical_datum": "EGM2008"})


@pytest.mark.parametrize(
    ("geobox", "said"),
    [
        (GeoBox((30, 41), GEOBOX.transform, "EPSG:32755"), "30 x 41 pixels.*expected 30 x 40 pixels"),
        (GeoBox((30, 40), GEOBOX.transform * Affine.translation(0.5, 0), "EPSG:32755"), r"from \(500040, 5300000\)"),
        (GeoBox((30, 40), GEOBOX.transform * Affine.scale(1.01), "EPSG:32755"), "pixels of 80.8 x -80.8"),
        (GeoBox((30, 40), GEOBOX.transform, "EPSG:32754"), "EPSG:32754; expected.*EPSG:32755"),
    ],
    ids=["shape", "shifted", "scaled", "CRS"],
)
def test_a_map_on_another_grid_is_refused(tmp_path, geobox, said):
    path = write_map(tmp_path / "awc.tif", geobox)
    with pytest.raises(AcquireError, match=said):
        check_map(path, GEOBOX, ["0-5", "5-15"], RANGES)


def test_bands_and_tags_are_compared(tmp_path):
    path = write_map(tmp_path / "awc.tif")
    with pytest.raises(AcquireError, match="has bands 0-5, 5-15; expected 5-15, 0-5"):
        check_map(path, GEOBOX, ["5-15", "0-5"], RANGES)
    with pytest.raises(AcquireError, match="tag vertical_datum is None; expected 'EGM96'"):
        check_map(path, GEOBOX, ["0-5", "5-15"], RANGES, tags={"vertical_datum": "EGM96"})
    with pytest.raises(ValueError, match="a range is given for 15-30"):
        check_map(path, GEOBOX, ["0-5", "5-15"], {"15-30": (0, 1)})


@pytest.mark.parametrize("nodata", [-9999.0, None], ids=["nodata", "NaN"])
def test_a_band_that_is_all_missing_is_refused(tmp_path, nodata):
    values = np.full((2, 30, 40), 20.0)
    values[1] = np.nan if nodata is None else nodata
    path = write_map(tmp_path / "awc.tif", values=values, nodata=nodata)
    with pytest.raises(AcquireError, match="awc.tif: band 5-15 is all missing"):
        check_map(path, GEOBOX, ["0-5", "5-15"], RANGES)
    check_map(path, GEOBOX, ["0-5", "5-15"], RANGES, may_be_empty=True)


def test_one_impossible_pixel_is_found_in_any_block(tmp_path, monkeypatch):
    values = np.full((2, 30, 40), 20.0)
    values[1, 29, 39] = 100.4
    path = write_map(tmp_path / "awc.tif", values=values)
    for block in (40 * 7, 1 << 22):
        monkeypatch.setattr("loam.acquire.canonical.check.BLOCK", block)
        with pytest.raises(AcquireError, match="band 5-15 has values from 20 to 100.4; expected 0 to 100"):
            check_map(path, GEOBOX, ["0-5", "5-15"], RANGES)
    check_map(path, GEOBOX, ["0-5", "5-15"], RANGES, tolerance=0.5)


def test_a_map_cut_short_is_refused(tmp_path):
    path = write_map(tmp_path / "awc.tif")
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(AcquireError, match="awc.tif: "):
        check_map(path, GEOBOX, ["0-5", "5-15"], RANGES)


def test_fields_as_they_were_asked_for_pass(check):
    check(fields())
    check(fields(latitude=(-40.2, -40.1, -40.0)), times=[day.date() for day in DAYS])


def test_fields_may_have_flags_by_day(check):
    dataset = fields()
    dataset["model_only"] = ("time", np.zeros(len(DAYS), "int8"), {"units": "1"})
    check(dataset, {**VARIABLES, "model_only": ("1", 0, 1)})
    dataset["model_only"][3] = 2
    with pytest.raises(AcquireError, match="model_only has values from 0 to 2"):
        check(dataset, {**VARIABLES, "model_only": ("1", 0, 1)})


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (DAYS[:-2], r"lacks 2 days \(2020-02-28, 2020-02-29\); expected 29 days from 2020-02-01 to 2020-02-29"),
        (DAYS.union(pd.date_range("2020-03-01", "2020-03-09")), r"has besides 9 days \(2020-03-01, .*, ...\)"),
        (DAYS[::-1], "not in order"),
        (DAYS.append(DAYS[:1]), "there twice"),
        (DAYS + pd.Timedelta("12h"), "lacks 29 days"),
    ],
    ids=["missing", "more", "backwards", "twice", "noon"],
)
def test_days_are_exactly_those_asked_for(check, days, said):
    with pytest.raises(AcquireError, match=said):
        check(fields(days))


def test_coordinates_grow_or_fall(check):
    with pytest.raises(AcquireError, match="coordinate latitude does not grow or fall"):
        check(fields(latitude=(-40.0, -40.2, -40.1)))
    with pytest.raises(AcquireError, match="has no coordinate x or lon or longitude"):
        check(fields().drop_vars("longitude"))


def test_variables_units_and_ranges_are_compared(check):
    with pytest.raises(AcquireError, match="has no variable tmin; expected it among rain"):
        check(fields().drop_vars("tmin"))
    kelvin = fields(tmin=np.full((29, 3, 4), 281.0, "float32"))
    with pytest.raises(AcquireError, match="tmin has values from 281 to 281; expected -90 to 60"):
        check(kelvin)
    kelvin["tmin"].attrs["units"] = "K"
    with pytest.raises(AcquireError, match="tmin has units 'K'; expected 'degC'"):
        check(kelvin)


def test_a_little_negative_rain_passes_only_by_the_tolerance(check):
    rain = np.full((29, 3, 4), 3.0, "float32")
    rain[7, 1, 1] = -0.001
    with pytest.raises(AcquireError, match="rain has values from -0.001 to 3"):
        check(fields(rain=rain.copy()))
    check(fields(rain=rain.copy()), tolerance=0.01)


def test_a_variable_that_is_all_missing_is_refused_unless_nothing_is_published(check):
    nothing = fields(tmin=np.full((29, 3, 4), np.nan, "float32"))
    with pytest.raises(AcquireError, match="2020-02.nc: tmin is all missing"):
        check(nothing)
    check(nothing, may_be_empty=True)


def test_what_is_no_netcdf_is_named(tmp_path):
    path = tmp_path / "2020-02.nc"
    path.write_text("<!DOCTYPE html><title>Sorry</title>")
    with pytest.raises(AcquireError, match='an HTML page titled "Sorry"'):
        check_fields(path, VARIABLES, DAYS)


def test_an_encrypted_zip_is_no_whole_one(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.txt", "text")
    encrypt(path, "b.txt")
    with pytest.raises(AcquireError, match=r"a.zip: .*is encrypted"):
        check_magic(path, "zip", whole=True)
