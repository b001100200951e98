"""Map a day tile by tile: moisture with its spread and intervals, and beside it how far each pixel may be trusted.

Tiles are read, computed and judged side by side by as many threads as the job has, and written in their order, so that
memory is bounded by the tile and the threads, whatever the region or the number of members.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loam.config.day_boundary import UTC_DAYS
from loam.config.map_bands import BOUNDS, OF_MEMBERS, STATISTICS, band_names
from loam.config.sections.mapping import MapInput
from loam.covariates.features import FeatureSet
from loam.covariates.read.cube import Cube
from loam.covariates.read.day import MapDay
from loam.io.in_order import in_order
from loam.io.progress import counted
from loam.mapping.clipping import CLIP, MASK, clipped
from loam.mapping.contents import ENCODED, FLAG
from loam.mapping.day_inputs import opened_day
from loam.mapping.engine import Engine
from loam.mapping.half_widths import HalfWidths
from loam.mapping.level_shift import LevelShift
from loam.mapping.pixel_trust import BANDS as TRUST_BANDS
from loam.mapping.pixel_trust import PixelTrust, trust_tags
from loam.mapping.pores import Pores
from loam.mapping.probes_of_day import ProbesOfDay
from loam.mapping.rival_map import RivalEngine
from loam.mapping.trust import RangeCheck
from loam.raster.cog import open_map
from loam.raster.grid import Grid, Tile
from loam.training.ranges import INSIDE, read_range
from loam.trust.dissimilarity import Area

log = logging.getLogger("loam")

DONE_OUTSIDE = {CLIP: ": their inputs were held at its edge", MASK: " and have no value", "extrapolate": ""}
HIGHEST = {False: "1 m3 m-3", True: "the porosity of the soil"}
TOLD_BESIDE = "how far off the map is: see the file .aux.xml beside it, accuracy.csv or the report of the run"


@dataclass(frozen=True)
class TileMap:
    """What is written of a tile.

    Args:
        pixel: positions of the pixels with a value, counted row by row [pixel].
        values: of the map's bands [pixel, band].
        land: positions of all land pixels [land].
        flags: of the bands of trust [land, band].
        mapped: pixels with every input.
        impossible: pixels with a value that became a bound.
        seconds: that each part of the work took.
    """

    pixel: np.ndarray
    values: np.ndarray
    land: np.ndarray
    flags: np.ndarray
    mapped: int
    impossible: int
    seconds: Counter[str]


@dataclass(frozen=True)
class DayMap:
    """How the tiles of a day are mapped; the arguments are those of ``map_day``."""

    engine: Engine | RivalEngine
    rasters: MapDay
    grid: Grid
    judged: PixelTrust
    outside: str
    half_widths: HalfWidths | None
    pores: Pores | None
    probes: ProbesOfDay | None
    levels: LevelShift | None

    def tile(self, tile: Tile) -> TileMap:
        """A tile's values and flags."""
        seconds: Counter[str] = Counter()
        check = self.judged.check
        with _timed(seconds, "reading"):
            read = self.rasters.read(tile)
        with _timed(seconds, "judging"):
            ranges = check.reasons(read)
            sides = check.side_of(ranges)
            held = self.outside == CLIP and (sides != INSIDE).any()
            fed = clipped(read, check.low, check.high) if held else read
        with _timed(seconds, "computing"):
            told = self.probes.at(self.grid, tile, read.pixel) if self.probes else None
            mean, deviation, beyond = self.engine.predict_checked(fed, told)
            if self.levels is not None:
                mean, left = self.levels.moved(self.grid, tile, read.pixel, mean)
                beyond = beyond | left
        known = self.pores is not None and self.pores.known
        highest = self.pores.at(read) if known else np.ones_like(mean)
        beyond = beyond | (mean > highest).any(axis=1)
        mean = np.minimum(mean, highest)
        kept = sides == INSIDE if self.outside == MASK else np.ones(len(sides), bool)
        with _timed(seconds, "judging"):
            index = self.judged.index(read)
            widths = self.half_widths.at(index) if self.half_widths else None
            widest = widths[0.9] if widths else np.full(len(self.engine.layers), np.nan)
            land, flags = self.judged.bands(tile, read, ranges, index, widest, deviation, beyond)
        values = [mean, deviation, *interval_ends(mean, widths, highest)]
        return TileMap(
            read.pixel[kept], np.concatenate(values, axis=1)[kept], land, flags, len(mean), int(beyond[kept].sum()),
            seconds,
        )  # fmt: skip


