"""The noisy border: zeros since IPF 2.90, small values before."""

import numpy as np
import pytest

from loam.sentinel1.border import AHEAD, EROSION, WIDTH, Witness, find_border
from loam.sentinel1.lookup import Rows
from loam.sentinel1.noise import Noise

NEW, OLD = (3, 31), (2, 70)
LINES, SAMPLES = 1300, 1400


class Image:
    """An image in memory that counts what is read of it."""

    def __init__(self, amplitude):
        self.amplitude, self.read_pixels = amplitude, 0

    def read(self, first_line, lines, first_sample, samples):
        self.read_pixels += lines * samples
        return self.amplitude[first_line : first_line + lines, first_sample : first_sample + samples]


def bad(amplitude, processor, noise=None, after=()):
    """Which pixels are border; ``after``: other images that tell it where the first holds nothing."""
    lines, samples = amplitude.shape
    witnesses = [Witness(Image(amplitude), noise), *(Witness(Image(other), noise) for other in after)]
    border = find_border(lines, samples, processor, witnesses)
    whole = border.mask(0, lines, 0, samples)
    np.testing.assert_array_equal(border.mask(40, 7, 11, 30), whole[40:47, 11:41])  # a window as in the whole
    return whole


def speckle(mean, shape=(LINES, SAMPLES), seed=1):
    return np.sqrt(np.random.default_rng(seed).gamma(4.4, mean**2 / 4.4, shape)).round().clip(1).astype(np.uint16)


def noise_of(power):
    return Noise(Rows(np.zeros(1), np.full((1, SAMPLES), power, np.float32)), ())


def test_image_without_zeros_has_no_border():
    assert not bad(speckle(100), NEW).any()


def test_zeros_from_the_side_inwards_are_border_and_a_few_samples_more():
    amplitude = speckle(100)
    amplitude[:, :20] = 0
    amplitude[:, -7:] = 0
    found = bad(amplitude, NEW)
    assert found[:, : 20 + EROSION].all() and found[:, -7 - EROSION :].all()
    assert not found[:, 20 + EROSION : -7 - EROSION].any()


def test_lines_of_zeros_at_the_top_take_a_few_lines_with_them():
    amplitude = speckle(100)
    amplitude[:30] = 0
    found = bad(amplitude, NEW)
    assert found[: 30 + EROSION].all() and not found[30 + EROSION :].any()


def test_zeros_inside_the_image_are_not_border():
    amplitude = speckle(100)
    amplitude[600:610, 700:710] = 0
    assert not bad(amplitude, NEW).any()


def test_steps_of_a_slanting_border_are_followed_with_their_margin():
    amplitude = speckle(100)
    amplitude[:600, :50] = 0
    found = bad(amplitude, NEW)
    assert not found[620:, :].any()
    assert found[599 + EROSION, :50].all() and not found[599 + EROSION, 50:].any()
    assert not found[599 + EROSION + 1].any()
    assert found[300, : 50 + EROSION].all()


def test_border_wider_than_the_frame_of_old_products_is_found_in_new_ones():
    amplitude = speckle(100)
    amplitude[:, : WIDTH + 200] = 0
    assert bad(amplitude, NEW)[:, : WIDTH + 200].all()


def test_image_of_zeros_is_all_border():
    assert bad(np.zeros((50, 60), np.uint16), NEW).all()


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_small_values_along_any_side_are_border_before_290(side):
    amplitude, border = speckle(100), speckle(6, seed=2)
    part = {"left": np.s_[:, :80], "right": np.s_[:, -80:], "top": np.s_[:80], "bottom": np.s_[-80:]}[side]
    amplitude[part] = border[part]
    found = bad(amplitude, OLD, noise_of(1600.0))
    truth = np.zeros_like(found)
    truth[part] = True
    assert found[truth].mean() > 0.99
    assert found[~truth].mean() < 0.005  # dark speckle beside the border
    np.testing.assert_array_equal(bad(amplitude, NEW), False)  # nothing is zero


def test_noise_that_reaches_the_limit_of_30_is_told_by_the_table():
    """Border of 35, noise of 1600: not a signal; without the table it would be kept."""
    amplitude = speckle(150)
    amplitude[:, :80] = 35
    assert bad(amplitude, OLD, noise_of(1600.0))[:, :80].all()
    assert not bad(amplitude, OLD, None)[:, :80].any()


def test_border_is_found_where_the_table_has_no_noise():
    """Tables of noise are zero at the far end, which is where the border is."""
    amplitude = speckle(100)
    amplitude[:, -60:] = speckle(6, seed=2)[:, -60:]
    for noise in (None, noise_of(np.nan)):
        assert bad(amplitude, OLD, noise)[:, -60:].mean() > 0.99


def test_a_bright_pixel_in_the_border_does_not_end_it():
    amplitude = speckle(100)
    amplitude[:, :80] = 5
    amplitude[:, 40] = 300
    amplitude[:, 55:58] = 300
    assert bad(amplitude, OLD)[:, :80].all()


def test_dark_pixels_inside_the_image_are_kept():
    amplitude = speckle(100)
    amplitude[200:210, 100:110] = 3
    amplitude[5 + AHEAD, 5 + AHEAD] = 3
    assert bad(amplitude, OLD).mean() < 0.001


def test_no_more_than_the_frame_is_taken_from_a_dark_image():
    """Calm water at the side; SNAP's frame too."""
    found = bad(np.full((LINES, SAMPLES), 5, np.uint16), OLD)
    assert found[:WIDTH].all() and found[-WIDTH:].all() and found[:, :WIDTH].all() and found[:, -WIDTH:].all()
    assert not found[WIDTH:-WIDTH, WIDTH:-WIDTH].any()


def test_only_the_frame_of_an_old_product_is_read():
    image = Image(speckle(100, (1600, 3000)))
    find_border(1600, 3000, OLD, [Witness(image, None)])
    assert image.read_pixels == 2 * WIDTH * (1600 + 3000)


def test_image_smaller_than_the_frame(monkeypatch):
    amplitude = speckle(100, (60, 50))
    amplitude[:, :10] = 2
    found = bad(amplitude, OLD)
    assert found[:, :10].all() and found[:, 10:].mean() < 0.05


@pytest.mark.parametrize("processor", [NEW, OLD])
def test_where_the_image_that_tells_best_holds_nothing_the_next_one_does(processor):
    """A burst at the near side and a stripe of lines are lost in VV; VH has them, between borders of its own."""
    vv, vh = speckle(100), speckle(60, seed=2)
    for image in (vv, vh):
        image[:, :20] = image[:, -20:] = 0
    vv[300:500, :400] = vv[800:900] = 0
    found = bad(vv, processor, after=[vh])
    assert found[:, :20].all() and found[:, -20:].all()
    assert not found[10:-10, 60:-60].any() and found[10:-10, 20 + EROSION : 60].mean() < 0.05
    alone = bad(vv, processor)
    assert alone[300:500, :400].all() and alone[800:900, :400].all()
