"""One polarisation of a product, read by windows: the windows must not show."""

import numpy as np
import pyproj
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from sentinel1_files import Take, write_product
from sentinel1_landscapes import SETTINGS, middle_point

from loam.config.read import checked
from loam.config.sections.sentinel1 import Sentinel1, Speckle
from loam.errors import ConfigError, RasterError
from loam.sentinel1.image import open_images
from loam.sentinel1.positions import solve_positions
from loam.sentinel1.product import open_product
from loam.sentinel1.terrain import Terrain, net_of

SIDE, METRES = 10, 80.0
SPECKLE = SETTINGS.model_copy(update={"speckle": Speckle()})


@pytest.fixture(scope="module")
def image(product_path, tmp_path_factory):
    return open_images(open_product(product_path), ("vv",), SPECKLE, [], tmp_path_factory.mktemp("unpacked"))[0]


@pytest.fixture(scope="module")
def piece(image):
    """A level piece in the middle, its terrain and its positions."""
    points, middle = image.annotation.points, middle_point(image.annotation)
    crs = f"EPSG:{32601 + int((points.longitude[middle] + 180) // 6)}"
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(
        points.longitude[middle], points.latitude[middle]
    )
    half = SIDE / 2 * METRES
    geobox = GeoBox((SIDE, SIDE), Affine(METRES, 0, x - half, 0, -METRES, y + half), crs)
    terrain = Terrain(geobox, np.zeros(net_of(geobox, 2, 4).shape), 2, 4)
    return terrain, solve_positions(image.annotation, image.orbit, geobox, (0.0, 0.0), METRES)


def test_a_pixel_is_the_same_whether_it_is_wanted_alone_or_with_all_others(image, piece):
    """The filter's windows reach beyond what is read for a pixel alone, unless a margin is read with it."""
    terrain, positions = piece
    whole = image.gather(positions, terrain, 8, np.ones((SIDE, SIDE), bool))
    for row in range(SIDE):
        for column in range(SIDE):
            wanted = np.zeros((SIDE, SIDE), bool)
            wanted[row, column] = True
            alone = image.gather(positions, terrain, 8, wanted)
            assert alone.count[row, column] == whole.count[row, column] == 64
            assert alone.total[row, column] == pytest.approx(whole.total[row, column], rel=1e-6)


def test_no_wanted_pixel_asks_for_nothing(image, piece):
    terrain, positions = piece
    assert image.gather(positions, terrain, 8, np.zeros((SIDE, SIDE), bool)) is None


def test_backscatter_of_a_window_is_that_part_of_the_whole(image):
    whole = image.backscatter(0, 300, 0, 400)
    np.testing.assert_array_equal(image.backscatter(70, 50, 130, 90), whole[70:120, 130:220])


def test_the_brightest_two_per_cent_are_told_from_some_lines(image):
    whole = image.backscatter(0, 300, 0, 400)
    assert image.bright == pytest.approx(np.nanpercentile(whole, 98), rel=0.05)


def test_both_polarisations_share_geometry_and_the_border_of_the_co_polarised_one(tmp_path):
    """The cross-polarised image has zeros of its own further in; they are missing, and no border."""

    def amplitude(name, shape):
        values = np.full(shape, 200, np.uint16)
        values[:, : 30 if name == "vv" else 60] = 0
        return values

    product = open_product(write_product(tmp_path, amplitude=amplitude))
    vv, vh = open_images(product, ("vv", "vh"), SETTINGS, [], tmp_path)
    assert vv.geometry == vh.geometry
    np.testing.assert_array_equal(vh.border.first_sample, vv.border.first_sample)
    assert 30 <= vv.border.first_sample.min() <= vv.border.first_sample.max() < 40
    assert np.isnan(vh.backscatter(0, 300, 0, 60)).all() and np.isfinite(vh.backscatter(0, 300, 60, 50)).all()


def test_a_missing_measurement_and_an_unknown_filter_are_told(tmp_path):
    with pytest.raises(RasterError, match="no measurement of vv"):
        open_images(open_product(write_product(tmp_path, amplitude=None)), ("vv",), SETTINGS, [], tmp_path)
    with pytest.raises(ConfigError, match="'median' is not one of lee_sigma, none"):
        checked(Sentinel1, {"speckle": {"filter": "median"}})


def test_an_image_without_amplitudes_is_left_out_by_name_and_takes_nothing_along(tmp_path, caplog):
    def amplitude(polarisation, shape):
        return np.full(shape, 0 if polarisation == "vv" else 100, np.uint16)

    product = open_product(write_product(tmp_path, amplitude=amplitude))
    (vh,) = open_images(product, ("vv", "vh"), SETTINGS, [], tmp_path)
    assert vh.channel.polarisation == "vh" and not vh.border.empty
    assert f"{product.name}: VV holds no measured amplitude; left out" in caplog.text


@pytest.mark.parametrize(("lost", "kept"), [("vv", "vh"), ("vh", "vv")])
@pytest.mark.parametrize("processor", ["003.31", "002.70"])
def test_a_burst_that_one_polarisation_lost_is_named_and_kept_in_the_other(tmp_path, caplog, lost, kept, processor):
    def amplitude(polarisation, shape):
        values = np.full(shape, 100, np.uint16)
        if polarisation == lost:
            values[100:180, :150] = 0
        return values

    take = Take(processor=processor, noise="blocks" if processor == "003.31" else "vectors")
    product = open_product(write_product(tmp_path, take, amplitude=amplitude))
    images = {each.channel.polarisation: each for each in open_images(product, ("vv", "vh"), SETTINGS, [], tmp_path)}
    assert np.isnan(images[lost].backscatter(100, 80, 0, 150)).all()
    assert np.isfinite(images[kept].backscatter(0, 300, 0, 400)).all()
    assert f"{lost.upper()} holds no amplitude in 10.1 % of the image, at lines 100 to 172, where" in caplog.text
