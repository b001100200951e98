"""The covariates of the Murrumbidgee run: AWRA-L's water stores at the OzNet stations.

One CSV a store of the landscape model AWRA-L (Frost et al. 2018), mm of water: s0 in 0-10 cm, ss in 10-100 cm, sd in
1-6 m, written as the moisture of the probes is (``loam.probes.awra``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from loam.errors import TableError
from loam.io.numbers import refuse_impossible
from loam.probes.awra import read_series


def store_table(stores: Mapping[str, Path]) -> pd.DataFrame:
    """AWRA-L's stores as covariates: station, date, each store (mm), and its mean over the record, ``<store>_mean``.

    Args:
        stores: file of each store by the store's name; the same stations in each.

    Raises:
        TableError: a station is missing in a file.
    """
    series = {name: _store(path) for name, path in stores.items()}
    names = sorted(set().union(*series.values()))
    for name, frame in series.items():
        if absent := sorted(set(names) - set(frame)):
            raise TableError(f"station {', '.join(absent)} is missing", where=stores[name], expected="it in each store")
    columns = {name: frame[names].unstack() for name, frame in series.items()}
    table = pd.DataFrame(columns).rename_axis(["station", "date"]).dropna(how="all").reset_index()
    for name, frame in series.items():
        table[f"{name}_mean"] = table["station"].map(frame.mean())
    return table.sort_values(["station", "date"], ignore_index=True)


def _store(path: Path) -> pd.DataFrame:
    """A file of a store's series, whose numbers (mm) can all be: nothing after this looks at them before the mean."""
    frame = read_series(path)
    for station in frame:
        column = frame[station].reset_index(drop=True)
        refuse_impossible(column.set_axis(column.index + 2), path)
    return frame
