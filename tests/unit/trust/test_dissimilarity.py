"""The dissimilarity index is that of its definition, and behaves as in the simulations of Meyer and Pebesma (2021)."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from loam.errors import TableError
from loam.trust.dissimilarity import area_of_applicability, read_area, upper_whisker, write_area

LINE = np.array([[0.0], [1.0], [3.0]])  # mean distance 2 units, those to the nearest 1, 1, 2


def column(*values):
    return np.array(values, float)[:, None]


def test_index_threshold_and_density_are_those_worked_out_by_hand():
    area = area_of_applicability(LINE, ["a", "b", "c"])
    assert area.mean_distance == pytest.approx(2 / np.std([0, 1, 3], ddof=1))
    np.testing.assert_allclose(area.indices, [0.5, 0.5, 1.0])
    assert area.threshold == pytest.approx(1.0)  # the whisker is 0.75 + 1.5 x 0.25
    index, density = area.index_and_density(column(4, -3, 1, 1.5))
    np.testing.assert_allclose(index, [0.5, 1.5, 0, 0.25], atol=1e-6)
    assert density.tolist() == [1, 0, 2, 3]


def test_a_point_is_held_against_other_stations_only():
    twice = np.concatenate([LINE, LINE + 0.01])
    area = area_of_applicability(twice, ["a", "b", "c"] * 2)
    distances = cdist(area.points, area.points)
    distances[np.tile(np.eye(3, dtype=bool), (2, 2))] = np.inf
    np.testing.assert_allclose(area.indices * area.mean_distance, distances.min(axis=1))
    assert area.indices.min() > 0.4, "its own station's other day lies 0.01 away"


def test_an_outlier_among_the_training_points_does_not_widen_the_area():
    points = np.append(np.arange(10.0), 100)
    area = area_of_applicability(points[:, None], np.arange(11))
    assert area.indices.max() > 5 * area.threshold and area.threshold == pytest.approx(area.indices[0])


def test_the_whisker_ends_at_a_value_and_says_nothing_of_what_is_not_known():
    assert upper_whisker(np.array([1.0, 2, 3, 4, 100])) == 4  # quartiles 2 and 4, whisker 7
    assert upper_whisker(np.array([1.0, 2, 3])) == 3
    assert np.isnan(upper_whisker(np.array([1.0, np.nan])))


def test_one_station_has_an_index_and_no_threshold():
    area = area_of_applicability(LINE, ["a", "a", "a"])
    index, density = area.index_and_density(column(4))
    assert np.isnan(area.threshold) and index[0] == pytest.approx(0.5) and density[0] == 0


def made_points(count=300, features=12, seed=1):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 4)) @ generator.normal(size=(4, features)) + 0.2 * generator.normal(
        size=(count, features)
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_many_rows_and_features_are_looked_up_as_one_by_one(threads):
    points, rows = made_points(), 1.5 * made_points(1000, seed=2) + 0.3
    weights = np.linspace(0, 2, 12)
    area = area_of_applicability(points, np.arange(300) % 6, weights)
    scaled = [(part - points.mean(0)) / points.std(0, ddof=1) * weights for part in (rows, points)]
    expected = cdist(*scaled) / area.mean_distance
    index, density = area.index_and_density(rows, threads=threads)
    np.testing.assert_allclose(index, expected.min(axis=1), atol=0.01)
    np.testing.assert_allclose(density, (expected < area.threshold).sum(axis=1), atol=3)
    assert density.max() > 20 and index.dtype == np.float32


def test_a_feature_of_no_importance_is_not_looked_at_and_one_of_much_counts_for_more():
    points = made_points(features=3)
    row = points[:1] + [0, 0, 50]
    without = area_of_applicability(points, np.arange(300), np.array([1.0, 1, 0]))
    negative = area_of_applicability(points, np.arange(300), np.array([1.0, 1, -3]))
    assert without.index(row)[0] == pytest.approx(0, abs=1e-3) and negative.index(row)[0] == without.index(row)[0]
    low, high = (area_of_applicability(points, np.arange(300), np.array([1, 1, own])).index(row)[0] for own in (0.1, 2))
    assert 0.5 < low < high


def test_units_and_the_scale_of_the_importance_do_not_matter():
    points, rows = made_points(features=3), made_points(50, 3, seed=4)
    units = np.array([1000, 0.01, 1]), np.array([273.0, 0, -5])
    plain = area_of_applicability(points, np.arange(300), np.array([1.0, 2, 3]))
    other = area_of_applicability(points * units[0] + units[1], np.arange(300), np.array([10.0, 20, 30]))
    np.testing.assert_allclose(plain.index(rows), other.index(rows * units[0] + units[1]), atol=1e-3)
    assert plain.threshold == pytest.approx(other.threshold)


def test_a_feature_in_which_training_points_do_not_differ_is_left_to_the_check_of_ranges():
    area = area_of_applicability(np.concatenate([LINE, np.full((3, 1), 7.1)], axis=1), ["a", "b", "c"])
    np.testing.assert_allclose(area.index(np.array([[4.0, 7.1], [4.0, 99]])), 0.5, atol=1e-6)


def landscape(generator, width=40):
    """Places [pixel, 2] on a square, and four features that vary smoothly over it [pixel, 4]."""
    places = np.stack(np.meshgrid(np.arange(width), np.arange(width)), axis=-1).reshape(-1, 2) / width
    waves = generator.normal(size=(4, 6, 2)) * 4
    return places, np.cos(np.einsum("pd,fwd->pfw", places, waves) + generator.uniform(0, 6, (4, 6))).sum(axis=2)


def test_the_index_grows_away_from_the_training_data():
    area = area_of_applicability(made_points(features=3), np.arange(300))
    far = np.linspace(0, 20, 30)[:, None] * np.ones(3)
    index = area.index(far)
    assert (np.diff(index[8:]) > 0).all() and index[-1] > 5 * index[0]


def test_clustered_training_data_cover_less_of_a_landscape_than_spread_ones():
    shares = {"spread": [], "clustered": []}
    for seed in range(6):
        generator = np.random.default_rng(seed)
        places, features = landscape(generator)
        spread = generator.choice(len(places), 50, replace=False)
        centres = places[generator.choice(len(places), 5, replace=False)]
        near = [np.argsort(((places - centre) ** 2).sum(axis=1))[:10] for centre in centres]
        spread_area = area_of_applicability(features[spread], np.arange(50))
        clustered_area = area_of_applicability(features[np.concatenate(near)], np.arange(50))
        shares["spread"].append((spread_area.index(features) <= spread_area.threshold).mean())
        shares["clustered"].append((clustered_area.index(features) <= clustered_area.threshold).mean())
        by_cluster = area_of_applicability(features[np.concatenate(near)], np.repeat(np.arange(5), 10))
        assert by_cluster.threshold > clustered_area.threshold, "folds of clusters ask for predictions further off"
    assert np.mean(shares["spread"]) > 0.85 and np.mean(shares["clustered"]) < 0.4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": LINE[:1], "station": ["a"]}, "1 training points; expected at least two"),
        ({"features": column(0, np.nan, 3)}, "feature 0 of point 1 is nan; expected finite numbers"),
        ({"weights": np.ones(2)}, r"weights \[1.0, 1.0\]; expected 1 finite numbers, one a feature"),
        ({"weights": np.array([np.nan])}, "expected 1 finite numbers"),
        ({"weights": np.array([-1.0])}, "do not differ in any feature that has a weight"),
        ({"features": column(5, 5, 5)}, "do not differ in any feature"),
    ],
)
def test_points_that_give_no_index_are_refused(change, message):
    with pytest.raises(TableError, match=message):
        area_of_applicability(**({"features": LINE, "station": ["a", "b", "c"]} | change))


def test_rows_that_are_not_of_the_features_are_refused():
    area = area_of_applicability(LINE, ["a", "b", "c"])
    with pytest.raises(TableError, match="with 1 features, those of the training points"):
        area.index(np.zeros((2, 3)))
    with pytest.raises(TableError, match=r"row 1 is not a finite number \(1 such rows\)"):
        area.index(column(1, np.nan, 2))
    assert area.index(np.empty((0, 1))).shape == (0,)


def test_an_area_is_read_as_it_was_written(tmp_path):
    area = area_of_applicability(made_points(), np.arange(300) % 6)
    write_area(area, tmp_path / "area.npz")
    read = read_area(tmp_path / "area.npz", 12)
    rows = made_points(40, seed=5)
    assert read.threshold == area.threshold and read.edge == area.edge == np.quantile(area.indices, 0.75)
    assert np.array_equal(read.index(rows), area.index(rows)) and area.edge < area.threshold


def test_a_file_that_holds_no_area_or_that_of_other_features_is_refused(tmp_path):
    write_area(area_of_applicability(LINE, ["a", "b", "c"]), tmp_path / "area.npz")
    with pytest.raises(TableError, match=r"area.npz: is of 1 features; expected 3, those that the model reads; rerun"):
        read_area(tmp_path / "area.npz", 3)
    for content in (b"", b"PK\x03\x04 no more", b"text"):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(TableError, match=r"broken.npz: is no area of applicability .*; rerun measure_area"):
            read_area(tmp_path / "broken.npz", 1)
    np.savez(tmp_path / "other.npz", mean=np.zeros(1))
    with pytest.raises(TableError, match="is no area of applicability"):
        read_area(tmp_path / "other.npz", 1)
