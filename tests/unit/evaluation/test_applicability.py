"""Each prediction has the index of its row to what its own system learned from."""

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.evaluation.applicability import with_dissimilarity
from loam.io.schemas import DISSIMILARITY, MERGED, PREDICTIONS

DAYS = pd.date_range("2021-01-01", periods=2)


def predictions(*systems):
    rows = [
        {"protocol": "leave_one_station_out", "size": 0, "draw": 1, "model": model, "scenario": scenario, "rows": rows,
         "fold": 1, "domain": "target", "station": "a", "date": day, "layer": layer, "observed": 0.3, "output": np.nan,
         "predicted": 0.2, "spread": np.nan, "lower": np.nan, "upper": np.nan}
        for model, scenario, rows in systems for day in DAYS for layer in ("surface", "subsurface")
    ]  # fmt: skip
    return PREDICTIONS.validate(pd.DataFrame(rows))


def table(**change):
    rows = [
        {"protocol": "leave_one_station_out", "fold": 1, "station": "a", "date": day, "learned": learned, "rows": rows,
         "dissimilarity": place + 10 * (rows == "all") + 0.1 * number, "inside_area": 1.0}
        for place, learned in enumerate(["source", "target", "both"]) for rows in ("training", "all")
        for number, day in enumerate(DAYS)
    ]  # fmt: skip
    return DISSIMILARITY.validate(pd.DataFrame(rows).assign(**change))


@pytest.mark.parametrize(
    ("scenario", "rows", "expected"),
    [("source", "training", 0), ("target", "training", 1), ("none", "all", 11), ("both", "all", 12),
     ("transfer", "training", 2)],
)  # fmt: skip
def test_the_index_is_that_of_what_the_system_learned_from(scenario, rows, expected):
    found = MERGED.validate(with_dissimilarity(predictions(("mlp", scenario, rows)), [table()]))
    assert found["dissimilarity"].tolist() == pytest.approx([expected, expected, expected + 0.1, expected + 0.1])


def test_rows_stay_in_their_order_and_an_unknown_index_stays_unknown():
    wanted = predictions(("mlp", "both", "all"), ("trees", "target", "all")).sample(frac=1, random_state=1)
    wanted = wanted.reset_index(drop=True)
    found = with_dissimilarity(wanted, [table(dissimilarity=np.nan, inside_area=np.nan)])
    pd.testing.assert_frame_equal(found[list(wanted.columns)], wanted)
    assert found["dissimilarity"].isna().all()


def test_a_prediction_of_a_row_without_an_index_is_refused():
    with pytest.raises(TableError, match=r"mlp both.*station a on 2021-01-02 in fold 1 of .*\(2 such predictions\)"):
        with_dissimilarity(predictions(("mlp", "both", "all")), [table()[lambda rows: rows["date"] == DAYS[0]]])
