"""The path of the satellite: against vectors that took no part, and from files that are wrong in some way."""

import gzip
import logging
import re
import zipfile
from datetime import date

import numpy as np
import pytest
from sentinel1_files import Take, orbit_file_xml, state, write_product

from loam.acquire.scenes.no_orbit import write_no_orbit
from loam.errors import RasterError
from loam.sentinel1.geometry import earth_fixed, image_position
from loam.sentinel1.orbit import (
    MARGIN,
    StateVectors,
    choose_orbit,
    fit_orbit,
    orbit_mission,
    read_orbit_file,
)
from loam.sentinel1.product import open_product

EPOCH = np.datetime64("2021-08-09", "ns")
START = 63593.153776  # of the synthetic take, s
SECOND = np.timedelta64(1, "s")


def circle(times):
    """State vectors of the synthetic satellite at seconds from the first line."""
    position, velocity = state(times)
    return StateVectors(EPOCH, START + np.asarray(times, float), position, velocity, "annotated")


def write_orbit(path, times, **options):
    """An orbit file with vectors at seconds from the first line."""
    stamps = Take().first_line + (np.asarray(times) * 1e9).astype("timedelta64[ns]")
    text = orbit_file_xml(stamps, *state(stamps_seconds(stamps)), **options)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("__MACOSX/._a.EOF", "strewn")
            archive.writestr("a.EOF", text)
    else:
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def stamps_seconds(stamps):
    """To the microsecond, as the file holds them."""
    return (stamps.astype("datetime64[us]") - Take().first_line) / SECOND


AROUND = np.arange(-400.0, 400.0, 10.0)


@pytest.mark.parametrize("step", [1.0, 10.0])
def test_orbit_follows_a_circle_over_the_turning_earth(step):
    """Ten seconds apart as since IPF 2.70, one second as in IPF 2.36, where Lagrange's interpolation breaks."""
    orbit = fit_orbit(circle(np.arange(-60 if step > 1 else -2, 90 if step > 1 else 26, step)), START, START + 24)
    times = np.linspace(0, 24, 97)
    position, velocity = state(times)
    assert np.linalg.norm(orbit.position(START + times) - position, axis=1).max() < 1e-3
    assert np.linalg.norm(orbit.velocity(START + times) - velocity, axis=1).max() < 1e-4


def test_a_polynomial_of_degree_3_would_be_metres_off():
    """So the tests above and below would notice one."""
    times = np.arange(-60.0, 90.0, 10.0)
    crude = np.polynomial.polynomial.polyfit(times / 90, state(times)[0], 3)
    between = np.linspace(0, 24, 25)
    off = np.linalg.norm(np.polynomial.polynomial.polyval(between / 90, crude).T - state(between)[0], axis=1)
    assert off.max() > 1.0


def test_rounding_noise_of_vectors_a_second_apart_is_not_magnified():
    times = np.arange(-2.0, 26.0)
    vectors = circle(times)
    noisy = StateVectors(
        EPOCH, vectors.time, vectors.position + np.random.default_rng(1).normal(0, 1e-3, vectors.position.shape),
        vectors.velocity, "annotated",
    )  # fmt: skip
    orbit = fit_orbit(noisy, START, START + 23.5)
    between = np.arange(0.5, 23.0)
    assert np.linalg.norm(orbit.position(START + between) - state(between)[0], axis=1).max() < 5e-3


