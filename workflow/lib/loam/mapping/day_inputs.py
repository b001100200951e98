"""What a job that maps a day reads its pixels from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loam.config.sections.mapping import MapInput
from loam.covariates.read.cube import Cube
from loam.covariates.read.derive import settings_of
from loam.raster.grid import Grid


def day_inputs(
    paths: Mapping[str, Any], values: Mapping[str, Any], inputs: Sequence[MapInput], grid: Grid
) -> tuple[Sequence[MapInput] | Cube, list[Path]]:
    """The covariate cube where the rule gives one, else ``inputs``, those of ``mapping.inputs``; and its files."""
    if not paths.get("static"):
        return inputs, [paths["grid"], *paths.get("rasters", [])]
    (static,) = paths["static"]
    cube = Cube(grid, static, paths["dynamic"], settings_of(values["covariates"]))
    return cube, [paths["grid"], *paths.get("rasters", []), static, *paths["dynamic"]]
