"""Files that a day's map reads, months of the cube. Imported when the workflow is parsed: standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from loam.config.covariates import days_of_steps, reach_of


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
    windows.update(dict.fromkeys(features["sequence"]["variables"], days_of_steps(features["sequence"])))
    files: dict[str, None] = {}
    for item in inputs:
        names = [item["feature"]] if isinstance(item["feature"], str) else item["feature"]
        for start, end in [windows.get(name, [0, 0]) for name in names]:
            for lag in range(start, end + 1):
                files[file_of_day(item["file"], first - timedelta(days=lag))] = None
    return list(files)


def months_of_days(features: Mapping[str, Any], covariates: Mapping[str, Any], first: str, last: str) -> list[str]:
    """The months (``2022-08``) of the cube that days ``first`` to ``last`` (YYYY-MM-DD) read, oldest first."""
    day = date.fromisoformat(first) - timedelta(days=reach_of(features, covariates))
    end = date.fromisoformat(last)
    count = (end.year - day.year) * 12 + end.month - day.month + 1
    months = [divmod(day.year * 12 + day.month - 1 + step, 12) for step in range(count)]
    return [f"{year:04d}-{month + 1:02d}" for year, month in months]
