"""Vectors of a table, spread to all samples."""

import numpy as np
import pytest

from loam.sentinel1.lookup import Rows, spread


def rows(*vectors, samples=100, zero_is_missing=False):
    line, pixel, value = zip(*vectors, strict=True)
    return spread(
        np.array(line, float), [np.array(nodes, float) for nodes in pixel], [np.array(v, float) for v in value],
        samples, zero_is_missing=zero_is_missing,
    )  # fmt: skip


def test_between_nodes_values_are_linear_and_beyond_them_held():
    values = rows((0, [10, 30, 90], [1.0, 3.0, 9.0])).values[0]
    np.testing.assert_allclose(values[10:91], np.arange(10, 91) / 10, rtol=1e-6)
    assert (values[:10] == 1).all() and (values[91:] == 9).all()


def test_vectors_with_unlike_pixels_agree_where_they_mean_the_same():
    table = rows((0, [0, 50, 99], [0.0, 50.0, 99.0]), (10, [0, 7, 63, 80, 99], [0.0, 7.0, 63.0, 80.0, 99.0]))
    np.testing.assert_allclose(table.values[0], table.values[1], atol=1e-5)


def test_zero_nodes_at_the_end_do_not_drag():
    values = rows((0, [0, 40, 80, 90, 99], [10.0, 10.0, 20.0, 0.0, 0.0]), zero_is_missing=True).values[0]
    assert values[60] == pytest.approx(15)
    assert (values[80:90] == 20).all()  # held up to the node without a value
    assert np.isnan(values[90:]).all()


def test_zero_nodes_at_the_beginning_and_in_the_middle_are_missing():
    values = rows((0, [0, 10, 20, 40, 50, 60], [0.0, 0, 5, 0, 0, 7]), zero_is_missing=True).values[0]
    assert np.isnan(values[:11]).all()
    assert (values[11:21] == 5).all()
    assert np.isnan(values[40:51]).all()
    assert np.isfinite(values[21:40]).all() and np.isfinite(values[51:]).all()


def test_a_single_zero_node_is_bridged_but_missing_itself():
    values = rows((0, [0, 20, 40], [4.0, 0.0, 8.0]), zero_is_missing=True).values[0]
    assert np.isnan(values[20])
    assert values[10] == pytest.approx(5)


def test_a_last_node_on_its_way_to_zero_has_no_value_either():
    """IPF 3.31 holds 1717, 1.4, 0, 0."""
    values = rows((0, [0, 40, 60, 80, 99], [1700.0, 1717.0, 1.4, 0.0, 0.0]), zero_is_missing=True).values[0]
    assert np.nanmin(values) == 1700
    assert np.isnan(values[60:]).all() and (values[41:60] == 1717).all()
    falling = rows((0, [0, 40, 60, 80], [1000.0, 600.0, 350.0, 200.0]), zero_is_missing=True).values[0]
    assert falling[80] == 200  # a table that falls by less is what it says


def test_a_vector_of_zeros_has_no_value():
    table = rows((0, [0, 99], [0.0, 0.0]), (10, [0, 99], [3.0, 3.0]), zero_is_missing=True)
    assert np.isnan(table.values[0]).all()
    np.testing.assert_array_equal(
        table.at(np.array([0.0, 5.0]), np.array([4.0, 50.0])), 3.0
    )  # from the row that has one


def test_between_rows_values_are_linear_and_beyond_them_held():
    table = rows((10, [0], [1.0]), (20, [0], [3.0]), (40, [0], [4.0]))
    line = np.array([0.0, 10, 15, 20, 30, 40, 400])
    np.testing.assert_allclose(table.at(line, np.zeros(7)), [1, 1, 2, 3, 3.5, 4, 4])


def test_a_vector_given_twice_counts_once():
    table = rows((0, [0], [1.0]), (10, [0], [2.0]), (10, [0], [9.0]), (20, [0], [3.0]))
    np.testing.assert_array_equal(table.line, [0, 10, 20])
    assert table.at(np.array(15.0), np.array(0.0)) == pytest.approx(2.5)


def test_one_row_serves_all_lines():
    table = Rows(np.zeros(1), np.array([[1.0, 2.0]], np.float32))
    np.testing.assert_array_equal(table.at(np.array([-5.0, 99.0]), np.array([0.4, 7.0])), [1, 2])
