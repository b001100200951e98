"""Which day the files of ``mapping.inputs`` hold: no day is mapped from another day's raster. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from loam.config.covariates import days_of_steps
from loam.errors import ConfigError

KEY = "config key 'mapping.inputs'"
WITH_TIME = {".nc", ".nc4", ".cdf"}  # files that may hold many days; whether one does is seen when it is opened


def windows_of(item: Mapping[str, Any], features: Mapping[str, Any]) -> list[tuple[str, list[int]]]:
    """The daily features that a file serves, each with its first and last lag in days."""
    names = [item["feature"]] if isinstance(item["feature"], str) else item["feature"]
    lags = {daily["name"]: daily["lags"] for daily in features["daily"]}
    lags |= dict.fromkeys(features["sequence"]["variables"], days_of_steps(features["sequence"]))
    return [(name, lags[name]) for name in names if name in lags]


def check_days_held(inputs: Sequence[Mapping[str, Any]], features: Mapping[str, Any], days: Sequence[str]) -> None:
    """Raise a ConfigError where a file would serve a day that it does not hold.

    Args:
        inputs: the config's ``mapping.inputs``.
        features: the config's ``features``.
        days: to map, YYYY-MM-DD.
    """
    for item in inputs:
        daily, file, held = windows_of(item, features), item["file"], item.get("date")
        if held is not None:
            _check_held(item, daily, held, days)
        elif daily and "{date}" not in file and Path(file).suffix.lower() not in WITH_TIME:
            raise ConfigError(
                f"feature {daily[0][0]} changes daily, and {file} is one file for every day", where=KEY,
                expected="{date} in the file's name, or a netCDF with time",
                fix="where the file holds one day only, say which: `date: YYYY-MM-DD`",
            )  # fmt: skip


def check_units(inputs: Sequence[Mapping[str, Any]]) -> None:
    """Raise a ConfigError where units are listed and are not one for each feature of the file."""
    for item in inputs:
        unit, features = item.get("unit"), item["feature"]
        if isinstance(unit, list) and (isinstance(features, str) or len(unit) != len(features)):
            count = 1 if isinstance(features, str) else len(features)
            raise ConfigError(
                f"{item['file']} has {len(unit)} units for {count} features", where=KEY,
                expected="one unit for all features of the file, or one a feature in their order",
            )  # fmt: skip


def _check_held(
    item: Mapping[str, Any], daily: Sequence[tuple[str, list[int]]], held: str, days: Sequence[str]
) -> None:
    file = item["file"]
    if not daily:
        raise ConfigError(f"{file} has a date and serves no daily feature", where=KEY, fix="leave `date` out")
    if "{date}" in file:
        raise ConfigError(f"{file} has {{date}} in its name and a date", where=KEY, fix="leave one of the two out")
    known = date.fromisoformat(held)
    for name, (first, last) in daily:
        for day in days:
            for lag in range(first, last + 1):
                wanted = date.fromisoformat(day) - timedelta(days=lag)
                if wanted != known:
                    raise ConfigError(
                        f"{file} holds {known}, and a map of {day} reads {name} of {wanted}", where=KEY,
                        expected="{date} in the file's name, so that every day has its file",
                        fix=f"map {known + timedelta(days=first)} only, or name files of the other days",
                    )  # fmt: skip
