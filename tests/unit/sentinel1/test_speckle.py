"""The speckle filter: its constants, and what it does to clutter, edges and points."""

import numpy as np
import pytest

from loam.sentinel1.speckle import bounds, improved_lee_sigma

INFINITE = np.inf


def clutter(looks, mean=0.1, shape=(300, 300), seed=1):
    return np.random.default_rng(seed).gamma(looks, mean / looks, shape).astype(np.float32)


def looks_of(image):
    return float(image.mean() ** 2 / image.var())


PUBLISHED = {  # Lee et al. 2009, as in the tools that follow them
    (1, 0.5): (0.436, 1.920), (1, 0.8): (0.168, 3.094), (1, 0.9): (0.084, 3.941), (2, 0.9): (0.221, 2.744),
    (4, 0.9): (0.378, 2.094), (3, 0.9): (0.313, 2.320), (2, 0.5): (0.582, 1.584), (4, 0.6): (0.630, 1.495),
}  # fmt: skip


@pytest.mark.parametrize(("looks", "sigma"), PUBLISHED)
def test_bounds_are_the_published_ones_to_their_rounding(looks, sigma):
    """The published upper bounds hold their share from lower ones that are rounded to three digits."""
    low, high, _ = bounds(float(looks), sigma)
    assert round(low, 3) in (PUBLISHED[looks, sigma][0], round(PUBLISHED[looks, sigma][0] - 0.001, 3))
    assert high == pytest.approx(PUBLISHED[looks, sigma][1], rel=0.005)


def test_spread_of_one_look_is_the_published_one():
    assert bounds(1.0, 0.9)[2] == pytest.approx(0.8191, abs=5e-4)
    low = round(bounds(1.0, 0.9)[0], 3)
    assert round(-np.log(np.exp(-low) - 0.9), 3) == 3.941  # the share 0.9 above the rounded bound


@pytest.mark.parametrize("looks", [1.0, 2.7, 4.4, 80.0])
@pytest.mark.parametrize("sigma", [0.5, 0.9, 0.95])
def test_bounds_hold_their_share_of_speckle_and_keep_its_mean(looks, sigma):
    low, high, spread = bounds(looks, sigma)
    speckle = np.random.default_rng(1).gamma(looks, 1 / looks, 400_000)
    inside = speckle[(speckle > low) & (speckle < high)]
    assert len(inside) / len(speckle) == pytest.approx(sigma, abs=3e-3)
    assert inside.mean() == pytest.approx(1, abs=5e-3)
    assert inside.std() == pytest.approx(spread, rel=0.01)


@pytest.mark.parametrize(("looks", "sigma"), [(0, 0.9), (-1, 0.9), (4, 0.0), (4, 1.0)])
def test_looks_and_shares_without_bounds_are_refused(looks, sigma):
    with pytest.raises(ValueError, match="expected positive looks and a share"):
        bounds(looks, sigma)


@pytest.mark.parametrize("looks", [1.0, 4.4])
def test_clutter_keeps_its_mean_and_gains_looks(looks):
    image = clutter(looks)
    filtered = improved_lee_sigma(image, looks, INFINITE)
    assert filtered.dtype == np.float32
    assert filtered.mean() == pytest.approx(image.mean(), rel=0.02)
    assert looks_of(image) == pytest.approx(looks, rel=0.05)
    assert looks_of(filtered[8:-8, 8:-8]) > 8 * looks


def test_one_look_on_a_product_of_more_smooths_more():
    """SNAP's default on GRDH."""
    image = clutter(4.4)
    assert looks_of(improved_lee_sigma(image, 1.0, INFINITE)) > 1.5 * looks_of(improved_lee_sigma(image, 4.4, INFINITE))


def test_constant_image_is_unchanged():
    image = np.full((30, 40), 0.25, np.float32)
    np.testing.assert_allclose(improved_lee_sigma(image, 4.4, INFINITE), image, rtol=1e-6)


