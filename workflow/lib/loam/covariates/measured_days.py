"""The days of a user's measurements on which a run can predict, and what it reads for that.

Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from loam.config.given import there
from loam.config.parts import origin
from loam.covariates.cube_plan import cube_months
from loam.covariates.read.day_files import files_of_day


def measured_days(config: Mapping[str, Any]) -> list[str]:
    """Days (YYYY-MM-DD), in order, up to the last that is mapped, of which the covariates can be had.

    What is no day, or no table, is told by the job that reads the whole file.

    Args:
        config: the run's.
    """
    mapping = config["mapping"]
    if not mapping["measurements"] or not mapping["dates"]:
        return []
    days = [day for day in _days_in(Path(mapping["measurements"])) if day <= max(mapping["dates"])]
    if origin(config, "target") == "cube":
        first, last = config["acquire"]["period"]["target"]
        return [day for day in days if first <= day <= last]
    return [day for day in days if all(map(there, files_of_day(mapping["inputs"], config["features"], day)))]


def measured_inputs(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ``rasters`` of these days, and the cube's ``months``, each once."""
    days = measured_days(config)
    rasters = [file for day in days for file in files_of_day(config["mapping"]["inputs"], config["features"], day)]
    months = [month for day in days for month in cube_months(config, day)]
    return {"rasters": list(dict.fromkeys(rasters)), "months": sorted(set(months))}


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