@pytest.mark.parametrize(
    "pattern", ["*POEORB*20210316*.gz", "*POEORB*20231102*.gz", "*RESORB*162050*", "*RESORB*174849*"]
)
def test_held_out_vectors_of_real_orbit_files_come_back_to_a_centimetre(shared_data, pattern):
    (path,) = (shared_data / "sentinel" / "orbits").glob(pattern)
    epoch = np.datetime64("2020-01-01", "ns")
    vectors = read_orbit_file(path, epoch)
    assert vectors.kind == ("precise" if "POEORB" in pattern else "restituted")
    assert orbit_mission(path) == "S1A"
    worst, speed = 0.0, 0.0
    for middle in range(20, len(vectors.time) - 20, max(len(vectors.time) // 25, 1)):
        start, stop = vectors.time[middle] - 12, vectors.time[middle] + 12
        held = np.abs(vectors.time - vectors.time[middle]) < 1  # no vector at the middle of the take
        kept = StateVectors(epoch, *(part[~held] for part in (vectors.time, vectors.position, vectors.velocity)), "")
        orbit = fit_orbit(kept, start, stop)
        worst = max(worst, float(np.linalg.norm(orbit.position(vectors.time[held]) - vectors.position[held])))
        speed = max(speed, float(np.linalg.norm(orbit.velocity(vectors.time[held]) - vectors.velocity[held])))
    assert worst < 0.01
    assert speed < 1e-4


@pytest.mark.parametrize("suffix", [".EOF", ".EOF.gz", ".EOF.zip"])
def test_orbit_file_is_read_plain_and_packed(tmp_path, suffix):
    vectors = read_orbit_file(write_orbit(tmp_path / f"a{suffix}", AROUND), EPOCH)
    assert len(vectors.time) == 80
    assert vectors.time[0] == pytest.approx(START - 400, abs=1e-6)
    np.testing.assert_allclose(vectors.position[3], state(AROUND[3])[0], atol=1e-2)


def test_orbit_file_of_annotated_vectors_puts_points_where_the_annotation_does(real_products, tmp_path):
    """No orbit file at hand covers a product at hand: the way through the file is tested on its own vectors."""
    product = open_product(real_products["3.40"])
    annotation = product.channel("vv").annotation
    stamps = annotation.epoch + (annotation.orbit.time * 1e9).round().astype("timedelta64[ns]")
    path = tmp_path / "S1B.EOF"
    path.write_text(orbit_file_xml(stamps, annotation.orbit.position, annotation.orbit.velocity, mission="Sentinel-1B"))
    choice = {"start": annotation.start, "stop": annotation.stop, "mission": product.mission}
    from_file = choose_orbit(annotation.orbit, files=[path], prefer="precise", **choice)
    annotated = choose_orbit(annotation.orbit, prefer="annotated", **choice)
    assert (from_file.kind, annotated.kind) == ("precise", "annotated")
    points = annotation.points
    place = earth_fixed(points.longitude, points.latitude, points.height)
    for ours, theirs in zip(
        image_position(annotation, from_file, place), image_position(annotation, annotated, place), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def choose(files, prefer="best", mission="S1A"):
    annotated = circle(np.arange(-60.0, 90.0, 10.0))
    return choose_orbit(annotated, START, START + 24, files=files, prefer=prefer, mission=mission, scene="S1A_mine")


def test_best_takes_precise_before_restituted_before_annotated(tmp_path, caplog):
    precise = write_orbit(tmp_path / "p.EOF", AROUND)
    restituted = write_orbit(tmp_path / "r.EOF", AROUND, kind="AUX_RESORB")
    assert choose([restituted, precise]).kind == "precise"
    assert choose([restituted]).kind == "restituted"
    assert choose([precise], prefer="annotated").kind == "annotated"
    assert choose([restituted, precise], prefer="restituted").kind == "restituted"
    assert not caplog.records
    assert choose([]).kind == "annotated"
    assert "S1A_mine: no orbit file covers it; its annotated orbit is used: its places may be" in caplog.text


def test_best_takes_the_annotated_orbit_where_none_is_published_and_says_since_when(tmp_path, caplog):
    record = tmp_path / "none.EOF"
    write_no_orbit("S1A_mine", date(2021, 8, 10), record)
    assert choose([record]).kind == "annotated"
    assert f"S1A_mine: no orbit was published on 2021-08-10 ({record})" in caplog.text
    with pytest.raises(RasterError, match="S1A_mine: no precise orbit file covers the take"):
        choose([record], prefer="precise")
    caplog.clear()
    assert choose([record, write_orbit(tmp_path / "p.EOF", AROUND)]).kind == "precise"
    assert not caplog.records, "the file of the pass's other slice covers this one too"


def test_orbit_file_that_does_not_cover_the_take_is_an_error_or_a_logged_fallback(tmp_path, caplog):
    path = write_orbit(tmp_path / "day_before.EOF", AROUND - 395)
    with pytest.raises(RasterError, match=r"day_before\.EOF: does not cover the take; expected"):
        choose([path], prefer="precise")
    with caplog.at_level(logging.WARNING, "loam"):
        assert choose([path]).kind == "annotated"
    assert "day_before.EOF: does not cover the take; not used" in caplog.text
    assert "its annotated orbit is used" in caplog.text


def test_wanted_kind_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RasterError, match="no precise orbit file covers the take.*set sentinel1.orbit to best"):
        choose([], prefer="precise")
    with pytest.raises(RasterError, match="no precise orbit file"):
        choose([write_orbit(tmp_path / "r.EOF", AROUND, kind="AUX_RESORB")], prefer="precise")


def test_orbit_of_another_satellite_is_an_error(tmp_path):
    path = write_orbit(tmp_path / "b.EOF", AROUND, mission="Sentinel-1B")
    with pytest.raises(RasterError, match=r"b\.EOF: is an orbit of S1B; expected one of S1A"):
        choose([path])


def test_take_at_the_end_of_an_orbit_file_is_still_good_to_a_centimetre(tmp_path):
    """Half of the margin lacks."""
    orbit = choose([write_orbit(tmp_path / "a.EOF", np.arange(-300.0, 26.0, 10.0) + 4)], prefer="precise")
    times = np.linspace(0, 24, 50)
    assert np.linalg.norm(orbit.position(START + times) - state(times)[0], axis=1).max() < 0.01
    assert MARGIN > 26 - 24


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[: len(text) // 2], "cannot be read as an orbit file"),
        (lambda text: text.replace("AUX_POEORB", "AUX_PREORB"), "is of another kind"),
        (lambda text: text.replace("EARTH_FIXED", "INERTIAL"), r"is of another kind \(frame INERTIAL\)"),
        (lambda text: text.replace("UTC=2021", "UTC=dusk"), "'UTC' is no time"),
        (lambda text: text.replace("T17:40", "T17:33"), "not in order of time"),
    ],
)
def test_spoilt_orbit_file_is_refused_by_name(tmp_path, spoil, message):
    path = write_orbit(tmp_path / "a.EOF", AROUND)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(RasterError, match=rf"a\.EOF: .*{message}"):
        choose([path])


def test_packed_orbit_file_cut_short_is_refused_by_name(tmp_path):
    path = write_orbit(tmp_path / "a.EOF.gz", AROUND)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RasterError, match=r"a\.EOF\.gz: cannot be unpacked"):
        choose([path])
    two = tmp_path / "b.EOF.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("notes.txt", "")
    with pytest.raises(RasterError, match=r"b\.EOF\.zip: holds 0 EOF files"):
        choose([two])
    with pytest.raises(RasterError, match=r"absent\.EOF: cannot be read"):
        choose([tmp_path / "absent.EOF"])


