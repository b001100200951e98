"""Random fields that are functions of place: a part of a field is the field's part, and its statistics are as said."""

import numpy as np
import pytest

from loam.sandbox.lattice import key_of, lattice_field, lattice_uniform

ROWS, COLS = np.mgrid[:400, :400]


@pytest.mark.parametrize("finer", [0, 3])
def test_fields_have_mean_0_and_variance_1_everywhere(finer):
    fields = np.stack([lattice_field(key_of(seed, "a"), ROWS, COLS, 10.0, finer) for seed in range(8)])
    assert fields.mean() == pytest.approx(0, abs=0.05)
    assert fields.std() == pytest.approx(1, abs=0.03)
    middle = fields[:, 5::10, 5::10]  # between the nodes of the coarsest lattice, where a plain blend varies least
    assert middle.std() == pytest.approx(1, abs=0.06)


def test_a_part_is_computed_as_the_whole_is():
    key = key_of(3, "clay")
    whole = lattice_field(key, ROWS, COLS, 37.0, 2)
    assert (lattice_field(key, ROWS[17:60, 200:333], COLS[17:60, 200:333], 37.0, 2) == whole[17:60, 200:333]).all()


def test_neighbours_are_alike_and_distant_pixels_are_not():
    fields = np.stack([lattice_field(key_of(seed, "b"), ROWS[:80, :80], COLS[:80, :80], 20.0) for seed in range(200)])

    def correlation(pixels):
        return np.corrcoef(fields[:, 30, 30], fields[:, 30, 30 + pixels])[0, 1]

    assert correlation(2) > 0.9
    assert abs(correlation(45)) < 0.2


def test_seed_purpose_and_level_make_other_fields():
    fields = [
        lattice_field(key_of(seed, name), ROWS, COLS, 5.0) for seed, name in ((1, "clay"), (2, "clay"), (1, "sand"))
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(fields[one].ravel(), fields[other].ravel())[0, 1]) < 0.05


def test_uniform_numbers_fill_the_unit_interval_evenly_on_both_sides_of_zero():
    numbers = lattice_uniform(key_of(0, "u"), ROWS - 200, COLS - 200)
    assert (numbers >= 0).all() and (numbers < 1).all()
    assert np.histogram(numbers, 10, (0, 1))[0] == pytest.approx(np.full(10, 16000), rel=0.05)
    assert len(np.unique(numbers)) > 159_990
