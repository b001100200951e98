"""The dissimilarity index of each held-out prediction: that of its row, to what its system learned from."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from loam.errors import TableError

LEARNED = {"source": "source", "target": "target", "none": "target", "transfer": "both", "both": "both"}
ROW = ["protocol", "fold", "station", "date"]


def with_dissimilarity(predictions: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Predictions with ``dissimilarity`` and ``inside_area``.

    A rival that reads no features (scenario ``none``) has the index of systems that learned from the target.

    Args:
        predictions: schema PREDICTIONS.
        tables: schema DISSIMILARITY, of each protocol.

    Returns:
        Schema MERGED, row by row as before.

    Raises:
        TableError: a row has no index, not even an unknown one.
    """
    key = [*ROW, "learned", "rows"]
    wanted = predictions.assign(learned=predictions["scenario"].map(LEARNED))
    merged = wanted.merge(pd.concat(tables, ignore_index=True), on=key, how="left", validate="m:1", indicator=True)
    if len(lost := merged[merged["_merge"] != "both"]):
        row = lost.iloc[0]
        raise TableError(
            f"no dissimilarity index of station {row['station']} on {row['date']:%Y-%m-%d} in fold {row['fold']} of "
            f"{row['protocol']} ({len(lost)} such predictions)", where=f"{row['model']} {row['scenario']}",
            fix="rerun measure_dissimilarity",
        )  # fmt: skip
    return merged.drop(columns=["learned", "_merge"])
