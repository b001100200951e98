"""Settings of a domain's probe files, as a config gives them."""

from __future__ import annotations

from pathlib import Path

from loam.config.read import checked
from loam.config.sections.probes import ProbeFiles


def probes_at(format: str = "ismn", path: str | Path = "files", **more: object) -> ProbeFiles:
    """The settings of a format; paths may be Paths."""
    given = {"format": format, "path": path, **more}
    return checked(ProbeFiles, {key: str(value) if isinstance(value, Path) else value for key, value in given.items()})
