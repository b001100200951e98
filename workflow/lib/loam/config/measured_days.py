"""The days of a user's measurements on which a run can predict. Read when the workflow is parsed: standard library."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from loam.config.parts import origin


def measured_days(config: Mapping[str, Any], there: Callable[[str], bool]) -> list[str]:
    """Days (YYYY-MM-DD), in order, up to the last that is mapped, of which the covariates can be had.

    What is no day, or no table, is told by the job that reads the whole file.

    Args:
        config: the run's.
        there: whether the rasters of a day are there, or made; asked where the target is not read from a cube.
    """
    mapping = config["mapping"]
    if not mapping["measurements"] or not mapping["dates"]:
        return []
    days = [day for day in _days_in(Path(mapping["measurements"])) if day <= max(mapping["dates"])]
    if origin(config, "target") == "cube":
        first, last = config["acquire"]["period"]["target"]
        return [day for day in days if first <= day <= last]
    return [day for day in days if there(day)]


def _days_in(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = {(row.get("date") or "").strip()[:10] for row in csv.DictReader(file, skipinitialspace=True)}
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    return sorted(cell for cell in cells if _is_day(cell))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
