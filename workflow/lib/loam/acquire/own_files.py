"""What lies in a folder of grids that users hold, by name, size and time of change: another file is another request.

Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from loam.errors import ConfigError
from loam.io.provenance import hash_of_values


def looks_of(folder: Path) -> str:
    """A hash of the names, sizes and times (ns) of all files in a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]
    return hash_of_values(
        [[str(path), path.stat().st_size, path.stat().st_mtime_ns] if path.exists() else str(path) for path in found]
    )


def folder_of(folders: Mapping[str, str], dataset: str) -> Path:
    """The folder of a dataset's files, of those that the config's ``acquire.local`` names.

    Raises:
        ConfigError: none is given, or it is not there.
    """
    key = f"config key 'acquire.local.{dataset}'"
    if not folders.get(dataset):
        raise ConfigError(
            "no folder is given", where=key, fix="name the folder of your files (reference/local-files.md)"
        )
    folder = Path(folders[dataset]).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", where=key)
    return folder


def own_files(config: Mapping[str, Any], wildcards: Any) -> dict[str, str]:
    """For the values of a job that reads such a folder, so that it runs again when a file there changes; else nothing.

    Args:
        config: the run's.
        wildcards: of the job: dataset and back_end.
    """
    folder = config["acquire"]["local"].get(wildcards.dataset)
    return {"files": _looks(folder)} if wildcards.back_end == "local" and folder else {}


@cache
def _looks(folder: str) -> str:
    """``looks_of``, once for all jobs that are planned."""
    return looks_of(Path(folder).expanduser())
