"""The simulator: what it writes, and what the chain makes of it; the round trip on small and on real images."""

import numpy as np
import pytest
import rasterio
from sentinel1_files import write_product
from sentinel1_landscapes import SETTINGS, Landscape, flown, grey, level, middle_point, shift_of

from loam.sentinel1.calibration import calibration_of
from loam.sentinel1.measurement import open_measurement
from loam.sentinel1.product import open_product
from loam.sentinel1.scene import process_pass

NOISELESS = SETTINGS.model_copy(update={"thermal_noise": False})


def pattern(x, y):
    return 0.1 * (1 + 0.5 * np.sin(x / 150) * np.cos(y / 190) + 0.3 * np.sin((x + y) / 260))


def mountains(x, y):
    return 500 + 250 * np.sin(x / 700) * np.cos(y / 900)


def amplitudes(path, polarisation="vv"):
    channel = open_product(path).channel(polarisation)
    with open_measurement(channel.measurement, channel.annotation) as measurement:
        return channel, measurement.read(0, channel.annotation.lines, 0, channel.annotation.samples)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return write_product(tmp_path_factory.mktemp("template"), amplitude=None)


def test_amplitudes_calibrate_to_the_landscapes_backscatter(template, tmp_path):
    scene = Landscape.under(template, tmp_path)
    channel, amplitude = amplitudes(scene.seen())
    found = calibration_of(channel, thermal_noise=False).calibrate(amplitude, 0, 0)
    assert found.mean() == pytest.approx(0.1, rel=1e-3)
    np.testing.assert_allclose(found, 0.1, rtol=0.02)  # whole numbers of some 200


def test_rounding_keeps_the_mean_of_what_is_very_dark(template, tmp_path):
    """Amplitudes of 1 to 2: rounding to the nearest would err by a decibel."""
    scene = Landscape.under(template, tmp_path)
    channel, amplitude = amplitudes(scene.seen({"vv": lambda x, y: 6e-6 + 0 * x}))
    assert amplitude.max() <= 2
    found = calibration_of(channel, thermal_noise=False).calibrate(amplitude, 0, 0)
    assert found.mean() == pytest.approx(6e-6, rel=0.01)


def test_speckle_has_the_wanted_looks_and_noise_the_annotated_power(template, tmp_path):
    scene = Landscape.under(template, tmp_path)
    channel, amplitude = amplitudes(scene.seen(looks=4.4))
    found = calibration_of(channel, thermal_noise=False).calibrate(amplitude, 0, 0)
    assert found.mean() ** 2 / found.var() == pytest.approx(4.4, rel=0.02)
    dark = {"vv": lambda x, y: 1e-3 + 0 * x}
    channel, amplitude = amplitudes(scene.seen(dark, looks=4.4, thermal_noise=True, name="noisy"))
    with_noise, without = (calibration_of(channel, thermal_noise=each) for each in (False, True))
    assert without.calibrate(amplitude, 0, 0).mean() == pytest.approx(1e-3, rel=0.02)
    line, sample = np.mgrid[0:300, 0:400]
    added = with_noise.calibrate(amplitude, 0, 0) - 1e-3
    assert added.mean() == pytest.approx(without.noise_equivalent(line, sample).mean(), rel=0.01)


def test_each_polarisation_sees_its_own_surface(template, tmp_path):
    scene = Landscape.under(template, tmp_path)
    seen = scene.seen({"vv": grey, "vh": lambda x, y: grey(x, y) / 5})
    ratio = amplitudes(seen)[1].astype(float) ** 2 / amplitudes(seen, "vh")[1].astype(float) ** 2
    assert ratio.mean() == pytest.approx(5, rel=0.05)


def test_only_the_window_is_made(template, tmp_path):
    _, amplitude = amplitudes(Landscape.under(template, tmp_path).seen(window=(100, 50, 200, 80)))
    made = amplitude > 0
    assert made[100:150, 200:280].all() and made.sum() == 50 * 80


def test_the_same_seed_gives_the_same_product(template, tmp_path):
    scene = Landscape.under(template, tmp_path)
    first, same, other = (
        amplitudes(scene.seen(looks=4.4, seed=seed, name=name))[1] for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert np.array_equal(first, same) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("argument", "longitude"), [(136.0, 3.0), (316.0, 147.0), (226.0, -70.0), (1.0, 103.0), (350.0, 180.0)],
    ids=["descending north", "ascending south", "descending south", "ascending at the equator", "date line"],
)  # fmt: skip
@pytest.mark.parametrize("height", [level, mountains])
def test_the_chain_gives_back_place_and_backscatter_anywhere(tmp_path, argument, longitude, height):
    with flown(argument, longitude) as take:
        template = write_product(tmp_path, take(polarisations=("vv",)), amplitude=None)
    scene = Landscape.under(template, tmp_path, height=height)
    grid = scene.grid(step=20.0, size=60)
    process_pass([scene.seen({"vv": pattern})], scene.dem(size=300), grid, tmp_path / "pass.tif", NOISELESS)
    with rasterio.open(tmp_path / "pass.tif") as dataset:
        found, validity = dataset.read(1), dataset.read(5)
    there = np.isfinite(found)
    assert there.mean() > 0.9 and (validity[there] == 0).all()
    expected = scene.mean(pattern, grid)
    right, below, factor = shift_of(np.where(there, found, np.nan), expected)
    assert np.hypot(right, below) * 20 < 0.5  # m
    assert factor == pytest.approx(1, abs=0.01)
    assert found[there].mean() / expected[there].mean() == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize(("version", "height"), [("2.70", mountains), ("3.40", level)], ids=["mountains", "flat"])
def test_round_trip_on_a_real_annotation_with_speckle_and_noise(real_products, tmp_path, version, height):
    """Location within 0.2 pixels of 10 m and mean backscatter within 0.1 dB."""
    scene = Landscape.under(real_products[version], tmp_path, height=height)
    annotation = open_product(real_products[version]).channel("vv").annotation
    points, middle = annotation.points, middle_point(annotation)
    corner = (int(points.line[middle]) - 350, 700, int(points.sample[middle]) - 350, 700)
    seen = scene.seen({"vv": pattern}, looks=4.4, thermal_noise=True, window=corner)
    grid = scene.grid(step=20.0, size=240)
    process_pass([seen], scene.dem(size=450), grid, tmp_path / "pass.tif", SETTINGS)
    with rasterio.open(tmp_path / "pass.tif") as dataset:
        found = dataset.read(1)
    there = np.isfinite(found)
    assert there.mean() > 0.95
    expected = scene.mean(pattern, grid)
    right, below, _ = shift_of(found, expected)
    assert np.hypot(right, below) * 20 / 10 < 0.2
    assert abs(10 * np.log10(found[there].mean() / expected[there].mean())) < 0.1
