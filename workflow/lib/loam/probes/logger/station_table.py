"""The station table: where each probe is. Its rows decide which stations exist; a reading of another is refused."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.io.written_names import one_form
from loam.probes.logger.text_pieces import TextStyle, read_head, read_pieces
from loam.probes.readings import STATIONS
from loam.variables import variables

log = logging.getLogger("loam")

STYLE = TextStyle(delimiter=",", encoding="auto", names_lines=(1,), units_line=None, data_line=2)
NEEDED = ["station", "latitude", "longitude"]
NUMBERS = {"latitude": (-180.0, 180.0), "longitude": (-180.0, 180.0)} | {
    name: (variables()[name].low, variables()[name].high) for name in ("elevation", "bulk_density", "porosity")
}  # latitudes beyond 90 degrees are swapped longitudes, which ``loam.probes.station_facts`` tells
MISSING = {"", "na", "nan", "n/a", "null"}


def read_stations(path: Path) -> pd.DataFrame:
    """The table (CSV with commas and points) as schema STATIONS; columns that it does not know are left out.

    Raises:
        TableError: a column is missing, a name occurs twice, a number does not parse or cannot be.
    """
    if not path.is_file():
        raise TableError("no such file", where=path, fix="check key 'stations' of the probes in the config")
    known = list(STATIONS.columns)
    columns = read_head(path, STYLE).names
    for name in NEEDED:
        if name not in columns:
            raise TableError(
                f"no column '{name}'", where=f"{path}, line 1", expected=f"columns {', '.join(known)}",
                fix=f"only the first three are needed; {did_you_mean(name, columns)}",
            )  # fmt: skip
    used = [name for name in known if name in columns]
    for name in columns:
        if name in used and columns.count(name) > 1:
            raise TableError(f"column '{name}' is there twice", where=f"{path}, line 1", fix="delete one")
        if name and name not in used:
            log.warning("%s: column '%s' is not used; known are %s", path, name, ", ".join(known))
    pieces = list(read_pieces(path, STYLE, columns, used))
    frame = pd.DataFrame(
        {name: pd.Series([cell for piece in pieces for cell in piece.cells[name].to_pylist()], dtype="str")
         for name in used}
    )  # fmt: skip
    rows = np.concatenate([piece.lines for piece in pieces]) if pieces else np.array([], dtype=int)
    frame["station"] = [one_form(name) for name in frame["station"]]
    names = frame["station"]
    if (empty := (names == "").to_numpy()).any():
        raise TableError("a station has no name", where=f"{path}, line {rows[np.argmax(empty)]}")
    if (twice := names.duplicated().to_numpy()).any():
        name = names.iloc[int(np.argmax(twice))]
        first, second = rows[(names == name).to_numpy()][:2]
        raise TableError(
            f"station '{name}' is in lines {first} and {second}", where=path, expected="one row a station",
            fix="delete one, or rename it (with its files) if they are two places",
        )  # fmt: skip
    table = pd.DataFrame({"station": names})
    for name, limits in NUMBERS.items():
        table[name] = _numbers(frame[name], rows, limits, name, path) if name in frame else np.nan
    for name in ("landcover", "soil"):
        text_column = frame[name] if name in frame else pd.Series("", index=frame.index, dtype="str")
        table[name] = text_column.mask(text_column.str.lower().isin(MISSING)).astype("str")
    return STATIONS.validate(table[known].reset_index(drop=True))


def require_listed(found: Iterable[str], listed: Iterable[str], *, where: object, table: Path) -> None:
    """Refuse the first station of ``found`` that the station table does not have."""
    known = set(listed)
    for name in found:
        if name not in known:
            raise TableError(
                f"station '{name[:60]}' is not in {table}", where=where, fix=f"add its row; {did_you_mean(name, known)}"
                if known else "add its row",
            )  # fmt: skip


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of ``known``, whatever the case of the letters."""
    by_fold = {str(item).casefold(): str(item) for item in known}
    nearest = difflib.get_close_matches(name.casefold()[:200], by_fold, n=1, cutoff=0.0)
    return f"did you mean '{by_fold[nearest[0]][:60]}'?" if nearest else ""


def _numbers(column: pd.Series, rows: np.ndarray, limits: tuple[float, float], name: str, path: Path) -> np.ndarray:
    missing = column.str.lower().isin(MISSING).to_numpy()
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan).copy()
    values[missing] = np.nan
    low, high = limits
    bad = ~missing & ~((values >= low) & (values <= high))
    if name in NEEDED:
        bad |= missing
    if bad.any():
        row = int(np.argmax(bad))
        text = column.iloc[row]
        expected = "degrees (WGS 84)" if name in NEEDED else f"a number from {low:g} to {high:g}"
        raise TableError(
            f"{name} '{text[:60]}' of a station",
            where=f"{path}, line {rows[row]}",
            expected=f"{expected}, with a point",
        )
    return values
