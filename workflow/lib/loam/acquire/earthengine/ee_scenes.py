"""Sentinel-1 and Sentinel-2 as Earth Engine keeps them: which scenes there are, and their pixels.

Sentinel-1 is the calibrated, terrain-corrected backscatter of Google (no terrain flattening); its scenes keep the names
of the products. Sentinel-2 is level 2A with the offset of processing baseline 04.00 taken off (``HARMONIZED``).

Keys read from datasets.yaml, under ``earthengine``: ``collection``; ``properties``, conditions that all scenes meet.
Options (``acquire.sentinel1``, ``acquire.sentinel2``): ``relative_orbits``, ``direction``.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset
from loam.acquire.earthengine.client import Client, Connected, clients
from loam.acquire.earthengine.listing import Listed, get_image, list_images
from loam.acquire.earthengine.scene_pixels import write_sentinel1, write_sentinel2
from loam.acquire.http.retry import status_of
from loam.acquire.region import geobox_of_run
from loam.acquire.scenes.scene_table import in_form, meets, merge_scenes, no_scenes
from loam.acquire.source import Bounds, SceneSource
from loam.errors import AcquireError

log = logging.getLogger("loam")

POLARISATIONS = ("HH", "HV", "VH", "VV")


class EarthEngineScenes(Connected, SceneSource):
    """Scenes of a dataset from Earth Engine; signs in at the first question.

    Args:
        dataset: the entry of the catalogue.
        access: what the config says of reaching it, with the run's choice of scenes and its grid.
        client: an open connection, if there is one.
    """

    def __init__(self, dataset: Dataset, access: Access, client: Client | None = None) -> None:
        super().__init__(dataset, access)
        self.keys = dataset.back_end("earthengine")
        self._client, self._lock = client, threading.Lock()

    def clients(self) -> dict[str, str]:
        """Names and versions of the libraries that talk to the server."""
        return clients()

    def list_scenes(self, bounds: Bounds, first: date, last: date) -> pd.DataFrame:
        """The scenes that touch ``bounds`` from ``first`` to ``last``; of a take the newest processing.

        Listed month by month: a list is of one page size, and what is asked again after a failure stays small.
        """
        row_of = _sentinel1_row if self.dataset.kind == "sentinel1" else _sentinel2_row
        rows = []
        for start, end in _months(first, last):
            found = list_images(
                self.client, self.keys["collection"], start, end, bounds=bounds,
                properties=self.keys.get("properties", ()),
            )  # fmt: skip
            rows += [row_of(image, self.keys["collection"]) for image in found]
        frame = pd.DataFrame(rows)
        listed = len(frame)
        if listed:
            frame = in_form(frame.assign(dataset=self.dataset.name, back_end="earthengine").drop_duplicates("scene"))
            frame = frame[meets(frame, self.access.choice)]
        log.info("%s: %d scenes of %s, %d wanted", self.dataset.name, listed, self.keys["collection"], len(frame))
        return merge_scenes(no_scenes(), frame) if len(frame) else no_scenes()

    def fetch_scene(self, scene: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Fetch the scene's pixels to ``path``: for Sentinel-1 a GeoTIFF on the run's grid, for Sentinel-2 a STAC item
        (JSON) with a GeoTIFF a band beside it, on the tile's own 20 m pixels within the run's region.

        Raises:
            CredentialError: no credentials, or refused.
            AcquireError: the collection does not have the scene, or every pixel of it is missing.
        """
        geobox = geobox_of_run(self.access.grid)
        image = self._image(f"{self.keys['collection']}/{scene['scene']}")
        write = write_sentinel1 if self.dataset.kind == "sentinel1" else write_sentinel2
        return {"asset": image.id, **write(self.client, image, geobox, Path(path))}

    def _image(self, name: str) -> Listed:
        """The scene's entry, which has its grid and footprint."""
        try:
            return get_image(self.client, name)
        except AcquireError as error:
            if status_of(error) != 404:
                raise
            raise AcquireError(
                "the server does not have it", where=f"Earth Engine image {name}",
                fix="the provider may have processed it anew: run `snakemake scenes`",
            ) from error  # fmt: skip


def _sentinel1_row(image: Listed, collection: str) -> dict[str, Any]:
    properties = image.properties
    polarisations = [band for band in ("VV", "VH", "HH", "HV") if band in _polarisations(image)]
    version = properties.get("GRD_Post_Processing_software_version") or properties.get(
        "SLC_Processing_software_version"
    )
    return {
        **_row(image, collection),
        "platform": f"S1{properties['platform_number']}" if properties.get("platform_number") else image.name[:3],
        "relative_orbit": properties.get("relativeOrbitNumber_start"),
        "direction": str(properties.get("orbitProperties_pass", "")).lower(),
        "polarisations": "+".join(polarisations),
        "version": _processor(version),
    }


def _sentinel2_row(image: Listed, collection: str) -> dict[str, Any]:
    properties = image.properties
    platform = re.fullmatch(r"Sentinel-2([A-D])", str(properties.get("SPACECRAFT_NAME", "")))
    return {
        **_row(image, collection),
        "platform": f"S2{platform[1]}" if platform else "",
        "relative_orbit": properties.get("SENSING_ORBIT_NUMBER"),
        "direction": str(properties.get("SENSING_ORBIT_DIRECTION", "")).lower(),
        "tile": str(properties.get("MGRS_TILE", "")),
        "cloud_cover": properties.get("CLOUDY_PIXEL_PERCENTAGE"),
        "version": str(properties.get("PROCESSING_BASELINE", "")),
    }


def _row(image: Listed, collection: str) -> dict[str, Any]:
    return {
        "scene": image.name, "acquired": image.start, "bytes": image.bytes, "footprint": _polygon(image.footprint),
        "url": f"ee://{collection}/{image.name}",
    }  # fmt: skip


def _polarisations(image: Listed) -> list[str]:
    given = image.properties.get("transmitterReceiverPolarisation")
    return [str(one) for one in given] if isinstance(given, list) else [b for b in image.bands if b in POLARISATIONS]


def _processor(version: Any) -> str:
    """``3.61``, as text or number, as ``003.61``."""
    found = re.fullmatch(r"0*(\d+)\.(\d+)", str(version or ""))
    return f"{int(found[1]):03d}.{found[2]}" if found else ""


def _polygon(footprint: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A footprint as a polygon; Earth Engine gives Sentinel-1's as a closed line."""
    if footprint and footprint.get("type") in ("LinearRing", "LineString"):
        return {"type": "Polygon", "coordinates": [footprint["coordinates"]]}
    return footprint


def _months(first: date, last: date) -> list[tuple[date, date]]:
    """The period month by month: first and last day of each."""
    periods = pd.period_range(first, last, freq="M")
    return [(max(first, period.start_time.date()), min(last, period.end_time.date())) for period in periods]
