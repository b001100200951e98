"""Thermal noise in both forms, and azimuth blocks that are not as one would wish."""

import dataclasses
import logging
import re

import numpy as np
import pytest
from sentinel1_files import Take, azimuth_noise, range_noise, write_product

from loam.sentinel1.calibration_tables import AzimuthBlock, NoiseTable
from loam.sentinel1.noise import noise_of
from loam.sentinel1.product import open_product

LINES, SAMPLES = 300, 400
EVERYWHERE = np.mgrid[0:LINES, 0:SAMPLES]
LAST_VALUE = 320  # sample of the last node of the new form with a value; those at 360 and 399 are zero


def noise_of_product(folder, noise):
    path = write_product(folder, Take(noise=noise), amplitude=None)
    return noise_of(open_product(path).channel("vv").noise, SAMPLES)


def flat(*blocks):
    """A table of 100 everywhere, with blocks (first line, last line, first sample, last sample, lines, factors)."""
    made = tuple(
        AzimuthBlock("IW1", *block[:4], np.array(block[4], float), np.array(block[5], float)) for block in blocks
    )
    return noise_of(
        NoiseTable(
            "noise.xml", "S1A", 1, "VV", np.zeros(1), np.zeros(1), (np.array([0.0, SAMPLES - 1.0]),),
            (np.array([100.0, 100.0]),), made,
        ),
        SAMPLES,
    )  # fmt: skip


def test_blocks_multiply_what_the_range_vectors_say(tmp_path):
    line, sample = EVERYWHERE
    noise = noise_of_product(tmp_path, "blocks").at(line, sample)
    swath = (sample >= 200).astype(int)
    truth = range_noise(line, sample) * np.where(swath, azimuth_noise(line, 1), azimuth_noise(line, 0))
    first = (line <= 290) & (sample <= LAST_VALUE)  # the last node along azimuth is at line 290, and is held
    np.testing.assert_allclose(noise[first], truth[first], rtol=1e-5)
    held = range_noise(295, 100) * azimuth_noise(290, 0)
    assert noise[295, 100] == pytest.approx(held, rel=1e-5)


@pytest.mark.parametrize("form", ["vectors", "stripmap"])
def test_without_blocks_the_range_vectors_stand_alone(tmp_path, form):
    """The old form has pixels of its own in each vector, so that no two share nodes."""
    line, sample = EVERYWHERE
    noise = noise_of_product(tmp_path, form).at(line, sample)
    near = sample < 300
    np.testing.assert_allclose(noise[near], range_noise(line, sample)[near], rtol=1e-5)


@pytest.mark.parametrize("form", ["blocks", "vectors", "stripmap"])
def test_zero_nodes_at_the_end_are_missing_and_do_not_drag(tmp_path, form):
    noise = noise_of_product(tmp_path, form).at(*EVERYWHERE)
    valued = np.isfinite(noise)
    assert valued.any(axis=0)[:300].all()
    assert not valued[:, -1].any()
    assert noise[valued].min() > 1400  # a value dragged towards zero would be lower
    if form != "vectors":
        np.testing.assert_array_equal(noise[5, LAST_VALUE:360], noise[5, LAST_VALUE])
        assert np.isnan(noise[:, 360:]).all()


def test_where_blocks_leave_a_hole_the_factor_is_1():
    noise = flat((0, 99, 0, 399, [0, 99], [2, 2]), (150, 299, 0, 199, [150, 299], [3, 3]))
    at = noise.at(np.array([50, 120, 200, 200]), np.array([10, 10, 10, 300]))
    np.testing.assert_allclose(at, [200, 100, 300, 100])


def test_where_blocks_overlap_the_first_counts():
    noise = flat((0, 199, 0, 399, [0], [2]), (100, 299, 0, 399, [100], [3]))
    np.testing.assert_allclose(noise.at(np.array([50, 150, 250]), np.zeros(3)), [200, 200, 300])


def test_a_block_of_one_line_and_sample_and_node():
    noise = flat((7, 7, 9, 9, [7], [4]))
    np.testing.assert_allclose(noise.at(np.array([7, 7, 8]), np.array([9, 10, 9])), [400, 100, 100])


