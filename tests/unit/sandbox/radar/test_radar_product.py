"""Synthetic Sentinel-1 products, read by the chain that reads the real ones."""

import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.config.sections.sentinel1 import Sentinel1, Speckle
from loam.raster.grid import crs_of, grid_like
from loam.sandbox.radar.orbit_file import write_orbit
from loam.sandbox.radar.radar_annotation import noise_power, sigma0_scale
from loam.sandbox.radar.radar_image import write_images
from loam.sandbox.radar.radar_product import height_of, name_of, pack, write_metadata
from loam.sandbox.radar.takes import Take, takes_of
from loam.sandbox.radar.view import incidence_angles
from loam.sentinel1 import geometry
from loam.sentinel1.calibration import calibration_of
from loam.sentinel1.orbit import fit_orbit
from loam.sentinel1.product import open_product
from loam.sentinel1.scene import process_pass

PIXELS, METRES = 70, 40.0
GEOBOX = GeoBox((PIXELS, PIXELS), Affine(METRES, 0, 540_000, 0, -METRES, 5_340_000), "EPSG:28355")
ROW, COLUMN = np.indices(GEOBOX.shape)
ELEVATION = 300.0 + 120.0 * np.sin(ROW / 11.0) * np.cos(COLUMN / 9.0)
PATTERN = 1 + 0.5 * np.sin(2 * np.pi * ROW / 10) * np.sin(2 * np.pi * COLUMN / 10 + 0.5)
SIGMA0 = {"vv": 0.1 * PATTERN, "vh": 0.02 * PATTERN}
SETTINGS = Sentinel1(orbit="annotated", speckle=Speckle(filter="none", looks=4.4))
INSIDE = (slice(3, -3), slice(3, -3))


def take(direction: str, identity: str = "one") -> Take:
    first = date(2020, 1, 5)
    return takes_of(
        GEOBOX, first, first, incidence=38.0, direction=direction, every=1, identity=identity, directions=[direction]
    )[0]


def make(folder: Path, direction: str = "descending", looks: float = np.inf, seed: int = 1) -> tuple[Take, Path]:
    wanted = take(direction)
    folder.mkdir(exist_ok=True)
    safe = write_metadata(wanted.frame, wanted.name, folder, crs_of(GEOBOX), height_of(ELEVATION, GEOBOX))
    write_images(wanted.frame, wanted.name, safe, GEOBOX, ELEVATION, SIGMA0, looks=looks, seed=seed)
    pack(safe, folder / f"{wanted.name.product}.zip")
    return wanted, folder / f"{wanted.name.product}.zip"


@pytest.fixture(scope="module", params=["ascending", "descending"])
def made(request, tmp_path_factory) -> tuple[Take, Path]:
    """A product without speckle."""
    return make(tmp_path_factory.mktemp("radar"), request.param)


@pytest.fixture(scope="module")
def dem(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("dem") / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=PIXELS, width=PIXELS, count=1, dtype="float64", crs="EPSG:28355",
        transform=GEOBOX.transform,
    ) as dataset:  # fmt: skip
        dataset.write(ELEVATION, 1)
        dataset.update_tags(vertical_datum="WGS84 ellipsoid")
    return path


def process(product: Path, dem: Path, folder: Path, orbit: str = "annotated", orbits: tuple = ()) -> np.ndarray:
    process_pass(
        [product], dem, grid_like(dem, 64), folder / "pass.tif", SETTINGS.model_copy(update={"orbit": orbit}),
        orbits=orbits
    )  # fmt: skip
    with rasterio.open(folder / "pass.tif") as dataset:
        return dataset.read()


def test_it_opens_as_a_real_one_does(made):
    wanted, path = made
    product = open_product(path)
    assert (product.mission, product.mode, product.processor) == ("S1A", "IW", (3, 71))
    assert product.relative_orbit == wanted.name.relative_orbit
    assert product.absolute_orbit == wanted.name.orbit
    assert sorted(product.channels) == ["vh", "vv"]
    annotation = product.channel("vv").annotation
    assert annotation.orbit_pass == wanted.frame.seen.direction
    assert (annotation.lines, annotation.samples) == (wanted.frame.lines, wanted.frame.samples)
    assert annotation.sample_spacing == annotation.line_spacing == 10.0
    assert np.diff(annotation.orbit.time) == pytest.approx(10.0)


