"""Which files the probes of a domain are. Imported when the workflow is parsed: standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def files_of_domain(settings: Mapping[str, Any] | None, maps: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """The files behind ``path``, ``stations`` and ``description`` of a domain's settings, and of ``maps``.

    A folder gives all in it. A path that does not exist is given as it is, so that its absence is reported by its name;
    so is one that a rule makes (in ``results/`` or ``resources/``).
    """
    files: list[str] = []
    for key in ("path", "stations", "description"):
        if settings and (path := settings.get(key)):
            given = not path.startswith(("results/", "resources/")) and Path(path).is_dir()
            inside = sorted(str(file) for file in Path(path).rglob("*") if file.is_file()) if given else []
            files += inside or [path]
    files += [item["file"] for item in maps]
    return list(dict.fromkeys(files))


def files_of_format(probes: Mapping[str, Any], name: str) -> list[str]:
    """The files behind ``path`` of the domains whose probes are of a format, each once."""
    domains = [probes[domain] for domain in ("source", "target")]
    paths = [{"path": settings["path"]} for settings in domains if settings and settings["format"] == name]
    return list(dict.fromkeys(file for settings in paths for file in files_of_domain(settings)))
