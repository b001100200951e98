"""The end of the record is held out at one day for all stations; rows at random are spread evenly."""

import numpy as np
import pandas as pd
import pytest
from held_out import stations_of

from loam.errors import TableError


@pytest.fixture
def samples(make_samples):
    """100 days at a, the first 80 and 50 of them at b and c."""
    return make_samples({"a": 100, "b": 80, "c": 50})


def days(samples, roles, role):
    """First and last day, counted from 0, of a role."""
    held = (samples["date"][roles == role] - pd.Timestamp("2020-01-01")).dt.days
    return held.min(), held.max()


def test_the_last_quarter_is_tested_and_what_comes_before_it_validates(samples, draw):
    folds, (roles,) = draw(samples, "temporal", test_share=0.25, validation_share=0.15)
    assert days(samples, roles, "test") == (75, 99)
    assert days(samples, roles, "validation") == (60, 74)
    assert days(samples, roles, "training") == (0, 59)
    assert pd.Series(roles).value_counts().to_dict() == {
        "test": 25 + 5, "validation": 15 + 15, "training": 60 + 60 + 50,
    }  # fmt: skip
    assert len(folds) == 3 + 3 + 1  # spans: c has ended before the first day that validates


def test_shares_that_leave_a_part_without_a_day_are_refused(make_samples, draw):
    with pytest.raises(TableError, match="0.1 of 4 days is 0 days"):
        draw(make_samples({"a": 4}), "temporal", test_share=0.1, validation_share=0.5)


def test_a_station_is_tested_after_all_others_have_trained(samples, draw):
    folds, roles = draw(samples, "station_and_period", test_share=0.25)
    assert stations_of(folds, "test") == {1: ["a"], 2: ["b"]}  # c has no day in the last quarter
    for place, station in enumerate("ab"):
        own = samples["station"].to_numpy() == station
        assert days(samples, roles[place], "test")[0] == 75 and set(roles[place][own]) == {"test", "unused"}
        learned = np.isin(roles[place], ["training", "validation"])
        assert not (learned & own).any() and (samples["date"][learned] < "2020-03-16").all()
        late = ~own & (samples["date"] >= "2020-03-16").to_numpy()
        assert set(roles[place][late]) <= {"unused"}


def test_every_row_is_tested_once_and_every_part_is_as_large(samples, draw):
    _, roles = draw(samples, "random_rows", folds=5, validation_share=0.1)
    assert (roles == "test").sum(axis=1).tolist() == [46] * 5
    assert ((roles == "test").sum(axis=0) == 1).all()
    assert (roles == "validation").sum(axis=1).tolist() == [18] * 5  # a tenth of the other 184
    for fold in roles:
        assert set(samples["station"][fold == "test"]) == set("abc")


def test_the_table_of_random_rows_gives_every_row_its_role_again(samples, draw):
    folds, roles = draw(samples, "random_rows", folds=2, validation_share=0.1)
    held = folds[(folds["fold"] == 1) & (folds["role"] == "test")]
    inside = sum(
        ((samples["station"] == span.station) & samples["date"].between(span.first_day, span.last_day)).to_numpy()
        for span in held.itertuples()
    )
    assert inside.tolist() == (roles[0] == "test").astype(int).tolist()