def test_its_geolocation_points_come_back(made):
    annotation = open_product(made[1]).channel("vh").annotation
    orbit, points = fit_orbit(annotation.orbit, annotation.start, annotation.stop), annotation.points
    assert orbit.residual < 1e-3
    place = geometry.earth_fixed(points.longitude, points.latitude, points.height)
    line, sample, _, slant = geometry.image_position(annotation, orbit, place)
    assert line == pytest.approx(points.line, abs=1e-3)
    assert sample == pytest.approx(points.sample, abs=1e-3)
    assert slant == pytest.approx(points.slant_range, abs=1e-3)
    angle = geometry.incidence_angle(orbit, place, points.time)
    assert points.incidence == pytest.approx(angle, abs=0.25)
    assert ((points.incidence > 30) & (points.incidence < 45)).all()


def test_its_tables_are_what_its_image_was_made_with(made):
    wanted, path = made
    frame, channel = wanted.frame, open_product(path).channel("vv")
    calibration = calibration_of(channel)
    angle = frame.incidence((frame.lines - 1) / 2)
    line, sample = np.meshgrid(np.arange(0, frame.lines, 37), np.arange(frame.samples), indexing="ij")
    assert calibration.scale.at(line, sample)[0] == pytest.approx(sigma0_scale(frame, angle), rel=1e-5)
    assert 550 < sigma0_scale(frame, angle).mean() < 680
    assert calibration.noise.at(line, sample) == pytest.approx(noise_power(frame, "vv", angle, line[:, 0]), rel=1e-4)


def test_the_chain_gives_back_what_was_put_in(made, dem, tmp_path):
    bands = process(made[1], dem, tmp_path)
    assert (bands[4] == 0).all()
    for band, polarisation in enumerate(("vv", "vh")):
        found, truth = bands[band][INSIDE], SIGMA0[polarisation][INSIDE]
        assert 10 * np.log10(found.mean() / truth.mean()) == pytest.approx(0, abs=0.02)
        down, across = np.gradient(SIGMA0[polarisation])
        terms = np.stack([truth, across[INSIDE], down[INSIDE]], axis=-1).reshape(-1, 3)
        gain, east, south = np.linalg.lstsq(terms, found.ravel(), rcond=None)[0]
        assert np.abs([east, south]).max() * METRES / 10 < 0.1
        assert gain == pytest.approx(1, abs=0.01)


def test_the_orbit_file_gives_the_same_pass(made, dem, tmp_path):
    wanted, path = made
    write_orbit(wanted.frame, "S1A", tmp_path / "orbit.EOF")
    annotated = process(path, dem, tmp_path)
    precise = process(path, dem, tmp_path, "precise", (tmp_path / "orbit.EOF",))
    with rasterio.open(tmp_path / "pass.tif") as dataset:
        assert dataset.tags()["orbit"] == "precise"
    assert precise[:4] == pytest.approx(annotated[:4], rel=1e-4)
    assert (precise[4] == annotated[4]).all()


def test_the_angles_are_the_chains(made, dem, tmp_path):
    bands = process(made[1], dem, tmp_path)
    local, ellipsoidal = incidence_angles(made[0].frame.orbit, made[0].frame.seen, GEOBOX, ELEVATION)
    assert local[INSIDE] == pytest.approx(bands[2][INSIDE], abs=0.02)
    assert ellipsoidal == pytest.approx(bands[3], abs=0.001)
    assert np.ptp(local) > 20


def test_speckle_keeps_the_mean(dem, tmp_path):
    _, path = make(tmp_path / "radar", looks=4.4)
    bands = process(path, dem, tmp_path)
    for band, polarisation in enumerate(("vv", "vh")):
        ratio = bands[band] / SIGMA0[polarisation]
        assert 10 * np.log10(ratio.mean()) == pytest.approx(0, abs=0.1)
        assert 0.05 < ratio.std() < 0.25


def test_same_seed_same_bytes(tmp_path):
    one, again, other = (
        make(tmp_path / name, looks=4.4, seed=seed)[1].read_bytes() for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one == again
    assert one != other


def test_the_zip_holds_one_folder_and_no_time_of_its_own(made):
    with zipfile.ZipFile(made[1]) as archive:
        assert {item.filename.split("/")[0] for item in archive.infolist()} == {f"{made[1].stem}.SAFE"}
        assert len({item.date_time for item in archive.infolist()}) == 1


def test_the_name_tells_what_the_product_follows_from():
    wanted = take("ascending")
    assert name_of(wanted.frame, "one") == wanted.name
    other = name_of(wanted.frame, "two").product
    assert other[:-4] == wanted.name.product[:-4]
    assert other != wanted.name.product
