"""Which images a collection holds, by day, and the grid that they are kept on.

A collection is listed before anything is computed from it: the mean of no images has no bands, and says so as an error
that no user understands. The client's ``endTime`` keeps only images that end *before* it, so that the last day of a
month would be lost; a later one is asked for and the rest is left out here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyproj
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.earthengine.client import Client
from loam.acquire.source import Bounds
from loam.errors import AcquireError
from loam.raster.dateline import parts_of

# the code that Earth Engine gives MODIS's sinusoidal grid is in no register of CRSs (sphere of radius 6371007.181 m)
SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
UNREGISTERED = {"SR-ORG:6974": SINUSOIDAL, "SR-ORG:6842": SINUSOIDAL}
AFTER = timedelta(days=40)  # images may end so much later than the last day asked for


@dataclass(frozen=True)
class Listed:
    """An image of a collection.

    Args:
        id: of the image.
        start: time that it stands for, or begins at, UTC; None where it has none.
        properties: its properties.
        bands: band -> its entry (``grid``, ``dataType``).
        footprint: GeoJSON geometry, None where it has none.
        bytes: its size, None where it is not told.
    """

    id: str
    start: datetime | None
    properties: Mapping[str, Any] = field(default_factory=dict)
    bands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    footprint: Mapping[str, Any] | None = None
    bytes: int | None = None

    @property
    def name(self) -> str:
        """The last part of the id, the image's name in its collection."""
        return self.id.rsplit("/", 1)[-1]

    @property
    def day(self) -> date:
        """The day in UTC that it begins on."""
        if self.start is None:
            raise AcquireError("has no time", where=f"Earth Engine image {self.id}")
        return self.start.date()


@dataclass(frozen=True)
class Native:
    """The grid that a band is kept on.

    Args:
        geobox: CRS, transform and shape.
        crs: the CRS's code as Earth Engine calls it, where that is no EPSG code; else None.
    """

    geobox: GeoBox
    crs: str | None = None

    def cover(self, bounds: Bounds, spare: int = 1, *, where: str = "grid") -> Native:
        """The cells that cover ``bounds`` (degrees), with ``spare`` cells around.

        Raises:
            AcquireError: the grid does not reach there.
        """
        transformer = pyproj.Transformer.from_crs("EPSG:4326", self.geobox.crs.proj, always_xy=True)
        left, bottom, right, top = transformer.transform_bounds(*bounds, densify_pts=101)
        corners = [
            ~self.geobox.transform @ corner for corner in ((left, top), (left, bottom), (right, top), (right, bottom))
        ]
        cols, rows = (sorted(values) for values in zip(*corners, strict=True))
        height, width = self.geobox.shape
        col, last_col = max(0, _floor(cols[0]) - spare), min(width, _ceil(cols[-1]) + spare)
        row, last_row = max(0, _floor(rows[0]) - spare), min(height, _ceil(rows[-1]) + spare)
        if col >= last_col or row >= last_row:
            west, south, east, north = self.geobox.geographic_extent.boundingbox.bbox
            raise AcquireError(
                f"the data ({west:.2f}, {south:.2f}, {east:.2f}, {north:.2f}) do not reach the region", where=where,
                expected="data at " + ", ".join(f"{edge:.2f}" for edge in bounds), fix="choose another dataset",
            )  # fmt: skip
        return Native(self.geobox[row:last_row, col:last_col], self.crs)


def list_images(
    client: Client,
    collection: str,
    first: date | None = None,
    last: date | None = None,
    *,
    bounds: Bounds | None = None,
    properties: Sequence[str] = (),
    most: int | None = None,
) -> list[Listed]:
    """The images of ``collection``, oldest first.

    Args:
        client: the connection.
        collection: its id.
        first: only images that begin on this day (UTC) or later.
        last: only images that begin on this day or earlier.
        bounds: only images that touch this box, degrees.
        properties: more conditions, such as ``instrumentMode = "IW"``.
        most: so many are enough.

    Raises:
        CredentialError, AcquireError: as the client; also for an entry without id.
    """
    params: dict[str, Any] = {"parent": collection}
    if first is not None:
        params["startTime"] = _instant(first)
    if last is not None:
        params["endTime"] = _instant(last + timedelta(days=1) + AFTER)
    if bounds is not None:
        params["region"] = box(bounds)
    if properties:
        params["properties"] = list(properties)
    what = f"Earth Engine collection {collection}" + (f", {first} to {last}" if first and last else "")
    found = [_listed(entry, what) for entry in client.images(params, what, most=most)]
    if first is not None or last is not None:
        found = [image for image in found if (first or date.min) <= image.day <= (last or date.max)]
    return sorted(found, key=lambda image: (image.start or datetime.min.replace(tzinfo=UTC), image.id))


def get_image(client: Client, name: str) -> Listed:
    """One image by its id.

    Raises:
        CredentialError, AcquireError: as the client; also where there is no such image.
    """
    what = f"Earth Engine image {name}"
    return _listed(client.asset(name, what), what)


def native_grid(image: Listed, band: str) -> Native:
    """The grid that ``band`` of ``image`` is kept on.

    Raises:
        AcquireError: the image has no such band, or its grid cannot be understood.
    """
    where = f"Earth Engine image {image.id}"
    if band not in image.bands:
        raise AcquireError(f"has no band {band}", where=where, expected=f"one of {', '.join(image.bands) or 'none'}")
    grid = image.bands[band].get("grid") or {}
    affine, dimensions = grid.get("affineTransform") or {}, grid.get("dimensions") or {}
    code, wkt = grid.get("crsCode"), grid.get("crsWkt")
    try:
        names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
        transform = Affine(*(float(affine.get(name, 0.0)) for name in names))
        shape = int(dimensions["height"]), int(dimensions["width"])
        crs = pyproj.CRS.from_user_input(UNREGISTERED.get(code, code) or wkt)
        if transform.is_degenerate:
            raise ValueError("its pixels have no size")
    except (KeyError, TypeError, ValueError, pyproj.exceptions.CRSError) as error:
        raise AcquireError(f"band {band} has no grid that can be read ({error})", where=where) from error
    return Native(GeoBox(shape, transform, crs.to_wkt()), code if code in UNREGISTERED else None)


def box(bounds: Bounds) -> dict[str, Any]:
    """A box in degrees as a GeoJSON polygon; as two where it lies across the 180th meridian."""
    rings = [
        [[west, south], [east, south], [east, north], [west, north], [west, south]]
        for west, south, east, north in parts_of(bounds)
    ]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings}
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


def _listed(entry: Mapping[str, Any], what: str) -> Listed:
    name = entry.get("id") or str(entry.get("name") or "").removeprefix("projects/earthengine-public/assets/")
    if not name:
        raise AcquireError("an image without id is listed", where=what)
    start = entry.get("startTime")
    bands = {band["id"]: band for band in entry.get("bands") or [] if "id" in band}
    size = entry.get("sizeBytes")
    return Listed(
        name, datetime.fromisoformat(start).astimezone(UTC) if start else None, entry.get("properties") or {}, bands,
        entry.get("geometry"), int(size) if size else None,
    )  # fmt: skip


def _instant(day: date) -> str:
    return datetime.combine(day, time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _floor(value: float) -> int:
    return math.floor(value + 1e-6)


def _ceil(value: float) -> int:
    return math.ceil(value - 1e-6)
