"""Run all members of a model over every pixel of a day: mean and standard deviation a layer.

The coarse, modelled moisture is the same for all pixels of a 9 km cell, and so is everything that a network computes
from it alone: the recurrent part, and, because the first dense layer is linear in what it reads, that layer's share of
it. A network that has ``of_cell(sequence)`` and ``of_pixel(static, cell)`` is asked for the first once a cell; one that
has not reads the cell's sequence at each pixel. Members are taken one at a time and summed
up as they come (Welford, 1962, Technometrics 4), so memory is bounded by the tile, whatever the region or the number
of members. Beside the map comes the file that says where it can be trusted (``loam.mapping.trust``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from loam.config.day_boundary import UTC_DAYS
from loam.config.map_bands import BOUNDS, OF_MEMBERS, STATISTICS, band_names
from loam.config.sections.mapping import MapInput
from loam.covariates.features import FeatureSet
from loam.covariates.read.cube import Cube
from loam.covariates.read.tiles import Around, TileInputs
from loam.io.progress import counted
from loam.mapping.clipping import clipped
from loam.mapping.contents import ENCODED, FLAG
from loam.mapping.day_inputs import opened_day
from loam.mapping.level_shift import LevelShift
from loam.mapping.pixel_trust import BANDS as TRUST_BANDS
from loam.mapping.pixel_trust import PixelTrust, trust_tags
from loam.mapping.pores import Pores
from loam.mapping.probes_of_day import ProbesOfDay, Told
from loam.mapping.rival_map import RivalEngine
from loam.mapping.trust import RangeCheck
from loam.raster.cog import open_map
from loam.raster.grid import Grid
from loam.training.card import Members
from loam.training.extras import DOMAIN, scaled_neighbours
from loam.training.networks import NO_PATCH
from loam.training.predict import bounded
from loam.training.ranges import INSIDE, read_range
from loam.training.scaling import scaled
from loam.trust.dissimilarity import Area

log = logging.getLogger("loam")

CLIP, MASK = "clip", "mask"  # what becomes of pixels outside the range of the training data, beside extrapolation
DONE_OUTSIDE = {CLIP: ": their inputs were held at its edge", MASK: " and have no value", "extrapolate": ""}
HIGHEST = {False: "1 m3 m-3", True: "the porosity of the soil"}
TOLD_BESIDE = "how far off the map is: see the file .aux.xml beside it, accuracy.csv or the report of the run"
FEATURES = 256  # numbers that a pixel reads, of which so many pixels at a time are
CHUNK = {"cpu": 4096, "cuda": 2**18}  # pixels at a time: on a processor, activations stay in its cache


class Engine:
    """The members of a model, ready to map.

    Args:
        members: their networks, weights and scalers.
        device: where to compute.
    """

    def __init__(self, members: Members, device: torch.device | str) -> None:
        self.device = torch.device(device)
        found = [members.network_of(place) for place in range(len(members))]
        self.networks = [network.to(device) for network, _ in found]
        self.members = len(found)
        self._scaler = [scaler for _, scaler in found]
        self.card, self.layers = members.card, list(members.card["layers"])
        static, steps, variables = members.card["shape"]
        self.extras = list(members.card.get("extras", []))
        patch_steps, _, bands = members.card.get("patch", NO_PATCH)
        sizes = [static - len(self.extras), steps * variables, patch_steps * bands]
        parts = members.scaler.parts
        of_each = [torch.from_numpy(part).to(device).split(sizes, 1) for part in parts]
        self._of_static = [part for part, _, _ in of_each]
        self._of_sequence = [sequence.unflatten(1, (steps, variables)) for _, sequence, _ in of_each]
        self._of_patch = [patch[:, None, None, None, :bands] for _, _, patch in of_each]
        self._reads_patches = bool(bands)
        self.filled = np.zeros(bands, np.int64)  # numbers of patches that are those of the middle pixel
        self._one_scaler = all(
            np.array_equal(part, np.broadcast_to(part[0], part.shape), equal_nan=True) for part in parts
        )
        self._unit = [member.get("unit", [1.0] * len(self.layers)) for member in members.card.get("members", [])]

    @property
    def reads_neighbours(self) -> bool:
        """Whether the networks read what the other probes of the day say."""
        return any(name != DOMAIN for name in self.extras)

    def predict(self, inputs: TileInputs, told: Told | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over the members, m3 m-3, each [pixel, layer], float32.

        ``told``: what the probes of the day say at each pixel (``ProbesOfDay.at``), where the networks read it; None:
        none reports.

        The mean is kept within 0 to 1; the standard deviation is that of the members' outputs as they are, so that
        members which all leave the possible do not seem to agree. It is that of a sample (divided by members - 1), NaN
        with a single member.
        """
        return self.predict_checked(inputs, told)[:2]

    @torch.inference_mode()
    def predict_checked(
        self, inputs: TileInputs, told: Told | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What ``predict`` gives, and at which pixels a layer's mean was below 0 or above 1 before it became the bound.

        Returns:
            Mean and standard deviation, each [pixel, layer], float32, and [pixel], bool.
        """
        static, cell, cells = (
            torch.as_tensor(part, device=self.device) for part in (inputs.static, inputs.cell, inputs.cells)
        )
        mean = torch.zeros(len(static), len(self.layers), dtype=torch.float64, device=self.device)
        squares = torch.zeros_like(mean)
        for place, network in enumerate(self.networks):
            sequence = self._scaled(cells, self._of_sequence, place)
            by_cell = self._of_cells(network, sequence)
            if place == 0 or not self._one_scaler:
                scaled = self._scaled(static, self._of_static, place)
            if place == 0 or not self._one_scaler or self.extras:
                read = self._with_extras(scaled, told, place)
            for part in self._chunks(len(static), inputs.around):
                patch = self._patch(inputs, part, place) if self._reads_patches else None
                output = self._of_pixels(network, read[part], by_cell[cell[part]], patch)
                difference = output - mean[part]
                mean[part] += difference / (place + 1)
                squares[part] += difference * (output - mean[part])
        std = (squares / (len(self.networks) - 1)).sqrt() if len(self.networks) > 1 else squares.fill_(torch.nan)
        impossible = ((mean < 0) | (mean > 1)).any(dim=1)
        return bounded(mean).float().cpu().numpy(), std.float().cpu().numpy(), impossible.cpu().numpy()

    def _scaled(self, values: Tensor, scaler: Sequence[Tensor], place: int) -> Tensor:
        return scaled(values.double(), *(part[self._scaler[place]] for part in scaler)).float()

    def _with_extras(self, scaled: Tensor, told: Told | None, place: int) -> Tensor:
        """Scaled static features, and what stands behind them: the target domain, and the other probes of the day."""
        parts = [scaled]
        if DOMAIN in self.extras:
            parts.append(scaled.new_ones(len(scaled), 1))
        if len(self.extras) > len(parts) - 1:
            value, count = told or (np.zeros((len(scaled), len(self.layers))),) * 2
            unit = np.array(self._unit[place])
            parts.append(torch.from_numpy(scaled_neighbours(value, count, unit)).to(scaled))
        return torch.cat(parts, 1) if len(parts) > 1 else scaled

    def _of_cells(self, network: nn.Module, sequence: Tensor) -> Tensor:
        """What pixels read of their cells: the network's ``of_cell``, or the scaled sequence itself."""
        if not hasattr(network, "of_cell") or self._reads_patches:
            return sequence
        return torch.cat([network.of_cell(sequence[part]) for part in self._chunks(len(sequence))])

    def _patch(self, inputs: TileInputs, part: slice, place: int) -> Tensor:
        """The scaled patches around some pixels."""
        found, filled = inputs.around.patches(inputs.pixel[part])
        self.filled += filled if place == 0 else 0
        return self._scaled(torch.as_tensor(found, device=self.device), self._of_patch, place)

    def _of_pixels(self, network: nn.Module, static: Tensor, of_cell: Tensor, patch: Tensor | None) -> Tensor:
        """A network's moisture [pixel, layer] from the pixels' own features and what they read of their cells."""
        if patch is not None:
            answer = network({"static": static, "sequence": of_cell, "patch": patch})
        elif hasattr(network, "of_cell"):
            answer = network.of_pixel(static, of_cell)
        else:
            answer = network({"static": static, "sequence": of_cell})
        return answer[:, -1, : len(self.layers)]

    def _chunks(self, count: int, around: Around | None = None) -> list[slice]:
        """Pixels at a time; fewer where each has a patch."""
        size = CHUNK[self.device.type]
        if around is not None:
            size = min(size, max(1, size * FEATURES // (around.values[0, 0].size * around.size**2)))
        return [slice(first, first + size) for first in range(0, max(count, 1), size)]


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
    half_widths: Mapping[float, np.ndarray] | None = None,
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
        half_widths: of the interval of each layer [layer], m3 m-3, by level of confidence; None for a map without.
        pores: porosity of the layers, where anything is known of it.
        day_boundary: where the run's days begin.
        probes: what the probes of the day say, where the networks read it.
        levels: what a user has measured, or what the probes of the day say of the error, which shifts the map.
        area: of applicability; None where it is not known.
        threads: to look the dissimilarity index up with.

    Raises:
        TableError: the model's card tells no range of the training data.
    """
    check = RangeCheck(read_range(engine.card), features)
    judged = PixelTrust(check, features, grid, area, threads)
    widest = np.asarray((half_widths or {}).get(0.9, [np.nan] * len(engine.layers)))
    bands = band_names(engine.layers, OF_MEMBERS if half_widths is None else STATISTICS)
    tags = {**tags, "day": day, "members": engine.members, "grid": grid.hash, "outside_training_range": outside}
    started, reading, computing, checking = time.perf_counter(), 0.0, 0.0, 0.0
    mapped = given = impossible = 0
    with (
        opened_day(inputs, features, day, grid, engine.card, day_boundary) as rasters,
        open_map(path, grid, bands, {**tags, "accuracy": TOLD_BESIDE}, ENCODED[encoding]) as output,
        open_map(trust, grid, TRUST_BANDS, {**tags, **trust_tags()}, FLAG) as flags,
    ):
        for tile in counted(grid.tiles, "tiles"):
            begun = time.perf_counter()
            read = rasters.read(tile)
            reading += time.perf_counter() - begun
            begun = time.perf_counter()
            ranges = check.reasons(read)
            sides = check.side_of(ranges)
            fed = clipped(read, check.low, check.high) if outside == CLIP and (sides != INSIDE).any() else read
            checking += time.perf_counter() - begun
            begun = time.perf_counter()
            told = probes.at(grid, tile, read.pixel) if probes else None
            mean, deviation, beyond = engine.predict_checked(fed, told)
            if levels is not None:
                mean, left = levels.moved(grid, tile, read.pixel, mean)
                beyond |= left
            computing += time.perf_counter() - begun
            highest = pores.at(read) if pores is not None and pores.known else np.ones_like(mean)
            beyond |= (mean > highest).any(axis=1)
            mean = np.minimum(mean, highest)
            kept = sides == INSIDE if outside == MASK else np.ones(len(sides), bool)
            values = [mean, deviation, *interval_ends(mean, half_widths, highest)]
            output.write(tile, read.pixel[kept], np.concatenate(values, axis=1)[kept])
            begun = time.perf_counter()
            flags.write(tile, *judged.bands(tile, read, ranges, widest, deviation, beyond))
            checking += time.perf_counter() - begun
            mapped += len(mean)
            given += int(kept.sum())
            impossible += int(beyond[kept].sum())
        rasters.log_missing()
    for band, count in zip(features.bands, engine.filled.tolist(), strict=True):
        share = 100 * count / max(mapped * len(features.patch) * features.size**2, 1)
        log.info("%.1f %% of the pixels of patches of %s have no value and take the middle one's", share, band.series)
    log.info(
        "%d pixels, %d members: reading %.1f s, computing %.1f s (%.0f pixels/s), range %.1f s, all %.1f s",
        mapped, engine.members, reading, computing, mapped / max(computing, 1e-9), checking,
        time.perf_counter() - started,
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