def map_day(
    engine: Engine | RivalEngine,
    features: FeatureSet,
    inputs: Sequence[MapInput] | Cube,
    day: str,
    grid: Grid,
    path: str | Path,
    trust: str | Path,
    tags: Mapping[str, object],
    *,
    outside: str = CLIP,
    encoding: str = "int16",
    half_widths: HalfWidths | None = None,
    pores: Pores | None = None,
    day_boundary: str = UTC_DAYS,
    probes: ProbesOfDay | None = None,
    levels: LevelShift | None = None,
    area: Area | None = None,
    threads: int = 1,
) -> None:
    """Map one day as a cloud-optimised GeoTIFF, bands of ``loam.config.map_bands``.

    A second one says of every land pixel how far it may be trusted, and why (``loam.mapping.pixel_trust``). No moisture
    and no end of an interval is below 0, or above the porosity of the soil where it is known, else above 1.

    Args:
        engine: the members, or a rival in their place, ready.
        features: what they read.
        inputs: the covariate cube, or the config's ``mapping.inputs``.
        day: YYYY-MM-DD.
        grid: where to map.
        path: of the map.
        trust: path of the second file.
        tags: to write into the files, beside the day, the number of members, the grid's hash and ``outside``.
        outside: what becomes of pixels whose inputs lie outside the range of the training data: ``clip`` (inputs are
            held at its edge), ``extrapolate`` (members read them as they are) or ``mask`` (no value).
        encoding: of the map, ``int16`` or ``float32``.
        half_widths: of the intervals; None for a map without.
        pores: porosity of the layers, where anything is known of it.
        day_boundary: where the run's days begin.
        probes: what the probes of the day say, where the networks read it.
        levels: what a user has measured, or what the probes of the day say of the error, which shifts the map.
        area: of applicability; None where it is not known.
        threads: tiles at a time.

    Raises:
        TableError: the model's card tells no range of the training data.
    """
    check = RangeCheck(read_range(engine.card), features)
    judged = PixelTrust(check, features, grid, area)
    bands = band_names(engine.layers, OF_MEMBERS if half_widths is None else STATISTICS)
    tags = {**tags, "day": day, "members": engine.members, "grid": grid.hash, "outside_training_range": outside}
    started, seconds = time.perf_counter(), Counter[str]()
    mapped = given = impossible = 0
    with (
        opened_day(inputs, features, day, grid, engine.card, day_boundary) as rasters,
        open_map(path, grid, bands, {**tags, "accuracy": TOLD_BESIDE}, ENCODED[encoding], threads) as output,
        open_map(trust, grid, TRUST_BANDS, {**tags, **trust_tags()}, FLAG, threads) as flags,
    ):
        work = DayMap(engine, rasters, grid, judged, outside, half_widths, pores, probes, levels)
        done = zip(grid.tiles, in_order(work.tile, grid.tiles, threads), strict=True)
        for tile, made in counted(done, "tiles", total=len(grid.tiles)):
            with _timed(seconds, "writing"):
                output.write(tile, made.pixel, made.values)
                flags.write(tile, made.land, made.flags)
            seconds += made.seconds
            mapped += made.mapped
            given += len(made.pixel)
            impossible += made.impossible
        rasters.log_missing()
    for band, count in zip(features.bands, engine.filled.tolist(), strict=True):
        share = 100 * count / max(mapped * len(features.patch) * features.size**2, 1)
        log.info("%.1f %% of the pixels of patches of %s have no value and take the middle one's", share, band.series)
    log.info(
        "%d pixels, %d members, %.1f s; seconds of %d thread(s): %s", mapped, engine.members,
        time.perf_counter() - started, threads, ", ".join(f"{part} {spent:.1f}" for part, spent in seconds.items()),
    )  # fmt: skip
    check.log_outside()
    judged.log_classes()
    if check.inside < mapped:
        strange = mapped - check.inside
        log.warning("%s: %d of %d pixels (%.1f %%) lie outside the range of the training data%s (trust.tif tells "
                    "which; mapping.outside)", day, strange, mapped, 100 * strange / mapped,
                    DONE_OUTSIDE[outside])  # fmt: skip
    if impossible:
        log.warning("%s: at %d of %d pixels (%.2f %%) a moisture below 0 or above %s became the bound", day, impossible,
                    given, 100 * impossible / given, HIGHEST[pores is not None and pores.known])  # fmt: skip


@contextmanager
def _timed(seconds: Counter[str], part: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    seconds[part] += time.perf_counter() - begun


def interval_ends(
    mean: np.ndarray, half_widths: Mapping[float, np.ndarray] | None, highest: np.ndarray
) -> list[np.ndarray]:
    """Lower and upper ends of the intervals around ``mean`` [pixel, layer], from 0 to ``highest``, likewise; in the
    order of ``BOUNDS``, NaN where nobody can tell how wide they are.
    """
    if half_widths is None:
        return []
    ends = [mean + side * half_widths[level] for level, side in BOUNDS.values()]
    return [np.clip(end, 0, highest).astype(np.float32) for end in ends]
