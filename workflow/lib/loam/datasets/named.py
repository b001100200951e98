"""Which data sets with rules of their own a run names: those whose tables its samples come from.

The rules of ``yanco`` stand in ``workflow/rules/datasets/yanco.smk``, their scripts in ``workflow/scripts/datasets``,
and what these call in ``loam.datasets``. Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

RULES = Path(__file__).resolve().parents[3] / "rules" / "datasets"


def datasets_named(config: Mapping[str, Any]) -> list[str]:
    """The data sets that make a table of the run's samples: ``yanco`` makes ``.../yanco/source.parquet``, ``uscrn``
    ``.../uscrn.parquet`` in the run's results.
    """
    tables = [PurePosixPath(path) for path in (config["samples"]["source"], config["samples"]["target"]) if path]
    made = [path for path in tables if path.parts[:2] == ("results", config["run"])]
    known = sorted(path.stem for path in RULES.glob("*.smk"))
    return [name for name in known if any(name in (path.stem, path.parent.name) for path in made)]
