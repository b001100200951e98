"""What a source is told of the config: whom it asks as, where one's own files lie, on which day, for which scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from loam.acquire.file_spans import asked_on
from loam.acquire.own_files import folder_of
from loam.config.read import checked, picked
from loam.config.sections.acquire import Acquire, EarthEngine, Sentinel1Scenes, Sentinel2Scenes

CHOICES = {"sentinel1": Sentinel1Scenes, "sentinel2": Sentinel2Scenes}
Choice = Sentinel1Scenes | Sentinel2Scenes


@dataclass(frozen=True)
class Access:
    """How a run reaches its data.

    Args:
        earthengine: project and endpoint.
        folders: of each dataset that is read from local files (``acquire.local``).
        day_boundary: of the run's days, where grids of one's own are cut by them.
        asked_on: the day that an open month or year is asked on; None where none is.
        choice: which scenes, for a source of scenes.
        grid: ``bounds``, ``crs`` and ``resolution`` of the run's grid, for scenes that are cut to it.
    """

    earthengine: EarthEngine = field(default_factory=EarthEngine)
    folders: Mapping[str, str] = field(default_factory=dict)
    day_boundary: str | None = None
    asked_on: date | None = None
    choice: Choice | None = None
    grid: Mapping[str, Any] | None = None

    def on(self, state: str) -> Access:
        """The same, asking on the day of an open span, today for a provisional one.

        For a final one there is no day: nothing of it is provisional any more.
        """
        day = asked_on(state) or (datetime.now(UTC).date() if state == "provisional" else None)
        return replace(self, asked_on=day)

    def folder_of(self, dataset: str) -> Path:
        """The folder of a dataset's files.

        Raises:
            ConfigError: none is given, or it is not there.
        """
        return folder_of(self.folders, dataset)


def access_of(values: Mapping[str, Any], kind: str | None = None) -> Access:
    """What a job was given of the config: ``acquire``, and of scenes the choice ``kind`` and the grid."""
    acquire = picked(Acquire, values["acquire"])
    choice = {"choice": checked(CHOICES[kind], values[kind]), "grid": values["mapping"]["grid"]} if kind else {}
    return Access(acquire.earthengine, acquire.local, values.get("day_boundary"), **choice)
