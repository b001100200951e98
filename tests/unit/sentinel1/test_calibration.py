"""From amplitudes to backscatter."""

import dataclasses

import numpy as np
import pytest
from sentinel1_files import Take, azimuth_noise, gain, noise_xml, range_noise, write_product

from loam.errors import RasterError
from loam.sentinel1.calibration import calibration_of
from loam.sentinel1.noise import noise_of
from loam.sentinel1.product import open_product

LINES, SAMPLES = 300, 400
VALUED = 360  # samples; from there on the noise is missing
LINE, SAMPLE = np.mgrid[0:LINES, 0:SAMPLES]


def amplitude(seed=1, top=400):
    return np.random.default_rng(seed).integers(1, top, (LINES, SAMPLES)).astype(np.uint16)


def channel_of(folder, **options):
    return open_product(write_product(folder, Take(**options), amplitude=None)).channel("vv")


def test_sigma0_is_power_over_the_squared_gain(channel):
    number = amplitude()
    sigma0 = calibration_of(channel, thermal_noise=False).calibrate(number, 0, 0)
    np.testing.assert_allclose(sigma0, number.astype(float) ** 2 / gain(LINE, SAMPLE) ** 2, rtol=2e-6)
    assert sigma0.dtype == np.float32


def test_beta0_and_gamma0_take_their_own_tables(channel):
    number = amplitude()
    beta0 = calibration_of(channel, "beta0", thermal_noise=False).calibrate(number, 0, 0)
    np.testing.assert_allclose(beta0, number.astype(float) ** 2 / 474.0**2, rtol=2e-6)
    gamma0 = calibration_of(channel, "gamma0", thermal_noise=False).calibrate(number, 0, 0)
    np.testing.assert_allclose(gamma0, number.astype(float) ** 2 / (0.9 * gain(LINE, SAMPLE)) ** 2, rtol=2e-6)


@pytest.mark.parametrize("form", ["blocks", "vectors", "stripmap"])
def test_noise_is_taken_off_before_the_division_and_negatives_stay(tmp_path, form):
    channel = channel_of(tmp_path, noise=form)
    number = amplitude(top=80)
    sigma0 = calibration_of(channel).calibrate(number, 0, 0)
    noise = range_noise(LINE, SAMPLE)
    if form == "blocks":
        held = np.minimum(LINE, 290)
        noise = noise * np.where(SAMPLE < 200, azimuth_noise(held, 0), azimuth_noise(held, 1))
    truth = (number.astype(float) ** 2 - noise) / gain(LINE, SAMPLE) ** 2
    near = SAMPLE < 300
    np.testing.assert_allclose(sigma0[near], truth[near], rtol=1e-4, atol=1e-7)
    assert (sigma0[near] < 0).mean() > 0.2


def test_holes_and_overlaps_of_blocks_are_as_the_noise_says(tmp_path):
    blocks = [
        ("IW1", 0, 99, 0, 250, [0, 50], [0.5, 0.8]), ("IW2", 80, 400, 100, 500, [80, 200], [0.2, 0.4]),
        ("IW3", 5, 5, 0, 399, [5], [0.9]), ("IW3", 120, 140, 30, 30, [120], [0.1]),
    ]  # fmt: skip
    change = {"noise-.*-vv-": lambda _: noise_xml(Take(), "vv", blocks=blocks)}
    calibration = calibration_of(open_product(write_product(tmp_path, amplitude=None, change=change)).channel("vv"))
    number = amplitude()
    truth = (number.astype(float) ** 2 - np.nan_to_num(calibration.noise.at(LINE, SAMPLE))) / gain(LINE, SAMPLE) ** 2
    np.testing.assert_allclose(calibration.calibrate(number, 0, 0), truth, rtol=1e-5, atol=1e-7)
    taken = {place: calibration.noise.at(*map(np.array, place)) / range_noise(*place) for place in
             ((0, 0), (90, 200), (90, 300), (250, 0), (5, 300), (130, 30))}  # fmt: skip
    np.testing.assert_allclose(list(taken.values()), [0.5, 0.8, 0.2 * (1 + 10 / 120), 1, 0.9, 0.1], rtol=1e-5)


def test_noise_alone_averages_to_nothing(channel):
    """What a cut at zero would break: the mean of a dark place."""
    calibration = calibration_of(channel)
    power = np.nan_to_num(calibration.noise.at(LINE, SAMPLE)) * np.random.default_rng(2).exponential(1, LINE.shape)
    number = np.sqrt(power).round().clip(1).astype(np.uint16)
    sigma0 = calibration.calibrate(number, 0, 0)[:, :VALUED]
    assert abs(sigma0.mean()) < 0.01 * (power / gain(LINE, SAMPLE) ** 2)[:, :VALUED].mean()
    assert np.maximum(sigma0, 0).mean() > 0.3 * (power / gain(LINE, SAMPLE) ** 2)[:, :VALUED].mean()


def test_where_the_noise_is_missing_the_power_stays_as_it_is(channel):
    number = amplitude()
    with_noise = calibration_of(channel).calibrate(number, 0, 0)
    without = calibration_of(channel, thermal_noise=False).calibrate(number, 0, 0)
    missing = np.isnan(calibration_of(channel).noise.at(LINE, SAMPLE))
    assert missing.any() and not missing.all()
    np.testing.assert_array_equal(with_noise[missing], without[missing])
    assert (with_noise[~missing] < without[~missing]).all()


