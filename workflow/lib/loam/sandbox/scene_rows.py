"""The synthetic scenes as rows of the run's list of scenes, as ``snakemake scenes`` leaves them for real ones.

The list follows from the region and the settings of the scenes alone, so that it holds for every seed; what the scenes
show, and how cloudy they are, follows from the world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from loam.acquire.scenes.scene_table import SCENES
from loam.config.sandbox import BACK_END
from loam.config.sections.sandbox import Scenes
from loam.errors import ConfigError
from loam.io.provenance import hash_of_values
from loam.raster.grid import crs_of, project
from loam.sandbox.optical.tile import BASELINE, RELATIVE_ORBIT, Sight, sights_of, tile_of
from loam.sandbox.radar.radar_orbit import MISSION, utc
from loam.sandbox.radar.radar_product import footprint
from loam.sandbox.radar.safe_manifest import PROCESSOR
from loam.sandbox.radar.takes import Take, takes_of

Scene = TypeVar("Scene")
COLUMNS = tuple(SCENES.columns)


def takes_and_sights(geobox: GeoBox, scenes: Scenes) -> tuple[list[Take], list[Sight]]:
    """The takes of Sentinel-1 and the sights of Sentinel-2 that the settings ask for, whatever the world's seed.

    Args:
        geobox: the region.
        scenes: of the config's section ``sandbox``.
    """
    region = [crs_of(geobox).to_string(), list(geobox.transform)[:6], list(geobox.shape)]
    takes: list[Take] = []
    sights: list[Sight] = []
    if radar := scenes.sentinel1:
        first, last = (date.fromisoformat(day) for day in radar.period)
        path = [radar.period[0], radar.incidence, radar.direction]
        takes = takes_of(
            geobox, first, last, incidence=radar.incidence, direction=radar.direction, every=radar.every,
            identity=hash_of_values([region, path]),
        )  # fmt: skip
    if optical := scenes.sentinel2:
        first, last = (date.fromisoformat(day) for day in optical.period)
        sights = sights_of(geobox, first, last, every=optical.every_days, identity=hash_of_values([region]))
    return takes, sights


def named_by(paths: Sequence[Path], scenes: Mapping[str, Scene]) -> dict[Path, Scene]:
    """The scene, of ``scenes`` by name, that each file is named by.

    Raises:
        ConfigError: the settings make no scene of such a name; the list of scenes is of other settings.
    """
    if unknown := [path.stem for path in paths if path.stem not in scenes]:
        raise ConfigError(
            f"scene {unknown[0]} is none that the settings make", where="the list of scenes",
            expected="the list that goes with sandbox.rows, columns, corner and scenes",
            fix="run `snakemake --cores 1 -F scenes` with this config first",
        )  # fmt: skip
    return {path: scenes[path.stem] for path in paths}


def scene_rows(geobox: GeoBox, takes: Sequence[Take], sights: Sequence[Sight]) -> pd.DataFrame:
    """Rows of the list of scenes, in its columns."""
    rows = [_radar(take) for take in takes] + [_optical(sight, geobox) for sight in sights]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _radar(take: Take) -> dict[str, Any]:
    return {
        "scene": take.name.product, "dataset": "sentinel1", "back_end": BACK_END, "platform": MISSION,
        "acquired": f"{utc(take.frame.start).astype('datetime64[ms]')}Z", "relative_orbit": take.name.relative_orbit,
        "direction": take.frame.seen.direction, "tile": "", "polarisations": "VV+VH", "cloud_cover": None,
        "version": PROCESSOR, "bytes": None, "checksum": "", "url": "", "footprint": _polygon(footprint(take.frame)),
    }  # fmt: skip


def _optical(sight: Sight, geobox: GeoBox) -> dict[str, Any]:
    _, tile = tile_of(geobox)
    rows, columns = tile.shape
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], float).T
    longitude, latitude = project(*(tile.transform @ corners), crs_of(tile), "EPSG:4326")
    return {
        "scene": sight.name, "dataset": "sentinel2", "back_end": BACK_END, "platform": sight.platform,
        "acquired": sight.time.isoformat(timespec="milliseconds") + "Z", "relative_orbit": RELATIVE_ORBIT,
        "direction": "descending", "tile": sight.tile, "polarisations": "", "cloud_cover": None,
        "version": BASELINE, "bytes": None, "checksum": "", "url": "",
        "footprint": _polygon(list(zip(longitude, latitude, strict=True))),
    }  # fmt: skip


def _polygon(corners: list[tuple[float, float]]) -> str:
    return f"POLYGON (({', '.join(f'{x:.5f} {y:.5f}' for x, y in [*corners, corners[0]])}))"