def test_filter_follows_the_scale_of_the_image():
    image = clutter(4.4, shape=(40, 40))
    np.testing.assert_allclose(
        improved_lee_sigma(image * 1000, 4.4, INFINITE), improved_lee_sigma(image, 4.4, INFINITE) * 1000, rtol=1e-4
    )


def test_point_target_is_kept_whole():
    """Its corners have four bright neighbours at most, and are kept for the one in the middle."""
    image = clutter(4.4, shape=(60, 60))
    image[20:23, 30:33] = np.linspace(20, 50, 9).reshape(3, 3)
    filtered = improved_lee_sigma(image, 4.4, 10.0)
    np.testing.assert_array_equal(filtered[20:23, 30:33], image[20:23, 30:33])
    assert (improved_lee_sigma(image, 4.4, INFINITE)[20:23, 30:33] != image[20:23, 30:33]).any()


@pytest.mark.parametrize("count", [5, 6])
def test_five_bright_pixels_are_no_target_and_six_are(count):
    image = np.full((15, 15), 0.1, np.float32)
    place = np.array([4, 0, 1, 2, 3, 5])[:count]
    rows, columns = 6 + place // 3, 6 + place % 3
    image[rows, columns] = [9.0, 3, 4, 5, 6, 7][:count]
    filtered = improved_lee_sigma(image, 4.4, 1.0)
    assert (filtered[rows, columns] == image[rows, columns]).all() == (count == 6)


def test_edge_stays_sharper_than_under_a_mean():
    truth = np.full((200, 200), 0.02)
    truth[:, 100:] = 0.4
    image = (truth * np.random.default_rng(3).gamma(4.4, 1 / 4.4, truth.shape)).astype(np.float32)
    filtered = improved_lee_sigma(image, 4.4, INFINITE)
    dark, bright = filtered[10:-10, 97:100].mean(), filtered[10:-10, 100:103].mean()
    assert dark < 0.06  # a mean of 7 x 7 has 0.18 there
    assert bright > 0.36


def test_nan_stays_and_does_not_spread():
    image = clutter(4.4, shape=(40, 40))
    image[10:12, 20] = np.nan
    image[:, 38:] = np.nan
    filtered = improved_lee_sigma(image, 4.4, INFINITE)
    np.testing.assert_array_equal(np.isnan(filtered), np.isnan(image))


def test_lone_pixel_among_nan_stays_as_it_is():
    image = np.full((9, 9), np.nan, np.float32)
    image[4, 4] = 0.3
    assert improved_lee_sigma(image, 4.4, INFINITE)[4, 4] == pytest.approx(0.3)


@pytest.mark.parametrize("signal", [0.001, 0.003, 0.01])
def test_dark_places_keep_their_mean_after_the_noise_is_taken_off(signal):
    noise = 0.01
    image = clutter(4.4, signal + noise) - np.float32(noise)
    assert (image < 0).any()
    filtered = improved_lee_sigma(image, 4.4, INFINITE)
    assert np.isfinite(filtered).all()
    assert filtered.mean() == pytest.approx(signal, abs=0.05 * noise)


def test_a_window_comes_out_as_in_the_whole_image():
    """Beyond a margin of the windows' halves, which is what pieces of an image are read with."""
    image = clutter(4.4, shape=(80, 90))
    bright = float(np.percentile(image, 98))
    whole = improved_lee_sigma(image, 4.4, bright)
    part = improved_lee_sigma(image[20:60, 30:80], 4.4, bright)
    np.testing.assert_array_equal(part[5:-5, 5:-5], whole[25:55, 35:75])


@pytest.mark.parametrize(("window", "target"), [(6, 3), (7, 2), (3, 5)])
def test_windows_without_a_middle_are_refused(window, target):
    with pytest.raises(ValueError, match="expected odd sides"):
        improved_lee_sigma(np.ones((9, 9), np.float32), 4.4, INFINITE, window=window, target=target)
