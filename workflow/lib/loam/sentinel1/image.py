"""One polarisation of one product, ready to be read: amplitudes in, filtered backscatter of any window out."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from loam.config.sections.sentinel1 import Sentinel1, Speckle
from loam.errors import RasterError
from loam.io.archives import open_member, open_zip
from loam.sentinel1.annotation import Annotation
from loam.sentinel1.border import Border, Witness, find_border
from loam.sentinel1.calibration import Calibration, calibration_of
from loam.sentinel1.empty import Held, holds_anything, warn_of_losses
from loam.sentinel1.measurement import open_measurement
from loam.sentinel1.orbit import Orbit, choose_orbit
from loam.sentinel1.positions import Positions
from loam.sentinel1.product import Channel, Product, check_listed
from loam.sentinel1.speckle import PERCENTILE, improved_lee_sigma
from loam.sentinel1.terrain import Gathered, Terrain, gather

log = logging.getLogger("loam")

EVERY = 64  # lines between those that the 98th percentile is taken from
BORDER_FROM = {"vh": "vv", "hv": "hh"}  # the co-polarised image tells the border best


@dataclass(frozen=True)
class Image:
    """One polarisation of one product.

    Args:
        channel: its metadata.
        path: of the measurement, unpacked where the product is a zip.
        orbit: of the take.
        calibration: to sigma0.
        border: which part is good.
        speckle: settings of its filter.
        bright: intensity of the 98th percentile; infinite where no filter asks for it.
    """

    channel: Channel
    path: str
    orbit: Orbit
    calibration: Calibration
    border: Border
    speckle: Speckle
    bright: float

    @property
    def annotation(self) -> Annotation:
        """Of the channel."""
        return self.channel.annotation

    @cached_property
    def geometry(self) -> tuple[Any, ...]:
        """What positions in the image hang on; the same for all polarisations of a product."""
        own = self.annotation
        return (
            own.start, own.lines, own.samples, own.ground_range.time.tobytes(), own.ground_range.to_slant.tobytes(),
            self.orbit.positions.tobytes(),
        )  # fmt: skip

    def touches(self, positions: Positions | None, margin: float) -> bool:
        """Whether a piece of the map can lie in the image, or within ``margin`` lines and samples of it."""
        if positions is None:
            return False
        low, high, left, right = positions.bounds()
        return (
            high > -margin and low < self.annotation.lines + margin
            and right > -margin and left < self.annotation.samples + margin
        )  # fmt: skip

    def gather(self, positions: Positions, terrain: Terrain, parts: int, wanted: np.ndarray) -> Gathered | None:
        """What the sub-pixels of a piece of the map find here; None if the image does not reach it.

        Args:
            positions, terrain: of the piece.
            parts: sub-pixels a side of a pixel.
            wanted: which pixels to compute, bool [row, column].
        """
        low, high, _, _ = positions.bounds()
        lines, samples = self.annotation.lines, self.annotation.samples
        begin, end = max(int(np.floor(low)), 0), min(int(np.ceil(high)) + 1, lines)
        if begin >= end:
            return None
        first, last = (np.clip(side, 0, samples) for side in positions.reach(wanted, begin, end - begin))
        used = np.flatnonzero(last > first)
        if not len(used):
            return None
        margin = self.speckle.window // 2 if self.speckle.filter != "none" else 0
        first_line, last_line = max(begin + int(used[0]) - margin, 0), min(begin + int(used[-1]) + 1 + margin, lines)
        first_sample = max(int(first[used].min()) - margin, 0)
        last_sample = min(int(last[used].max()) + margin, samples)
        intensity = self.backscatter(first_line, last_line - first_line, first_sample, last_sample - first_sample)
        if self.speckle.filter == "lee_sigma":
            intensity = improved_lee_sigma(
                intensity, self.speckle.looks, self.bright, window=self.speckle.window,
                target=self.speckle.target, sigma=self.speckle.sigma,
                limits=tuple(
                    _framed(side - first_sample, begin - first_line, last_line - first_line) for side in (first, last)
                ),
            )  # fmt: skip
        return gather(positions, terrain, intensity, first_line, first_sample, (lines, samples), parts, wanted)

    def backscatter(self, first_line: int, lines: int, first_sample: int, samples: int) -> np.ndarray:
        """Sigma0 of a window, linear, before the speckle filter: float32 [line, sample]; NaN in the border."""
        with open_measurement(self.path, self.annotation) as measurement:
            amplitude = measurement.read(first_line, lines, first_sample, samples)
        intensity = self.calibration.calibrate(amplitude, first_line, first_sample)
        intensity[self.border.mask(first_line, lines, first_sample, samples)] = np.nan
        return intensity

    def noise_floor(self, positions: Positions, shape: tuple[int, int]) -> np.ndarray:
        """The backscatter that the noise looks like at the pixels [row, column] of a piece, at its middle height."""
        line, sample = positions.centre_places()
        line = np.clip(np.nan_to_num(line), 0, self.annotation.lines - 1)
        sample = np.clip(np.nan_to_num(sample), 0, self.annotation.samples - 1)
        return positions.spread(self.calibration.noise_equivalent(line, sample), shape)


def _framed(values: np.ndarray, before: int, length: int) -> np.ndarray:
    """``values`` of lines from the line ``before`` of a window of ``length`` lines on, cut to it; 0 elsewhere."""
    framed = np.zeros(length, np.int64)
    start = max(before, 0)
    own = values[start - before : length - before]
    framed[start : start + len(own)] = own
    return framed


def open_images(
    product: Product,
    polarisations: Sequence[str],
    settings: Sentinel1,
    orbits: Sequence[Path],
    folder: Path,
) -> list[Image]:
    """The images of those of ``polarisations`` that a product holds.

    Args:
        product: the product.
        polarisations: the wanted ones.
        settings: the config's section ``sentinel1``.
        orbits: orbit files at hand.
        folder: where measurements of a zip are unpacked.

    Raises:
        RasterError: a measurement or table is missing or broken, or no orbit covers the take.
    """
    speckle = settings.speckle
    check_listed(product.safe, polarisations)
    images: list[Image] = []
    orbit: Orbit | None = None  # of the take, so of all its polarisations
    paths: dict[str, str] = {}  # of measurements, by polarisation
    for polarisation in (each for each in polarisations if each in product.channels):
        channel = product.channel(polarisation)
        annotation = channel.annotation
        if channel.measurement is None:
            raise RasterError(
                f"has no measurement of {polarisation}", where=product.safe.path, expected="measurement/*.tiff",
                fix="fetch the product again",
            )  # fmt: skip
        orbit = orbit or choose_orbit(
            annotation.orbit, annotation.start, annotation.stop, files=orbits, prefer=settings.orbit,
            mission=product.mission, scene=product.name,
        )  # fmt: skip
        calibration = calibration_of(channel, thermal_noise=settings.thermal_noise)
        path = paths[polarisation] = _unpacked(product, channel.measurement, folder)
        if not holds_anything(path, annotation):
            log.warning("%s: %s holds no measured amplitude; left out", product.name, polarisation.upper())
            continue
        border = _border(product, channel, paths)
        if border.empty:
            log.warning("%s: %s is border altogether; left out", product.name, polarisation.upper())
            continue
        image = Image(channel, path, orbit, calibration, border, speckle, np.inf)
        if speckle.filter == "lee_sigma":
            image = Image(channel, path, orbit, calibration, border, speckle, _bright(image))
        images.append(image)
    warn_of_losses(product.name, [Held(each.channel.polarisation, each.path, each.annotation) for each in images])
    return images


def _border(product: Product, channel: Channel, paths: Mapping[str, str]) -> Border:
    """The border of a channel, told by its co-polarised image first, where that is at hand and of the same size."""
    annotation, own = channel.annotation, channel.polarisation
    size = annotation.lines, annotation.samples
    channels = [product.channels[name] for name in (BORDER_FROM.get(own, ""), own) if name in paths]
    with ExitStack() as stack:
        witnesses = [
            Witness(
                stack.enter_context(open_measurement(paths[each.polarisation], each.annotation)),
                calibration_of(each).noise if each.noise is not None else None,
            )
            for each in channels
            if (each.annotation.lines, each.annotation.samples) == size
        ]  # fmt: skip
        return find_border(*size, product.processor, witnesses)


def _bright(image: Image) -> float:
    """The 98th percentile of the image, from some of its lines."""
    lines, samples = image.annotation.lines, image.annotation.samples
    some = np.concatenate(
        [image.backscatter(line, 1, 0, samples) for line in range(min(EVERY, lines) // 2, lines, EVERY)]
    )
    some = some[np.isfinite(some)]
    return float(np.percentile(some, PERCENTILE)) if len(some) else np.inf


def _unpacked(product: Product, measurement: str, folder: Path) -> str:
    """The measurement as a file: windows of what is compressed in a zip could only be read from its beginning."""
    safe = product.safe
    if not safe.zipped:
        return measurement
    name = measurement.rsplit(f"/{safe.root}", 1)[-1]
    target = folder / f"{product.name}_{Path(name).name}"
    with (
        open_zip(safe.path, kind=RasterError) as archive,
        open_member(archive, safe.root + name, kind=RasterError, where=safe.where(name)) as packed,
        target.open("wb") as file,
    ):
        shutil.copyfileobj(packed, file, 2**22)
    return str(target)
