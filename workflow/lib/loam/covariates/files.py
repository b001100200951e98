"""Which files a day's map reads. Imported when the workflow is parsed: standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any


def file_of_day(template: str, day: date) -> str:
    """``template`` with ``{date}``, ``{year}`` and ``{month}`` (two digits) of ``day`` filled in."""
    return (
        template.replace("{date}", day.isoformat())
        .replace("{year}", f"{day.year:04d}")
        .replace("{month}", f"{day.month:02d}")
    )


def files_of_day(inputs: Sequence[Mapping[str, Any]], features: Mapping[str, Any], day: str) -> list[str]:
    """The files that a map of ``day`` (YYYY-MM-DD) reads, lagged days included, each once, in the config's order."""
    first = date.fromisoformat(day)
    windows = {item["name"]: item["lags"] for item in features["daily"]}
    windows.update(dict.fromkeys(features["sequence"]["variables"], features["sequence"]["lags"]))
    files: dict[str, None] = {}
    for item in inputs:
        names = [item["feature"]] if isinstance(item["feature"], str) else item["feature"]
        for start, end in [windows.get(name, [0, 0]) for name in names]:
            for lag in range(start, end + 1):
                files[file_of_day(item["file"], first - timedelta(days=lag))] = None
    return list(files)