def test_the_largest_amplitude_does_not_overflow(channel):
    number = np.full((1, 4), 65535, np.uint16)
    sigma0 = calibration_of(channel, thermal_noise=False).calibrate(number, 0, 0)
    np.testing.assert_allclose(sigma0, 65535.0**2 / gain(0, np.arange(4)[None]) ** 2, rtol=2e-6)
    assert (sigma0 > 9000).all()


def test_amplitude_0_is_no_data(channel):
    number = amplitude()
    number[10, 20:30] = 0
    sigma0 = calibration_of(channel).calibrate(number, 0, 0)
    np.testing.assert_array_equal(np.isnan(sigma0), number == 0)


@pytest.mark.parametrize("form", ["blocks", "vectors"])
@pytest.mark.parametrize("quantity", ["sigma0", "beta0"])
def test_a_window_comes_out_as_in_the_whole_image(tmp_path, form, quantity):
    calibration = calibration_of(channel_of(tmp_path, noise=form), quantity)
    number = amplitude()
    whole = calibration.calibrate(number, 0, 0)
    for line, sample, lines, samples in ((0, 0, 1, 1), (99, 199, 2, 2), (250, 350, 50, 50), (150, 0, 60, 400)):
        window = number[line : line + lines, sample : sample + samples]
        np.testing.assert_array_equal(
            calibration.calibrate(window, line, sample), whole[line : line + lines, sample : sample + samples]
        )


def test_vectors_beyond_the_image_are_used_not_dropped(channel):
    """The last vector stands at line 300; without it the lines from 200 on would have the gain of 200."""
    sigma0 = calibration_of(channel, thermal_noise=False).calibrate(np.full((1, SAMPLES), 100, np.uint16), 299, 0)
    np.testing.assert_allclose(sigma0[0], 1e4 / gain(299, np.arange(SAMPLES)) ** 2, rtol=2e-6)


def test_an_image_that_ends_beyond_the_vectors_holds_the_last(channel):
    table = channel.calibration
    short = dataclasses.replace(
        table, line=table.line[:2], pixel=table.pixel[:2], sigma0=table.sigma0[:2], time=table.time[:2]
    )
    calibration = calibration_of(dataclasses.replace(channel, calibration=short), thermal_noise=False)
    sigma0 = calibration.calibrate(np.full((1, SAMPLES), 100, np.uint16), 299, 0)
    np.testing.assert_allclose(sigma0[0], 1e4 / gain(100, np.arange(SAMPLES)) ** 2, rtol=2e-6)


def test_noise_equivalent_is_what_the_noise_alone_looks_like(channel):
    calibration = calibration_of(channel)
    line, sample = np.array([12.3, 150.0, 20.0]), np.array([100.2, 250.7, 399.0])
    found = calibration.noise_equivalent(line, sample)
    truth = range_noise(line, sample) * azimuth_noise(line, 0) / gain(line, sample) ** 2
    assert found[0] == pytest.approx(truth[0], rel=1e-3)
    assert found[1] == pytest.approx((truth / azimuth_noise(line, 0) * azimuth_noise(line, 1))[1], rel=1e-3)
    assert found[2] == 0  # missing there
    assert (calibration_of(channel, thermal_noise=False).noise_equivalent(line, sample) == 0).all()


@pytest.mark.parametrize(("kind", "thermal_noise"), [("calibration", False), ("noise", True)])
def test_a_table_that_lacks_is_an_error_that_names_the_product(tmp_path, kind, thermal_noise):
    path = write_product(tmp_path, amplitude=None, change={f"{kind}-.*-vv-": lambda _: ""})
    channel = open_product(path).channel("vv")
    with pytest.raises(RasterError, match=rf"{path.name}.*polarisation vv has no {kind} table"):
        calibration_of(channel, thermal_noise=thermal_noise)


def test_noise_may_lack_where_it_is_not_taken_off(tmp_path):
    path = write_product(tmp_path, amplitude=None, change={"noise-": lambda _: ""})
    assert calibration_of(open_product(path).channel("vv"), thermal_noise=False).noise is None


@pytest.mark.parametrize("name", ["2.36", "2.70", "3.31", "3.40"])
def test_real_tables_give_the_same_by_the_compiled_and_the_plain_way(real_products, name):
    channel = open_product(real_products[name]).channel("vv")
    annotation = channel.annotation
    calibration = calibration_of(channel)
    number = np.random.default_rng(3).integers(1, 500, (40, 700)).astype(np.uint16)
    for line, sample in ((0, 0), (annotation.lines - 40, annotation.samples - 700), (8000, 8500)):
        rows, columns = np.mgrid[line : line + 40, sample : sample + 700]
        noise = np.nan_to_num(noise_of(channel.noise, annotation.samples).at(rows, columns))
        truth = (number.astype(float) ** 2 - noise) / calibration.scale.at(rows, columns).astype(float) ** 2
        np.testing.assert_allclose(calibration.calibrate(number, line, sample), truth, rtol=1e-4, atol=1e-6)
