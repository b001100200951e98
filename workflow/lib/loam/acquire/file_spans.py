"""The months and years that files of fields span, and how final each is on the day that it is asked on.

Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from loam.acquire.catalogue import Dataset


def as_of(config: Mapping[str, Any]) -> date:
    """The day the data are asked on: the config's, or today's in UTC."""
    text = config["acquire"]["as_of"]
    return datetime.now(UTC).date() if text == "today" else date.fromisoformat(text)


def spans(dataset: Dataset, first: date, last: date) -> list[str]:
    """The months (``2020-01``) or years (``2020``) from ``first`` to ``last``, no earlier than the record begins."""
    first = max(first, dataset.start)
    if first > last:
        return []
    if dataset.period == "year":
        return [f"{year:04d}" for year in range(first.year, last.year + 1)]
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    months = [divmod(first.year * 12 + first.month - 1 + step, 12) for step in range(count)]
    return [f"{year:04d}-{month + 1:02d}" for year, month in months]


def days_of(span: str) -> list[date]:
    """All days of a month (``2020-02``) or year (``2020``)."""
    year, *month = (int(part) for part in span.split("-"))
    first = date(year, *(month or [1]), 1)
    after = date(year + 1, 1, 1) if not month or month[0] == 12 else date(year, month[0] + 1, 1)
    return [first + timedelta(days=step) for step in range((after - first).days)]


def state_of(dataset: Dataset, span: str, on: date) -> str:
    """``final``, ``provisional`` or ``open <day>`` of a month or year, as it stands on the day ``on``."""
    last = days_of(span)[-1]
    if on > last + timedelta(days=max(dataset.final_days, dataset.latency_days)):
        return "final"
    if on > last + timedelta(days=dataset.latency_days):
        return "provisional"
    return f"open {on.isoformat()}"


def asked_on(state: str) -> date | None:
    """The day that an open month or year is asked on; None for a closed one."""
    return date.fromisoformat(state.removeprefix("open ")) if state.startswith("open ") else None


def state_with_late_days(dataset: Dataset, span: str, on: date, manifest: str | Path) -> str:
    """``state_of``, but still ``open <day>`` where the manifest on disk has days that were not yet published.

    A provider that is later than usual is asked again each day, and a month never closes without its last days.
    """
    state = state_of(dataset, span, on)
    if state.startswith("open ") or not Path(manifest).is_file():
        return state
    with Path(manifest).open(encoding="utf-8", newline="") as file:
        late = any(row.get("state") == "not_yet_published" for row in csv.DictReader(file))
    return f"open {on.isoformat()}" if late else state
