"""A map that a server on this machine gives tile by tile; run as a program, it is fetched until someone kills it."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from affine import Affine
from memory_sources import CLAY, dataset, map_values
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.steps.fetch_maps import fetch_map
from loam.acquire.steps.fetched_parts import open_parts
from loam.acquire.http.retry import Policy
from loam.acquire.http.session import fetch
from loam.acquire.source import Source

GRID = GeoBox((160, 320), Affine(80, 0, 500000, 0, -80, 5200000), "EPSG:32755")  # 10 x 20 tiles of 16 pixels
ENTRY = dataset("soil_made_up", CLAY, kind="soil", form="maps")
REQUEST = {"dataset": "soil_made_up", "variable": "clay"}


class LoopbackMaps(Source):
    """Asks for each tile at the address of its folder."""

    back_end = "direct"
    tile = 16
    concurrent = 3

    def clients(self) -> dict[str, str]:
        return {"requests": "-"}

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        place = {"x": geobox.transform.c, "y": geobox.transform.f, "height": geobox.shape[0], "width": geobox.shape[1]}
        body = fetch(f"{self.access.folders['url']}/tile?{urlencode(place)}", policy=Policy(attempts=5, first_wait_s=0.01))
        return np.load(io.BytesIO(body))


def tile_of(query: dict[str, list[str]]) -> bytes:
    """What the server answers."""
    x, y, height, width = (float(query[name][0]) for name in ("x", "y", "height", "width"))
    geobox = GeoBox((int(height), int(width)), Affine(80, 0, x, 0, -80, y), "EPSG:32755")
    body = io.BytesIO()
    np.save(body, map_values(CLAY["clay"], geobox))
    return body.getvalue()


def fetch_from(url: str, path: Path) -> None:
    """Fetch the map."""
    fetch_map(LoopbackMaps(ENTRY, Access(folders={"url": url}), open_parts(path, REQUEST)), "clay", GRID, path, REQUEST)


if __name__ == "__main__":
    fetch_from(sys.argv[1], Path(sys.argv[2]))
