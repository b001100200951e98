"""What a job that maps a day reads its pixels from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from loam.config.sections.mapping import MapInput
from loam.covariates.features import FeatureSet
from loam.covariates.read.cube import Cube
from loam.covariates.read.day import MapDay, open_cube_day
from loam.covariates.read.derive import settings_of
from loam.covariates.read.rasters import open_day
from loam.raster.grid import Grid
from loam.training.ranges import read_range


def day_inputs(
    paths: Mapping[str, Any], values: Mapping[str, Any], inputs: Sequence[MapInput], grid: Grid
) -> tuple[Sequence[MapInput] | Cube, list[Path]]:
    """The covariate cube where the rule gives one, else ``inputs``, those of ``mapping.inputs``; and its files."""
    if not paths.get("static"):
        return inputs, [paths["grid"], *paths.get("rasters", [])]
    (static,) = paths["static"]
    cube = Cube(grid, static, paths["dynamic"], settings_of(values["covariates"]))
    return cube, [paths["grid"], *paths.get("rasters", []), static, *paths["dynamic"]]


def opened_day(
    inputs: Sequence[MapInput] | Cube,
    features: FeatureSet,
    day: str,
    grid: Grid,
    card: Mapping[str, Any],
    day_boundary: str,
) -> AbstractContextManager[MapDay]:
    """The inputs of a day, to be read tile by tile.

    Args:
        inputs: of ``day_inputs``.
        features: what is read.
        day: YYYY-MM-DD.
        grid: of the map.
        card: of what reads; the range of its training data tells the units of rasters that name none.
        day_boundary: where the run's days begin.
    """
    if isinstance(inputs, Cube):
        return open_cube_day(inputs, features, day)
    limits = read_range(card)
    trained = dict(zip(features.columns, zip(limits.minimum, limits.maximum, strict=True), strict=True))
    return open_day(inputs, features, day, grid, trained, day_boundary)
