"""Score a map against the known moisture of its pixels, in all and by group, for worlds where moisture is known.

Groups are the true land cover, where the truth tells it, the two sides of the range of the training data, and those of
the area of applicability, where it is known. Where
the map leaves pixels outside that range without a value (``mapping.outside: mask``) there is nothing to score: they
are counted, as ``masked``, in every group that they belong to. Map,
truth and range are read block by block. Every pixel enters one accumulator, that of its layer, land cover and side of
the range: count, means, sums of squared deviations and of their products, which merge without loss (Chan, Golub and
LeVeque, 1983, Am. Stat. 37, 242; Welford, 1962). A group is the merger of accumulators, so memory is that of a block,
and the scores are those of ``loam.evaluation.metrics`` over all of a group's pixels at once.

Intervals are those of the map's bands, where it has them; and that of the members' spread, the normal one of 90 %, mean
+- 1.645 standard deviations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from rasterio.windows import Window

from loam.config.map_bands import OF_MEMBERS, band_names
from loam.door import Door
from loam.errors import RasterError, naming
from loam.evaluation.metrics import SINGLE_PRECISION
from loam.io.netcdf import open_netcdf
from loam.io.schemas import INTERVALS, MAP_SCORES
from loam.raster.bands import values_of_band
from loam.raster.cells import Cells, open_cells
from loam.raster.grid import geobox_of, open_raster, same_grid, tiles_of
from loam.training.ranges import INSIDE, NO_VALUE, OUTSIDE, RANGE_BAND

BLOCK = 512  # pixels a side
WIDTH_90 = 1.645  # standard deviations on either side of the mean that hold 90 % of a normal distribution
LANDCOVER = "landcover"  # the truth's variable
SIDES = {"inside": INSIDE, "outside": OUTSIDE}
INDEX, END = "dissimilarity", 100  # band of the index in percent, and where the area of applicability ends


@dataclass(frozen=True)
class Pair:
    """One layer's moisture at the pixels of a block where the map and the truth have a value, each [pixel].

    Args:
        layer: its name.
        observed: the truth, m3 m-3, float64.
        predicted: the map, likewise.
        std: standard deviation over the members, likewise; NaN with a single member.
        ends: lower and upper end of each interval of ``BOUNDS`` [end, pixel], likewise; NaN where the map has none.
        landcover: code of the true land cover, 0 where not known, uint8.
        side: ``INSIDE`` or ``OUTSIDE`` the range of the training data, uint8.
        area: ``INSIDE`` or ``OUTSIDE`` the area of applicability, ``NO_VALUE`` where it is not known, uint8.
        masked: code of the true land cover at the pixels with a truth that the map has masked, [masked pixel].
        masked_area: their side of the area, likewise.
    """

    layer: str
    observed: np.ndarray
    predicted: np.ndarray
    std: np.ndarray
    ends: np.ndarray
    landcover: np.ndarray
    side: np.ndarray
    area: np.ndarray
    masked: np.ndarray
    masked_area: np.ndarray


@dataclass(frozen=True)
class Moments:
    """What some pixels leave for the scores.

    Args:
        n: number of pixels.
        means: of observed, predicted, error, absolute error, standard deviation, whether the members' interval holds
            the truth, and of each interval of the map whether it does, and how wide it is.
        squares: sums of squared deviations from the mean of observed, predicted and error.
        product: sum of the products of the deviations of observed and predicted.
        low, high: least and greatest observed and predicted.
    """

    n: int
    means: np.ndarray
    squares: np.ndarray
    product: float
    low: np.ndarray
    high: np.ndarray

    def merged(self, other: Moments) -> Moments:
        """The moments of both sets of pixels together (Chan et al., 1983, eq. 2.1)."""
        n = self.n + other.n
        difference, weight = other.means - self.means, self.n * other.n / n
        return Moments(
            n,
            self.means + difference * (other.n / n),
            self.squares + other.squares + difference[:3] ** 2 * weight,
            self.product + other.product + difference[0] * difference[1] * weight,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def scores(self) -> dict[str, float]:
        """Scores of these pixels, by the names of the schema MAP_SCORES."""
        observed, predicted, bias, mae, std, held, *of_intervals = self.means.tolist()
        variances, covariance = self.squares / self.n, self.product / self.n
        varies = (self.high - self.low > SINGLE_PRECISION * np.maximum(np.abs(self.low), np.abs(self.high))).tolist()
        spread = np.sqrt(self.squares[0] * self.squares[1])
        agreement = variances[0] + variances[1] + (predicted - observed) ** 2
        return {
            "mae": mae,
            "rmse": float(np.sqrt(variances[2] + bias**2)),
            "ubrmse": float(np.sqrt(variances[2])) if self.n > 1 else np.nan,
            "bias": bias,
            "r": float(np.clip(self.product / spread, -1.0, 1.0)) if all(varies) else np.nan,
            "ccc": float(2 * covariance / agreement) if any(varies) else np.nan,
            "std_mean": std,
            "members_90": held,
            **dict(zip(INTERVALS, of_intervals, strict=True)),
        }


def moments_of(observed: np.ndarray, predicted: np.ndarray, std: np.ndarray, ends: np.ndarray) -> Moments:
    """The moments of some pixels, each [pixel], of ``ends`` [end, pixel], float64; at least one, none NaN but for
    ``std`` and ``ends``.
    """
    error = predicted - observed
    size = np.abs(error)
    held = np.where(np.isnan(std), np.nan, size <= WIDTH_90 * std)
    parts = [observed, predicted, error, size, std, held]
    for lower, upper in zip(ends[::2], ends[1::2], strict=True):
        width = upper - lower
        parts += [np.where(np.isnan(width), np.nan, (observed >= lower) & (observed <= upper)), width]
    means = np.array([part.mean() for part in parts])
    from_mean = [part - mean for part, mean in zip((observed, predicted, error), means[:3], strict=True)]
    return Moments(
        len(error), means, np.array([part @ part for part in from_mean]), float(from_mean[0] @ from_mean[1]),
        np.array([observed.min(), predicted.min()]), np.array([observed.max(), predicted.max()]),
    )  # fmt: skip


def score_map(
    map_path: str | Path, trust: str | Path, truth: str | Path, layers: Sequence[str], day: str, block: int = BLOCK
) -> pd.DataFrame:
    """Score every layer of a day's map.

    Args:
        map_path: GeoTIFF with the bands ``<layer>_mean`` and ``<layer>_std``, m3 m-3, and those of ``BOUNDS`` or none.
        trust: GeoTIFF with the band ``inside_training_range``.
        truth: netCDF, one variable a layer [time, y, x], in m3 m-3 or another unit of moisture that it names; where it
            has ``landcover`` [y, x], with CF ``flag_values`` and ``flag_meanings``, scores are also told by it.
        layers: their names.
        day: YYYY-MM-DD.
        block: pixels a side of what is read at once.

    Returns:
        Schema MAP_SCORES: for each layer, ``all``, then each land cover in the truth's order, then the ``inside`` and
        the ``outside`` of the range of the training data, and of the area of applicability where it is known of any
        pixel. ``n`` counts the pixels that are scored, ``masked`` those of
        the group that are not because the map has masked them. A group without a scored pixel has ``n`` 0 and no score.

    Raises:
        RasterError: the files have different grids, lack a layer, the day, the range of a pixel or the meaning of a
            land cover, or share no pixel.
    """
    found: dict[tuple[str, int, int, int], Moments] = {}
    masked: Counter[tuple[str, int, int]] = Counter()
    for pair in paired(map_path, trust, truth, layers, day, block):
        for number, count in zip(*np.unique(_label(pair.masked, pair.masked_area), return_counts=True), strict=True):
            masked[pair.layer, *divmod(int(number), 256)] += int(count)
        label = _label(_label(pair.landcover, pair.area), pair.side)
        for number in np.unique(label):
            own = label == number
            moments = moments_of(pair.observed[own], pair.predicted[own], pair.std[own], pair.ends[:, own])
            both, side = divmod(int(number), 256)
            key = (pair.layer, *divmod(both, 256), side)
            found[key] = found[key].merged(moments) if key in found else moments
    rows, landcovers = [], landcovers_of(truth)
    for layer in layers:
        own = {(cover, area, side): moments for (name, cover, area, side), moments in found.items() if name == layer}
        lost = {(cover, area): count for (name, cover, area), count in masked.items() if name == layer}
        if not own and not lost:
            raise RasterError(f"shares no pixel of '{layer}' with the truth", where=map_path)
        whole = sum(lost.values())
        rows.append(_row(layer, "all", "all", own.values(), whole))
        for name, code in landcovers.items():
            parts = (part for (cover, _, _), part in own.items() if cover == code)
            rows.append(
                _row(layer, "landcover", name, parts, sum(n for (cover, _), n in lost.items() if cover == code))
            )
        for name, value in SIDES.items():
            parts = (part for (_, _, side), part in own.items() if side == value)
            rows.append(_row(layer, "range", name, parts, whole if value == OUTSIDE else 0))
        if {area for _, area, _ in own} | {area for _, area in lost} <= {NO_VALUE}:
            continue
        for name, value in SIDES.items():
            parts = (part for (_, area, _), part in own.items() if area == value)
            rows.append(_row(layer, "area", name, parts, sum(n for (_, area), n in lost.items() if area == value)))
    return pd.DataFrame(rows, columns=list(MAP_SCORES.columns))


def paired(
    map_path: str | Path, trust: str | Path, truth: str | Path, layers: Sequence[str], day: str, block: int = BLOCK
) -> Iterator[Pair]:
    """Each layer of a map beside the truth of ``day``, block by block, where both have a value.

    Arguments and errors are those of ``score_map``.
    """
    wanted = date.fromisoformat(day)
    with ExitStack() as stack:
        mapped, ranged = (stack.enter_context(open_raster(path)) for path in (map_path, trust))
        known = stack.enter_context(open_cells(truth, layers))
        covered = stack.enter_context(open_cells(truth, [LANDCOVER])) if landcovers_of(truth) else None
        _check_grids(mapped, {trust: geobox_of(ranged), truth: known.geobox})
        if covered is not None:
            _check_grids(mapped, {truth: covered.geobox})
        bands = _bands(mapped, band_names(layers, OF_MEMBERS))
        side_band = _bands(ranged, [RANGE_BAND])[RANGE_BAND]
        doors = {layer: Door("sm_surface", known.units(layer), f"{truth}, variable {layer}") for layer in layers}
        for tile in tiles_of(known.geobox, block):
            rows, cols = slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)
            sides = ranged.read(side_band, window=tile.window)
            areas = _areas(ranged, tile.window)
            cover = _landcover(covered, wanted, rows, cols) if covered is not None else np.zeros(sides.shape, np.uint8)
            for layer in layers:
                mean, std, *ends = (
                    values_of_band(mapped, bands[name], tile.window)
                    if name in bands
                    else np.full_like(sides, np.nan, np.float32)
                    for name in band_names([layer])
                )
                true = doors[layer].pass_through(known.read(layer, wanted, rows, cols), wanted)
                both = np.isfinite(mean) & np.isfinite(true)
                if not np.isin(sides[both], (INSIDE, OUTSIDE)).all():
                    raise RasterError(
                        f"has no value at a pixel where {Path(map_path).name} has one", where=trust,
                        fix="map the day again: both files come from the same job",
                    )  # fmt: skip
                observed, predicted, spread, *held = (
                    field[both].astype(np.float64) for field in (true, mean, std, *ends)
                )
                masked = np.isnan(mean) & np.isfinite(true) & (sides == OUTSIDE)
                yield Pair(layer, observed, predicted, spread, np.stack(held), cover[both], sides[both], areas[both],
                           cover[masked], areas[masked])  # fmt: skip
        for door in doors.values():
            door.close(wanted)


def landcovers_of(truth: str | Path) -> dict[str, int]:
    """Codes of the truth's land covers by their names, in its order; none where it tells no land cover.

    Raises:
        RasterError: it tells land cover without saying what its codes mean.
    """
    with open_netcdf(truth, decode_times=False) as file:
        if LANDCOVER not in file:
            return {}
        described: Mapping[str, object] = file[LANDCOVER].attrs
        values = np.atleast_1d(described.get("flag_values", ())).tolist()
        names = str(described.get("flag_meanings", "")).split()
    if not names or len(values) != len(names):
        raise RasterError(
            f"variable '{LANDCOVER}' does not say what its codes mean", where=truth,
            expected="attributes flag_values and flag_meanings, as many values as words",
        )  # fmt: skip
    with naming(RasterError, f"flag_values of '{LANDCOVER}' are no codes", where=truth):
        return {name: int(value) for name, value in zip(names, values, strict=True)}


def _areas(trust: rasterio.DatasetReader, window: Window) -> np.ndarray:
    """Side of the area of applicability of the pixels of a window, ``NO_VALUE`` where nobody knows; uint8."""
    bands = {name: band for band, name in enumerate(trust.descriptions, start=1)}
    if INDEX not in bands:
        return np.full((int(window.height), int(window.width)), NO_VALUE, np.uint8)
    index = trust.read(bands[INDEX], window=window)
    return np.where(index == NO_VALUE, NO_VALUE, np.where(index > END, OUTSIDE, INSIDE)).astype(np.uint8)


def _label(code: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One number for each pair of codes below 256."""
    return code.astype(np.uint32) * 256 + second


