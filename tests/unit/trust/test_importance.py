"""A feature is as important as it is at stations that the model has not seen."""

import numpy as np
import pytest

from loam.trust.importance import importance_by_trees, permutation_importance, weights_of

STATION = np.repeat(np.arange(8), 60)


def rows(seed=1):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(480, 4))
    features[:, 3] = STATION * 1.7 % 2.3  # of the station: tells nothing of others
    level = generator.normal(0, 0.3, 8)[STATION]
    return features, 0.3 + 0.1 * features[:, 0] + 0.03 * features[:, 1] + 0.1 * level


def test_the_rise_of_a_known_model_is_that_of_its_coefficient():
    features, _ = rows()
    observed = features @ [1.0, 0.5, 0, 0]
    found = permutation_importance(lambda changed, _: changed @ [1.0, 0.5, 0, 0], features, observed, STATION, seed=1)
    order = np.random.default_rng(1).permutation(480)
    change = np.abs(features[order] - features)
    expected = [np.sqrt((change[:, place] ** 2).reshape(8, 60).mean(1)).mean() for place in (0, 1)]
    np.testing.assert_allclose(found, [expected[0], 0.5 * expected[1], 0, 0], atol=1e-12)


def test_every_row_is_asked_of_the_model_that_has_not_seen_its_station():
    asked = []

    def predict(changed, position):
        asked.append((changed, position))
        return np.zeros(len(changed))

    features, observed = rows()
    assert (permutation_importance(predict, features, observed, STATION, seed=1) == 0).all()
    changed, position = (np.concatenate(parts) for parts in zip(*asked, strict=True))
    assert np.unique(position, return_counts=True)[1].tolist() == [5] * 480
    same = (changed == features[position]).sum(axis=1)
    assert (same >= 3).all(), "one feature at a time changes rows"


def test_trees_find_what_matters_elsewhere_and_not_what_only_names_stations():
    features, moisture = rows()
    found = importance_by_trees(features, moisture[:, None], STATION, seed=2**62)
    assert found.sum() == pytest.approx(1) and found.argmax() == 0
    assert found[0] > 0.6 and 0.02 < found[1] < found[0] and found[[2, 3]].max() < 0.03
    assert np.array_equal(found, importance_by_trees(features, moisture[:, None], STATION, seed=2**62))


def test_layers_count_alike_and_one_that_nobody_observed_not_at_all():
    features, moisture = rows()
    both = np.stack([moisture, 10 * features[:, 2], np.full(480, np.nan)], axis=1)
    found = importance_by_trees(features, both, STATION, seed=1)
    assert found[2] == pytest.approx(0.5, abs=0.05) and found[0] > 0.3


def test_where_nothing_matters_all_features_count_alike():
    features, _ = rows()
    assert (importance_by_trees(features, np.full((480, 1), 0.3), STATION, seed=1) == 0.25).all()
    assert (importance_by_trees(features, features[:, :1], np.zeros(480), seed=1) == 0.25).all(), "one station"


def test_squared_weights_follow_importance_and_none_is_far_below_the_greatest():
    assert (weights_of(np.array([0.5, 0.3, 0.01, 0])) ** 2).tolist() == pytest.approx([0.5, 0.3, 0.05, 0.05])
