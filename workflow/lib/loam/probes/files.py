"""Which files the probes of a domain are. Imported when the workflow is parsed: standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def files_of_domain(settings: Mapping[str, Any] | None) -> list[str]:
    """The files behind ``path``, ``stations`` and ``description`` of a domain's settings; a folder gives all in it.

    A path that does not exist is given as it is, so that its absence is reported by its name.
    """
    files: list[str] = []
    for key in ("path", "stations", "description"):
        if settings and (path := settings.get(key)):
            inside = sorted(str(file) for file in Path(path).rglob("*") if file.is_file()) if Path(path).is_dir() else []
            files += inside or [path]
    return list(dict.fromkeys(files))