def _landcover(covered: Cells, day: date, rows: slice, cols: slice) -> np.ndarray:
    codes = covered.read(LANDCOVER, day, rows, cols)
    return np.where(np.isfinite(codes), codes, 0).astype(np.uint8)


def _check_grids(mapped: rasterio.DatasetReader, others: Mapping[object, object]) -> None:
    for path, geobox in others.items():
        if not same_grid(geobox_of(mapped), geobox):
            raise RasterError("has another grid than the map", where=path, expected=f"the grid of {mapped.name}")


def _bands(dataset: rasterio.DatasetReader, names: Sequence[str]) -> dict[str, int]:
    bands = {name: band for band, name in enumerate(dataset.descriptions, start=1)}
    missing = [name for name in names if name not in bands]
    if missing:
        raise RasterError(
            f"has no band {', '.join(missing)}", where=dataset.name, expected=f"bands {', '.join(names)}",
            fix="map the day again",
        )  # fmt: skip
    return bands


def _row(layer: str, group: str, value: str, parts: Iterable[Moments], masked: int) -> dict[str, object]:
    total: Moments | None = None
    for part in parts:
        total = part if total is None else total.merged(part)
    row = {"layer": layer, "group": group, "value": value, "n": total.n if total else 0, "masked": masked}
    return row | (total.scores() if total else {})
