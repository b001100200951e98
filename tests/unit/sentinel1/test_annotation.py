"""What the annotation says of an image, and what is made right in it on reading."""

import dataclasses

import numpy as np
import pytest
from sentinel1_files import LIGHT, Take, points, record_times, state, write_product

from loam.errors import RasterError
from loam.sentinel1.geometry import to_ground_range, to_slant_range
from loam.sentinel1.product import open_product

TAKE = Take(polarisations=("vv",))


def annotation_of(folder, take=TAKE, change=None):
    path = write_product(folder, take, amplitude=None, change={"^annotation/s1": change} if change else None)
    return open_product(path).channel("vv").annotation


def test_size_timing_and_place_are_as_written(channel):
    annotation, take = channel.annotation, Take()
    assert (annotation.lines, annotation.samples, annotation.sample_spacing) == (300, 400, 10.0)
    assert annotation.epoch == np.datetime64("2021-08-09")
    assert annotation.start == pytest.approx(17 * 3600 + 39 * 60 + 53.153776, abs=1e-9)
    assert annotation.stop - annotation.start == pytest.approx(299 * 1.5e-3, abs=1e-6)
    assert annotation.slant_origin == pytest.approx(points(take)["slantRangeTime"][0] * LIGHT / 2, abs=1e-3)
    assert annotation.orbit_pass == "descending"
    assert len(annotation.points.line) == 35


def test_times_run_on_past_midnight(tmp_path):
    take = dataclasses.replace(TAKE, start="2021-08-09T23:59:59.900000")
    annotation = annotation_of(tmp_path, take)
    assert annotation.stop > 86400 > annotation.start
    assert (np.diff(annotation.points.time.reshape(7, 5), axis=1) > 0).all()


def test_lines_of_a_range_away_from_the_reference_show_the_ground_abeam_later(channel):
    annotation = channel.annotation
    assert annotation.reference_range == pytest.approx(880_000, abs=150)  # points' times are to 1 microsecond
    further = annotation.reference_range + 60_000
    assert annotation.time_of(0, further) - annotation.start == pytest.approx(60_000 / LIGHT)
    assert annotation.line_of(annotation.time_of(123.4, further), further) == pytest.approx(123.4)


def test_ground_range_undoes_slant_range_to_a_thousandth_of_a_sample(channel):
    annotation = channel.annotation
    ground = np.linspace(0, 399 * 10.0, 501)
    time = np.full(501, annotation.start + 0.2)
    slant = to_slant_range(annotation.ground_range, time, ground)
    np.testing.assert_allclose(to_ground_range(annotation.ground_range, time, slant), ground, atol=0.01)


def test_crude_polynomials_to_the_ground_do_not_matter(tmp_path):
    """IPF 2.36 annotates some of degree 4 that miss by 4 samples."""
    good = annotation_of(tmp_path)

    def spoil(text):
        head, *rest = text.split('<srgrCoefficients count="9">')
        return head + "".join('<srgrCoefficients count="2">0 2.0' + part[part.index("</srgr") :] for part in rest)

    spoiled = annotation_of(tmp_path / "spoiled", change=spoil)
    np.testing.assert_array_equal(spoiled.ground_range.to_ground, good.ground_range.to_ground)


@pytest.mark.parametrize("name", ["2.36", "2.70", "3.40"])
def test_ground_range_grows_with_slant_range_well_beyond_the_swath(real_products, name):
    """A point outside the swath must not be folded into it."""
    annotation = open_product(real_products[name]).channel("vv").annotation
    slant = annotation.slant_origin + np.linspace(-90e3, 400e3, 400)
    time = np.full(400, (annotation.start + annotation.stop) / 2)
    ground = to_ground_range(annotation.ground_range, time, slant)
    assert (np.diff(ground) > 0).all()


def test_times_of_state_vectors_rounded_to_a_millisecond_are_restored(tmp_path):
    take = dataclasses.replace(
        TAKE, start="2015-02-03T04:31:09.215560", processor="002.36", vectors_from=-2.0, vector_step=1.0, vectors=28
    )

    def rounded(text):
        return text.replace(".215560</time>", ".216000</time>")

    annotation = annotation_of(tmp_path, take, rounded)
    assert annotation.orbit.time[0] - annotation.start == pytest.approx(-2.0, abs=1e-9)
    np.testing.assert_allclose(annotation.orbit.position, state(np.arange(28) - 2.0)[0], atol=1e-6)


def test_times_of_other_state_vectors_are_left_alone(tmp_path):
    take = dataclasses.replace(TAKE, vectors_from=-2.0003, vector_step=10.0, vectors=8)
    annotation = annotation_of(tmp_path / "a", take)
    assert annotation.orbit.time[0] - annotation.start == pytest.approx(-2.0003, abs=1e-6)
    take = dataclasses.replace(TAKE, vectors_from=-2.1, vector_step=1.0, vectors=28)
    annotation = annotation_of(tmp_path / "b", take)
    assert annotation.orbit.time[0] - annotation.start == pytest.approx(-2.1, abs=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<productType>GRD", "<productType>SLC", "is SLC, Ground Range; expected GRD"),
        ("Earth Fixed", "True of Date", "orbit state vectors in another frame"),
        ("<numberOfLines>300</numberOfLines>", "", "has no element 'numberOfLines'"),
        ("<gr0>0.0</gr0>", "<gr0>far</gr0>", "'gr0' is no number"),
        ("geolocationGridPointList", "list", "has no geolocation points"),
        ("coordinateConversionList", "list", "has no ground range polynomials"),
        ("orbitList", "list", "holds 0 orbit state vectors"),
    ],
)
def test_what_an_annotation_lacks_is_named_with_its_file(tmp_path, old, new, message):
    with pytest.raises(RasterError, match=rf"{TAKE.file('vv')}: {message}"):
        annotation_of(tmp_path, change=lambda text: text.replace(old, new))


def test_ground_range_polynomial_that_falls_is_refused(tmp_path):
    def spoil(text):
        start = text.index('<grsrCoefficients count="9">') + len('<grsrCoefficients count="9">')
        return f"{text[:start]}8e5 -0.5 0 0 0 0 0 0 0{text[text.index('</grsr') :]}"

    with pytest.raises(RasterError, match="does not increase over the swath"):
        annotation_of(tmp_path, change=spoil)


def test_records_are_the_builders(channel):
    np.testing.assert_allclose(
        channel.annotation.ground_range.time - channel.annotation.start, record_times(Take()), atol=1e-6
    )
