"""Roles come back from spans of days as they were, on every row."""

import numpy as np
import pandas as pd
import pytest

from loam.errors import LeakageError
from loam.protocols.spans import days_by_role, roles_in, rows_of_days, spans_of


@pytest.fixture
def rows():
    """Three stations; b has no row on the third and fourth day."""
    table = pd.DataFrame(
        {"station": np.repeat(["a", "b", "c"], 6), "date": np.tile(pd.date_range("2020-01-01", periods=6), 3)}
    )
    return table.drop(index=[8, 9]).reset_index(drop=True)


def test_neighbours_of_one_role_are_one_span_across_days_without_rows(rows):
    roles = np.where(rows["station"] == "a", "test", "training").astype(object)
    roles[[0, 1]] = "unused"
    spans = spans_of(rows, roles)
    assert spans.astype(str).values.tolist() == [
        ["a", "unused", "2020-01-01", "2020-01-02"], ["a", "test", "2020-01-03", "2020-01-06"],
        ["b", "training", "2020-01-01", "2020-01-06"], ["c", "training", "2020-01-01", "2020-01-06"],
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_any_roles_come_back_whatever_the_order_of_the_rows(rows, seed):
    generator = np.random.default_rng(seed)
    roles = generator.choice(["training", "validation", "test", "unused"], len(rows)).astype(object)
    order = generator.permutation(len(rows))
    spans = spans_of(rows.iloc[order], roles[order]).sample(frac=1, random_state=seed)
    assert roles_in(spans, rows, "here").tolist() == roles.tolist()
    days = days_by_role(rows, roles)
    for role in ("training", "validation", "test"):
        assert rows_of_days(days.get(role, {}), rows).tolist() == (roles == role).tolist()


def test_a_day_of_no_span_has_no_role(rows):
    spans = spans_of(rows, np.full(len(rows), "test", object))
    other = pd.DataFrame(
        {"station": ["a", "a", "z"], "date": pd.to_datetime(["2019-12-31", "2020-01-07", "2020-01-02"])}
    )
    assert roles_in(spans, other, "here").tolist() == ["", "", ""]
    assert not rows_of_days({}, rows).any()


def test_a_day_in_two_spans_is_named(rows):
    spans = spans_of(rows, np.full(len(rows), "training", object))
    both = pd.concat([spans, spans.iloc[[1]].assign(role="test", first_day=pd.Timestamp("2020-01-06"))])
    with pytest.raises(LeakageError, match="station b is both training and test on 2020-01-06"):
        roles_in(both, rows, "fold 1")
