"""The pattern over a map: what may be used stays as it is, what may not cannot be taken for moisture."""

import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv

from loam.mapping.picture import MOISTURE, SPREAD
from loam.mapping.trust_pattern import INK, trust_pattern
from loam.training.ranges import NO_VALUE
from loam.trust.pixel_reasons import AVOID, CAUTION, RELATIVE, USE

SHAPE = (400, 400)


def pattern_of(value):
    return trust_pattern(np.full((1, 1), value, np.uint8), SHAPE, 260)


def inked(pattern):
    return (pattern == INK).all(axis=-1)


def test_what_may_be_used_has_no_pattern_nor_has_what_is_no_land():
    assert not pattern_of(USE).any() and not pattern_of(NO_VALUE).any()


def test_the_less_a_pixel_may_be_trusted_the_more_is_drawn_over_it():
    patterns = [pattern_of(value) for value in (USE, CAUTION, RELATIVE, AVOID)]
    ink = [inked(pattern).mean() for pattern in patterns]
    assert 0 == ink[0] < ink[1] < ink[2] < ink[3] < 0.5
    veils = [pattern[~inked(pattern)][..., 3].mean() / 255 for pattern in patterns]
    assert veils[:2] == [0, 0] and 0.4 < veils[2] < 0.6 and veils[3] > 0.75


@pytest.mark.parametrize("colours", [MOISTURE, SPREAD])
def test_do_not_use_is_grey_whatever_lies_below(colours):
    pattern = pattern_of(AVOID)
    grey = pattern[~inked(pattern)][0] / 255
    below = colours(np.linspace(0, 1, 50))[:, :3]
    seen = grey[3] * grey[:3] + (1 - grey[3]) * below
    assert (np.ptp(seen, axis=1) < 0.2).all()
    vivid = rgb_to_hsv(below)[:, 1] > 0.5
    assert vivid.sum() > 10 and (rgb_to_hsv(seen)[vivid, 1] < 0.4 * rgb_to_hsv(below)[vivid, 1]).all()


def test_lines_of_do_not_use_cross_and_those_of_relative_only_do_not():
    single, crossed = inked(pattern_of(RELATIVE)), inked(pattern_of(AVOID))
    assert crossed[single].all()
    np.testing.assert_array_equal(crossed[:, ::-1].mean(), crossed.mean())
    assert crossed.mean() == pytest.approx(2 * single.mean(), rel=0.15)


def test_a_lone_pixel_is_faded_where_it_is_and_nothing_else():
    classes = np.zeros((40, 20), np.uint8)
    classes[7, 3] = AVOID
    pattern = trust_pattern(classes, (400, 200), 260)
    drawn = pattern[..., 3] > 0
    assert drawn[70:80, 30:40].all() and drawn.sum() == 100


def test_more_pixels_of_the_map_than_of_the_picture_are_thinned():
    classes = np.repeat(np.array([USE, AVOID], np.uint8), 500)[None].repeat(1000, axis=0)
    drawn = trust_pattern(classes, (100, 100), 130)[..., 3] > 0
    assert not drawn[:, :50].any() and drawn[:, 50:].all()
