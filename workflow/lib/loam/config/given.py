"""Files that a run is given, not made: those that are not there are gathered while jobs are planned, and said together.

Imported when the workflow is parsed: standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MADE = ("results/", "resources/")  # what rules make
GUIDE = "docs/how-to/get-the-real-data.md"


def there(path: str) -> bool:
    """Whether a file is there, or rules make it."""
    return path.startswith(MADE) or Path(path).exists()


class Given:
    """The given files that planned jobs read and that are not there.

    Args:
        planning: whether jobs are planned here, by the snakemake that was typed. In the process of a job, where nothing
            is gathered, a file that has gone is Snakemake's to miss.
    """

    def __init__(self, planning: bool) -> None:
        self.planning = planning
        self.missing: dict[str, str] = {}  # path: what it is

    def there(self, paths: str | Iterable[str], about: str | Mapping[str, str]) -> str | list[str]:
        """``paths`` without those that are not there, so that a dry run lists every job; one path stays one.

        Args:
            paths: as the config names them.
            about: what all of them are and where to get them, or that by path.
        """
        if isinstance(paths, str):
            return next(iter(self.there([paths], about)), [])
        found: list[str] = []
        for path in paths:
            if not self.planning or there(path):
                found.append(path)
            else:
                self.missing[path] = about if isinstance(about, str) else about.get(path, "")
        return found

    def lines(self, config: Mapping[str, Any]) -> list[str]:
        """A line for each missing file, and one that says where they are looked for."""
        lines = [f"{path}: is not there{f' ({about})' if about else ''}" for path, about in self.missing.items()]
        folder = config["data_dir"]
        if any(Path(path).is_relative_to(folder) for path in self.missing):
            lines.append(
                f"data_dir is '{folder}'; set it to the folder that holds the data (--config data_dir=/path/to/data); "
                "the default run, config/config.yaml, needs no data"
            )
        return lines


def block(run: str, lines: list[str]) -> str:
    """What lacks, as one text: a line of its own where it is one thing, else below a heading."""
    if len(lines) == 1:
        return lines[0]
    return "\n".join([f"run '{run}' cannot start yet; it lacks:", *(f"  {line}" for line in lines)])
