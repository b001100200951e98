"""A user's measurements shift the level of a map: near each by what it says of the error of the level there.

The residuals of all measurements up to a map's day, measured less predicted on the day of each, give the best linear
unbiased prediction of the level's error at every pixel (``loam.evaluation.level_field``), which is added to the map.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from loam.config.sections.mapping import MapInput
from loam.covariates.features import FeatureSet
from loam.covariates.read.cube import Cube
from loam.evaluation.level_field import LevelField
from loam.evaluation.level_model import LevelModel
from loam.mapping.clipping import CLIP, clipped
from loam.mapping.day_inputs import opened_day
from loam.mapping.engine import Engine
from loam.mapping.level_shift import LevelShift
from loam.mapping.probes_of_day import ProbesOfDay
from loam.mapping.trust import RangeCheck
from loam.raster.great_circle import distances
from loam.raster.grid import Grid, Tile, crs_of, project
from loam.training.ranges import read_range

log = logging.getLogger("loam")


def predict_measured(
    engine: Engine,
    features: FeatureSet,
    inputs: Sequence[MapInput] | Cube,
    measured: pd.DataFrame,
    grid: Grid,
    days: Collection[str],
    *,
    outside: str,
    day_boundary: str,
    probes: Callable[[str], ProbesOfDay | None],
) -> pd.DataFrame:
    """What the members say where and when something was measured.

    Args:
        engine: the members.
        features: what they read.
        inputs: the covariate cube, or the config's ``mapping.inputs``.
        measured: of ``read_measurements``.
        grid: of the map.
        days: whose covariates can be had, YYYY-MM-DD.
        outside: what becomes of pixels outside the range of the training data, as ``map_day`` has it.
        day_boundary: where the run's days begin.
        probes: gives what the probes of a day say, where the networks read it.

    Returns:
        Schema MEASURED, without the measurements of which nothing is predicted; these are counted in a warning.
    """
    predicted, check = np.full(len(measured), np.nan), RangeCheck(read_range(engine.card), features)
    at = measured["layer"].map({name: place for place, name in enumerate(engine.layers)}).to_numpy()
    for date, of_day in measured.groupby("date", sort=True):
        day = f"{date:%Y-%m-%d}"
        if day not in days:
            continue
        told = probes(day)
        with opened_day(inputs, features, day, grid, engine.card, day_boundary) as rasters:
            for (row, col), of_pixel in of_day.groupby(["row", "col"]):
                tile = Tile(int(row), int(col), 1, 1)
                read = rasters.read(tile)
                if len(read.pixel):
                    fed = clipped(read, check.low, check.high) if outside == CLIP else read
                    said = engine.predict(fed, told.at(grid, tile, read.pixel) if told else None)[0]
                    predicted[of_pixel.index] = said[0, at[of_pixel.index]]
    known = np.isfinite(predicted)
    if not known.all():
        lost = measured[~known]
        log.warning(
            "%d of %d measurements say nothing, because the map has no inputs there, or none of that day (after the "
            "last day that is mapped, or before the first that is read): first %s on %s", len(lost), len(measured),
            lost["name"].iloc[0], f"{lost['date'].iloc[0]:%Y-%m-%d}",
        )  # fmt: skip
    x, y = grid.centres_of(measured["row"].to_numpy(), measured["col"].to_numpy())
    longitude, latitude = project(x, y, crs_of(grid.geobox), "EPSG:4326")
    table = measured[["name", "date", "layer", "measured"]].assign(
        latitude=latitude, longitude=longitude, predicted=predicted
    )
    return table[known].reset_index(drop=True)


class MeasuredLevels(LevelShift):
    """What is added to the map of a day.

    Args:
        measured: schema MEASURED.
        fields: schema LEVEL_FIELDS.
        layers: names, in the map's order.
        day: of the map, YYYY-MM-DD; what was measured after it is not used.
    """

    def __init__(self, measured: pd.DataFrame, fields: pd.DataFrame, layers: Sequence[str], day: str) -> None:
        after = measured["date"] > pd.Timestamp(day)
        if after.any():
            log.info("%s: %d of %d measurements are of later days and not used", day, after.sum(), len(measured))
        super().__init__(len(layers), len(measured))
        self._layers = list(layers)
        self._parts: dict[str, tuple[LevelField, np.ndarray, np.ndarray, np.ndarray]] = {}
        for layer, rows in measured[~after].groupby("layer", sort=False):
            about = fields.set_index("layer").loc[layer]
            field = field_of(about.to_dict())
            latitude, longitude = rows["latitude"].to_numpy(float), rows["longitude"].to_numpy(float)
            among = distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])
            days = rows["date"].to_numpy("datetime64[D]").astype(int)
            residuals = (rows["measured"] - rows["predicted"]).to_numpy(float)
            weights = field.weights(days, residuals, among)
            self._parts[str(layer)] = field, latitude, longitude, weights
            shift = field.shift(weights, among)
            log.info("%s: %d measurements of %s shift the map by %+.3f to %+.3f m3 m-3 where they are, %s", day,
                     len(rows), layer, shift.min(), shift.max(), reach(field))  # fmt: skip

    def shift_at(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """As of ``LevelShift``."""
        found = np.zeros((len(latitude), len(self._layers)))
        for layer, (field, latitudes, longitudes, weights) in self._parts.items():
            away = distances(latitude[:, None], longitude[:, None], latitudes[None], longitudes[None])
            found[:, self._layers.index(layer)] = field.shift(weights, away)
        return found


def field_of(about: Mapping[str, float]) -> LevelField:
    """The field of a row of schema LEVEL_FIELDS."""
    model = LevelModel(*(float(about[name]) for name in ("between", "within", "share", "length")))
    return LevelField(model, float(about["range_km"]) if np.isfinite(about["range_km"]) else None)


def reach(field: LevelField) -> str:
    """How far a measurement says something, in words."""
    if field.range_km is None:
        return "and nowhere else: the levels of the probes' errors show no range"
    return f"less the farther, by 1 / e each {field.range_km:.3g} km"
