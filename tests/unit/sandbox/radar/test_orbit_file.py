"""The orbit files of the synthetic Sentinel-1, read as the mission's own are."""

import logging
from datetime import date
from xml.etree import ElementTree

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.errors import RasterError
from loam.raster.grid import crs_of
from loam.sandbox.radar.frame import edge_of
from loam.sandbox.radar.orbit_file import orbit_file, write_orbit
from loam.sandbox.radar.radar_annotation import annotation_xml
from loam.sandbox.radar.radar_product import height_of
from loam.sandbox.radar.takes import takes_of
from loam.sentinel1 import geometry
from loam.sentinel1.annotation import read_annotation
from loam.sentinel1.orbit import choose_orbit, orbit_mission, read_orbit_file
from loam.sentinel1.safe import Xml

GEOBOX = GeoBox((50, 50), Affine(400, 0, 540_000, 0, -400, 5_360_000), "EPSG:28355")


@pytest.fixture(scope="module", params=["ascending", "descending"])
def take(request):
    day = date(2020, 1, 5)
    return takes_of(
        GEOBOX, day, day, incidence=38.0, direction=request.param, every=1, identity="one", directions=[request.param]
    )[0]


@pytest.fixture(scope="module")
def annotation(take):
    points = take.frame.points(crs_of(GEOBOX), height_of(np.zeros(GEOBOX.shape), GEOBOX))
    return read_annotation(Xml(annotation_xml(take.frame, take.name, "vv", points), "annotation"))


@pytest.fixture(scope="module")
def file(take, tmp_path_factory):
    path = tmp_path_factory.mktemp("orbits") / f"{take.name.product}.EOF"
    write_orbit(take.frame, "S1A", path)
    return path


def chosen(annotation, prefer, files):
    return choose_orbit(annotation.orbit, annotation.start, annotation.stop, files=files, prefer=prefer, mission="S1A")


@pytest.mark.parametrize("prefer", ["precise", "best"])
def test_the_file_gives_the_geometry_of_the_annotation(annotation, file, prefer):
    ours, theirs = chosen(annotation, prefer, [file]), chosen(annotation, "annotated", [])
    assert (ours.kind, theirs.kind) == ("precise", "annotated")
    time = np.linspace(annotation.start, annotation.stop, 50)
    assert np.linalg.norm(ours.position(time) - theirs.position(time), axis=-1).max() < 1e-3
    assert np.linalg.norm(ours.velocity(time) - theirs.velocity(time), axis=-1).max() < 1e-4
    longitude, latitude = edge_of(GEOBOX)
    place = geometry.earth_fixed(longitude, latitude, np.linspace(0, 1500, len(longitude)))
    for one, other in zip(
        geometry.image_position(annotation, ours, place)[:2],
        geometry.image_position(annotation, theirs, place)[:2], strict=True,
    ):  # fmt: skip
        assert np.abs(one - other).max() < 0.01


def test_its_vectors_stand_every_ten_seconds_around_the_take(take, annotation, file):
    vectors = read_orbit_file(file, annotation.orbit.epoch)
    assert np.diff(vectors.time) == pytest.approx(10.0)
    assert vectors.time[0] < annotation.start - 590 and vectors.time[-1] > annotation.stop + 590
    assert orbit_mission(file) == "S1A"


def test_each_vector_has_its_time_on_three_clocks_and_its_orbit(take):
    root = ElementTree.fromstring(orbit_file(take.frame, "S1A"))
    vectors = root.findall("Data_Block/List_of_OSVs/OSV")
    assert len(vectors) == int(root.find("Data_Block/List_of_OSVs").get("count"))
    middle = vectors[len(vectors) // 2]
    tai, utc, ut1 = (np.datetime64(middle.findtext(name).split("=")[1]) for name in ("TAI", "UTC", "UT1"))
    assert tai - utc == np.timedelta64(37, "s")  # since 2017
    assert ut1 == utc
    assert int(middle.findtext("Absolute_Orbit")) == take.name.orbit
    assert middle.find("VX").get("unit") == "m/s"


def test_the_header_tells_the_span(take):
    root = ElementTree.fromstring(orbit_file(take.frame, "S1A"))
    header = root.find("Earth_Explorer_Header/Fixed_Header")
    start, stop = (header.findtext(f"Validity_Period/Validity_{name}") for name in ("Start", "Stop"))
    times = [vector.text for vector in root.iter("UTC")]
    assert times[0].startswith(start) and times[-1].startswith(stop)
    name = header.findtext("File_Name")
    assert name.startswith("S1A_OPER_AUX_POEORB_OPOD_")
    assert name.endswith("_V" + "_".join(text[4:].replace("-", "").replace(":", "") for text in (start, stop)))


def test_an_orbit_of_another_take_is_not_used(annotation, take, tmp_path, caplog):
    other = takes_of(
        GEOBOX, date(2020, 2, 5), date(2020, 2, 5), incidence=38.0, direction=take.frame.seen.direction, every=1,
        identity="one", directions=[take.frame.seen.direction],
    )[0]  # fmt: skip
    write_orbit(other.frame, "S1A", tmp_path / "other.EOF")
    with caplog.at_level(logging.WARNING, "loam"):
        assert chosen(annotation, "best", [tmp_path / "other.EOF"]).kind == "annotated"
    assert "does not cover the take" in caplog.text
    with pytest.raises(RasterError, match="does not cover the take"):
        chosen(annotation, "precise", [tmp_path / "other.EOF"])