def test_annotated_vectors_that_do_not_cover_the_take_are_an_error(tmp_path):
    take = Take(polarisations=("vv",), vectors_from=5.0)
    annotation = open_product(write_product(tmp_path, take, amplitude=None)).channel("vv").annotation
    with pytest.raises(RasterError, match="state vectors do not cover the take"):
        choose_orbit(annotation.orbit, annotation.start, annotation.stop, prefer="annotated")


def shifted(path, number, metres):
    """The orbit file with the X of one state vector moved."""
    parts = path.read_text().split("<OSV>")
    old = re.search(r"<X unit=\"m\">([^<]+)</X>|<X>([^<]+)</X>", parts[number + 1])
    value = old[1] or old[2]
    parts[number + 1] = parts[number + 1].replace(f">{value}</X>", f">{float(value) + metres:+.6f}</X>", 1)
    path.write_text("<OSV>".join(parts))
    return path


@pytest.mark.parametrize("metres", [100.0, -2.0])
@pytest.mark.parametrize("number", [36, 40, 44])
def test_orbit_file_with_one_wrong_state_vector_is_refused_by_name_and_time(tmp_path, number, metres):
    path = shifted(write_orbit(tmp_path / "a.EOF", AROUND), number, metres)
    wrong = read_orbit_file(path, EPOCH)
    stamp = str(EPOCH + np.timedelta64(round(wrong.time[number] * 1e9), "ns"))[:19]
    with pytest.raises(RasterError, match=rf"a\.EOF: state vector of {stamp} is {abs(metres):.1f} m off the path"):
        choose([path])


def test_wrong_state_vector_at_the_end_of_a_file_is_refused_too(tmp_path):
    path = write_orbit(tmp_path / "a.EOF", np.arange(-300.0, 26.0, 10.0) + 4)
    count = len(read_orbit_file(path, EPOCH).time)
    shifted(path, count - 1, 100.0)
    with pytest.raises(RasterError, match=r"a\.EOF: state vector of "):
        choose([path])


def test_state_vectors_within_centimetres_of_the_path_are_kept(tmp_path):
    assert choose([shifted(write_orbit(tmp_path / "a.EOF", AROUND), 40, 0.5)]).kind == "precise"
