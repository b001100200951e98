"""Calibration and noise tables, in the forms that processors have written them."""

from xml.etree import ElementTree

import numpy as np
import pytest
from sentinel1_files import Take, calibration_xml, gain, noise_xml, range_noise

from loam.errors import RasterError
from loam.sentinel1.calibration_tables import read_calibration, read_noise
from loam.sentinel1.product import open_product
from loam.sentinel1.safe import Xml

TAKE = Take()
EPOCH = np.datetime64("2021-08-09", "ns")
START = (TAKE.first_line - EPOCH) / np.timedelta64(1, "s")


def calibration(text):
    return read_calibration(Xml(ElementTree.fromstring(text), "calibration.xml"), EPOCH)


def noise(text):
    return read_noise(Xml(ElementTree.fromstring(text), "noise.xml"), EPOCH)


def test_calibration_vectors_are_read_even_beyond_the_image():
    table = calibration(calibration_xml(TAKE, "vv"))
    np.testing.assert_array_equal(table.line, [0, 100, 200, 300])
    assert TAKE.lines == 300  # its last line is 299
    np.testing.assert_allclose(table.time - START, table.line * TAKE.line_interval, atol=1e-6)
    np.testing.assert_allclose(table.sigma0[2], gain(200, table.pixel[2]))
    assert (table.mission, table.data_take, table.polarisation) == ("S1A", 0x49F13, "VV")
    assert table.beta0[0][0] == 474.0
    np.testing.assert_allclose(table.gamma[1], 0.9 * table.sigma0[1])


def test_noise_before_290_has_pixels_of_its_own_in_each_vector_and_no_blocks():
    table = noise(noise_xml(Take(noise="vectors"), "vv"))
    assert table.blocks == ()
    assert len({len(pixel) for pixel in table.pixel}) > 1
    for line, pixel, value in zip(table.line, table.pixel, table.value, strict=True):
        np.testing.assert_allclose(value[:-2], range_noise(line, pixel[:-2]))
        np.testing.assert_array_equal(value[-2:], 0)


def test_noise_since_290_has_blocks():
    table = noise(noise_xml(TAKE, "vv"))
    assert [(block.swath, block.first_sample, block.last_sample) for block in table.blocks] == [
        ("IW1", 0, 199),
        ("IW2", 200, 399),
    ]
    assert table.blocks[0].last_line == 299
    np.testing.assert_allclose(table.blocks[1].value[:2], [1.1, 1.102])


def test_stripmap_has_no_blocks_or_one_without_bounds():
    assert noise(noise_xml(Take(noise="stripmap"), "vv")).blocks == ()
    text = noise_xml(Take(noise="stripmap"), "vv").replace(
        "<noiseAzimuthVectorList>",
        '<noiseAzimuthVectorList><noiseAzimuthVector><line count="2">0 299</line>'
        '<noiseAzimuthLut count="2">1 1.5</noiseAzimuthLut></noiseAzimuthVector>',
    )
    (block,) = noise(text).blocks
    assert block.first_line == block.first_sample == 0
    assert block.last_line > 299
    assert block.last_sample > 399


def test_a_block_of_one_node_is_read():
    table = noise(noise_xml(TAKE, "vv", blocks=[("IW1", 5, 5, 0, 399, [5], [1.3])]))
    np.testing.assert_array_equal(table.blocks[0].value, [1.3])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("calibrationVector>", "vector>", "has no calibration vectors"),
        ('<sigmaNought count="11">6.600000000e+02', '<sigmaNought count="10">', "sigma0 vector 0 has 11 places and 10"),
        ("6.600000000e+02", "-6.600000000e+02", "sigma0 holds a value that is not positive"),
        ("0 40 80", "0 80 40", "do not increase"),
        ("azimuthTime>", "time>", "has no element 'azimuthTime'"),
    ],
)
def test_spoilt_calibration_is_refused_by_name(old, new, message):
    text = calibration_xml(TAKE, "vv")
    assert old in text
    with pytest.raises(RasterError, match=rf"calibration\.xml: .*{message}"):
        calibration(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("noiseRangeVectorList", "list", "has no noise vectors"),
        ('<noiseRangeLut count="11">1.600000000e+03', '<noiseRangeLut count="10">', "vector 0 has 11 places and 10"),
        ('<noiseAzimuthLut count="30">1.000000000e+00', '<noiseAzimuthLut count="29">', "has 30 places and 29 values"),
    ],
)
def test_spoilt_noise_is_refused_by_name(old, new, message):
    text = noise_xml(TAKE, "vv")
    assert old in text
    with pytest.raises(RasterError, match=rf"noise\.xml: .*{message}"):
        noise(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "blocks", "unlike", "zero_tail"),
    [("2.36", 0, False, 641), ("2.70", 0, True, 3), ("3.31", 3, False, 8), ("3.40", 3, False, 2)],
)
def test_real_tables_have_the_forms_the_synthetic_ones_have(real_products, name, blocks, unlike, zero_tail):
    channel = open_product(real_products[name]).channel("vv")
    assert len(channel.noise.blocks) == blocks
    assert (len({len(pixel) for pixel in channel.noise.pixel}) > 1) == unlike
    assert (channel.noise.value[0][-zero_tail:] == 0).all()
    assert zero_tail == 641 or channel.noise.value[0][-zero_tail - 1] > 0
    assert channel.calibration.line[-1] > channel.annotation.lines  # runs past the image
    even = channel.annotation.start + channel.calibration.line * channel.annotation.line_interval
    assert np.abs(channel.calibration.time - even).max() < channel.annotation.line_interval  # even in time, so in line
