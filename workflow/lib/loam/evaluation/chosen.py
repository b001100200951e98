"""Which system makes the map, as ``loam.evaluation.best_system`` found it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loam.errors import TableError


def chosen_of(systems: Sequence[Mapping[str, Any]], path: Path | None) -> tuple[Mapping[str, Any], str | None]:
    """The system that makes the map, and why; it is the only one where nothing had to be chosen (no ``path``).

    Args:
        systems: that might map.
        path: of what ``choose_system`` found.

    Raises:
        TableError: the file names none of the systems.
    """
    if path is None:
        return systems[0], None
    found = json.loads(path.read_text(encoding="utf-8"))
    for system in systems:
        if (system["model"], system["scenario"]) == (found["model"], found["scenario"]):
            return system, str(found["why"])
    raise TableError(
        f"{found['model']} {found['scenario']} is none of the systems that can map",
        where=path,
        fix="rerun choose_model",
    )
