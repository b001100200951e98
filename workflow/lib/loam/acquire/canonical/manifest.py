"""What is there, day by day, and why something is not: the table ``<stem>.manifest.csv`` beside each file.

Three absences are kept apart: not yet published (ask again later), a known gap (there will never be anything), and
failed (it should be there). Only the last stops a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa

from loam.acquire.catalogue import Gap
from loam.errors import AcquireError
from loam.io.tables import check_table, read_table, write_table

STATES = ("complete", "partial", "not_yet_published", "known_gap", "failed")
SUFFIX = ".manifest.csv"

# One row a day of a file of fields.
MANIFEST = pa.DataFrameSchema(
    {
        "date": pa.Column("datetime64[ns]", coerce=True, unique=True),
        "state": pa.Column(str, pa.Check.isin(STATES), coerce=True),
        "provisional": pa.Column(bool, coerce=True),
        "model_only": pa.Column(bool, coerce=True),
        "detail": pa.Column(str, coerce=True, nullable=True),
    },
    strict=True,
    checks=pa.Check(lambda frame: len(frame) > 0, error="has no row"),
)


def state_of_day(
    day: date,
    *,
    found: int,
    expected: int,
    published_until: date | None = None,
    known_gaps: Sequence[Gap] = (),
    provisional: bool = False,
    failure: str | None = None,
) -> dict[str, Any]:
    """The manifest's row of ``day``.

    A day with all its fields is complete, with some partial. One with none is not yet published if it lies after what
    the provider has published, a known gap if the catalogue says so, and else failed.

    Args:
        day: the day.
        found: fields that came.
        expected: fields of a complete day.
        published_until: the last day that the provider has published; None if unknown: then a day without any field
            that is no known gap counts as failed.
        known_gaps: the dataset's; those of effect ``model_only`` mark the day and take nothing from it.
        provisional: whether the provider will replace the day.
        failure: why the day could not be fetched, where that is known: it is failed then, whatever came.
    """
    gap = next((gap for gap in known_gaps if gap.effect == "missing" and gap.holds(day)), None)
    model = next((gap for gap in known_gaps if gap.effect == "model_only" and gap.holds(day)), None)
    details = [] if found == expected else [f"{found} of {expected} fields"]
    if failure is not None:
        state, details = "failed", [failure]
    elif found >= expected:
        state = "complete"
    elif found:
        state = "partial"
    elif gap is not None:
        state = "known_gap"
    elif published_until is not None and day > published_until:
        state, details = "not_yet_published", [f"published until {published_until.isoformat()}"]
    else:
        state = "failed"
        details.append("published, and no known gap" if published_until else "no known gap")
    details += [item.reason for item in (gap, model) if item is not None and state != "failed"]
    return {
        "date": pd.Timestamp(day),
        "state": state,
        "provisional": bool(provisional and found),
        "model_only": bool(model and found),
        "detail": "; ".join(details),
    }


def build_manifest(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The manifest of ``rows`` (of ``state_of_day``), by date."""
    frame = pd.DataFrame(list(rows), columns=list(MANIFEST.columns))
    frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[ns]")
    return check_table(frame.sort_values("date", ignore_index=True), MANIFEST, where="manifest")


def is_empty(frame: pd.DataFrame) -> bool:
    """Whether nothing at all is there: every day is a known gap or not yet published."""
    return bool(frame["state"].isin(["known_gap", "not_yet_published"]).all())


def check_manifest(frame: pd.DataFrame, where: object) -> None:
    """Raise an AcquireError if a day failed.

    Args:
        frame: a manifest, or several merged (with a column ``file``).
        where: the file, for the error.
    """
    failed = frame[frame["state"] == "failed"]
    if failed.empty:
        return
    files = failed.groupby("file", sort=True) if "file" in failed else [(None, failed)]
    texts = [f"{name}: {_days(rows)}" if name else _days(rows) for name, rows in files]
    details = list(dict.fromkeys(text for text in failed["detail"] if text))
    raise AcquireError(
        f"failed: {'; '.join(texts[:5])}{f' and {len(texts) - 5} files more' if len(texts) > 5 else ''}"
        + (f" ({'; '.join(details[:3])})" if details else ""),
        where=where, fix="run again; a day that the provider will never have belongs in the catalogue's known_gaps",
    )  # fmt: skip


def manifest_path(path: str | Path) -> Path:
    """The manifest beside a file: ``<stem>.manifest.csv``."""
    path = Path(path)
    return path if path.name.endswith(SUFFIX) else path.with_name(path.stem + SUFFIX)


def write_manifest(frame: pd.DataFrame, path: str | Path) -> None:
    """Write the manifest of the file ``path`` (or to ``path``, if it is a manifest's own) atomically."""
    write_table(frame, manifest_path(path), MANIFEST)


def read_manifest(path: str | Path) -> pd.DataFrame:
    """The manifest of the file ``path``, or at ``path``.

    Raises:
        TableError: it is missing or not a manifest.
    """
    frame = read_table(manifest_path(path), MANIFEST)
    return frame.assign(detail=frame["detail"].fillna(""))


def merge_manifests(paths: Iterable[str | Path]) -> pd.DataFrame:
    """All rows of several manifests, with a column ``file`` first: the path without ``.manifest.csv``."""
    frames = []
    for path in paths:
        frame = read_manifest(path)
        frame.insert(0, "file", str(manifest_path(path)).removesuffix(SUFFIX))
        frames.append(frame)
    if not frames:
        return pd.DataFrame(columns=["file", *MANIFEST.columns])
    return pd.concat(frames, ignore_index=True)


def _days(rows: pd.DataFrame) -> str:
    days = sorted(day.strftime("%Y-%m-%d") for day in rows["date"].dropna())
    if not days:
        return "the map"
    return ", ".join(days[:8]) + (f" and {len(days) - 8} days more" if len(days) > 8 else "")