def test_blocks_may_run_past_the_image():
    noise = flat((-20, 900, -5, 1000, [-20, 0, 300, 900], [1, 2, 2, 5]))
    np.testing.assert_allclose(noise.at(np.array([0, 150, 299]), np.array([0, 200, 399])), 200)


def test_broken_places_belong_to_the_pixel_they_are_nearest_to():
    noise = flat((10, 19, 0, 399, [10], [2]))
    np.testing.assert_allclose(noise.at(np.array([9.4, 9.6, 19.4, 19.6]), np.zeros(4)), [100, 200, 200, 100])


def test_compiled_factors_agree_with_those_at_places():
    noise = flat(
        (0, 99, 0, 250, [0, 50], [2, 3]), (80, 299, 100, 399, [80, 200], [4, 5]), (5, 5, 0, 399, [5], [9])
    )  # fmt: skip
    first, last, factor = noise.factors(np.arange(LINES))
    eta = np.full((LINES, SAMPLES), 100.0)
    for block in (2, 1, 0):
        held = ~np.isnan(factor[block])
        eta[held, first[block] : last[block]] = 100 * factor[block][held, None]
    np.testing.assert_allclose(noise.at(*EVERYWHERE), eta)


def test_noise_in_other_units_is_left_in_and_said(tmp_path, caplog):
    """IPF 2.36: zero; before 2.50 some hold 1e-9 or so."""
    table = open_product(write_product(tmp_path, Take(noise="vectors"), amplitude=None)).channel("vv").noise
    for scale in (0.0, 1e-12):
        small = dataclasses.replace(table, value=tuple(value * scale for value in table.value))
        caplog.clear()
        with caplog.at_level(logging.WARNING, "loam"):
            noise = noise_of(small, SAMPLES)
        assert np.isnan(noise.at(*EVERYWHERE)).all()
        assert "noise-s1a-iw-grd-vv" in caplog.text and "thermal noise is left in" in caplog.text


@pytest.mark.parametrize(("name", "share"), [("2.70", 0.995), ("3.31", 0.985), ("3.40", 0.995)])
def test_real_noise_is_there_nearly_everywhere(real_products, name, share):
    channel = open_product(real_products[name]).channel("vv")
    annotation = channel.annotation
    noise = noise_of(channel.noise, annotation.samples)
    line, sample = np.meshgrid(np.arange(0, annotation.lines, 97), np.arange(annotation.samples), indexing="ij")
    eta = noise.at(line, sample)
    assert np.isfinite(eta).mean() > share
    assert 200 < np.nanmin(eta) < np.nanmax(eta) < 5000


@pytest.mark.parametrize("form", ["blocks", "vectors"])
def test_order_of_the_vectors_in_the_file_does_not_matter(tmp_path, form):
    def reversed_vectors(text):
        tag = "noiseRangeVector" if form == "blocks" else "noiseVector"
        vectors = re.findall(rf"<{tag}>.*?</{tag}>", text, re.DOTALL)
        assert len(vectors) > 1
        return text.replace("".join(vectors), "".join(vectors[::-1]))

    made = {
        name: write_product(tmp_path / name, Take(noise=form), amplitude=None, change=change)
        for name, change in (("forth", {}), ("back", {"noise-": reversed_vectors}))
    }
    forth, back = (noise_of(open_product(path).channel("vv").noise, SAMPLES).at(*EVERYWHERE) for path in made.values())
    np.testing.assert_array_equal(forth, back)


def test_lacking_noise_along_azimuth_is_warned_of_where_the_processor_gives_it(tmp_path, caplog):
    open_product(write_product(tmp_path / "a", Take(noise="stripmap"), amplitude=None))
    assert "lacks the noise along azimuth that IPF 3.31 gives" in caplog.text
    caplog.clear()
    open_product(write_product(tmp_path / "b", Take(noise="blocks"), amplitude=None))
    assert "azimuth" not in caplog.text
