"""Reads the patches of a domain from the cube, by the reader that reads its single pixels, a few stations at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import numpy as np

from loam.covariates.features import Feature, FeatureSet
from loam.covariates.read.derive import DAILY, RowReader, Settings
from loam.covariates.read.tiles import fill_from_middle
from loam.samples.domains import Domain
from loam.samples.gaps import Filled, Gaps
from loam.samples.patches import PATCHES, PatchParts

log = logging.getLogger("loam")

NUMBERS_AT_ONCE = 16 * 2**20  # of a band, that are read together


def read_patches(
    domain: Domain, wanted: FeatureSet, days: np.ndarray, settings: Settings, gaps: Gaps
) -> PatchParts | None:
    """The patches of a domain, read as they are written; None where no model reads any, or its stations are no pixels.

    Args:
        domain: it.
        wanted: all that any model of the run reads.
        days: of the samples.
        settings: how covariates are derived.
        gaps: which gaps are filled.
    """
    if domain.around is None or not wanted.patch:
        return None
    bands = list({feature.series: feature for step in wanted.patch for feature in step}.values())
    moving, still = ([band for band in bands if (band.kind in DAILY) is daily] for daily in (True, False))
    read = FeatureSet(tuple(feature for step in wanted.patch for feature in step), ())
    parts = _parts(domain, wanted.size, moving, still, read, days, settings, gaps)
    names = ([band.series for band in part] for part in (moving, still))
    return PatchParts(wanted.size, *names, len(domain.about), len(days), parts)


def _parts(
    domain: Domain, size: int, moving: list[Feature], still: list[Feature], read: FeatureSet, days: np.ndarray,
    settings: Settings, gaps: Gaps,
) -> Iterator[tuple[np.ndarray, Mapping[str, np.ndarray]]]:  # fmt: skip
    """Positions of some stations and their patches; counts at last what took the middle pixel's value."""
    at_once = max(1, NUMBERS_AT_ONCE // (len(days) * size**2))
    dates = domain.moisture.index.get_level_values("date").to_numpy().astype("datetime64[D]")
    observed = np.arange(dates.min(), dates.max() + 1)
    filled = np.zeros(len(moving) + len(still), np.int64)
    for first in range(0, len(domain.order), at_once):
        own = domain.order[first : first + at_once]
        source, there = domain.around(domain.about.iloc[own], size)
        reader, pixel = RowReader(read, Filled(source, gaps), observed, settings), np.arange(there.sum())
        part = {
            "patch": np.full((len(own), len(days), size, size, len(moving)), np.nan, np.float32),
            "patch_static": np.full((len(own), size, size, len(still)), np.nan, np.float32),
        }
        for band, feature in enumerate(still):
            part["patch_static"][there, band] = reader.column(feature, np.zeros_like(pixel), pixel)
        for band, feature in enumerate(moving):
            begin, values = reader.series(feature, len(pixel))
            place = int((begin - days[0]).astype(int))
            by_pixel = np.moveaxis(part["patch"][..., band], 1, -1)  # a view [station, row, column, day]
            by_pixel[there, place : place + values.shape[1]] = values
        filled += np.concatenate([fill_from_middle(part[which]) for which in PATCHES])
        yield own, part
    for band, count in zip([*moving, *still], filled.tolist(), strict=True):
        pixels = len(domain.about) * (len(days) if band in moving else 1) * size**2
        log.info("%s: %.1f %% of the pixels of patches of %s have no value and take that of the station's own",
                 domain.name, 100 * count / pixels, band.series)  # fmt: skip
