"""Masks that products before processing baseline 04.00 carry as polygons (GML, the EOP mask schema).

``MSK_DEFECT``, ``MSK_NODATA``, ``MSK_SATURA`` and ``MSK_TECQUA`` stand beside each band, ``MSK_CLOUDS`` beside the
tile. Coordinates are easting and northing of the tile's UTM zone.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
from affine import Affine
from rasterio.features import rasterize

from loam.errors import RasterError
from loam.sentinel2.tile_pass import Polygons

HARMLESS = ("ANC_", "PARTIALLY_CORRECTED", "CROSSTALK")  # ancillary packets, and pixels that were mended


def read_polygons(text: bytes, where: object) -> Polygons:
    """Polygons of a GML mask whose kind spoils the pixel; none for a mask without members.

    Args:
        text: the file's bytes.
        where: the file, for messages.

    Raises:
        RasterError: not XML, or a ring that is no list of coordinate pairs.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise RasterError(
            f"cannot be read as a mask ({error})", where=where, expected="GML", fix="fetch it again"
        ) from None
    areas = []
    for member in _all(root, "MaskFeature"):
        kind = next((element.text or "" for element in _all(member, "maskType")), "")
        if any(word in kind for word in HARMLESS):
            continue
        for polygon in _all(member, "Polygon"):
            rings = [_ring(ring, where) for side in ("exterior", "interior") for ring in _all(polygon, side)]
            if rings:
                areas.append(tuple(rings))
    return Polygons(tuple(areas))


def joined(*parts: Polygons) -> Polygons:
    """The polygons of all ``parts``."""
    return Polygons(tuple(area for part in parts for area in part.rings))


def inside(polygons: Polygons, transform: Affine, shape: tuple[int, int], *, touched: bool) -> np.ndarray:
    """Pixels that lie in a polygon: bool [row, column].

    Args:
        polygons: the areas.
        transform: of the pixels, in the polygons' CRS.
        shape: rows and columns.
        touched: whether a pixel that a polygon only touches counts; else its centre must lie inside.
    """
    west, north = transform @ (0, 0)
    east, south = transform @ shape[::-1]
    near = [
        {"type": "Polygon", "coordinates": [ring.tolist() for ring in rings]}
        for rings in polygons.rings
        if (rings[0].min(0) < (east, north)).all() and (rings[0].max(0) > (west, south)).all()
    ]
    if not near:
        return np.zeros(shape, bool)
    return rasterize(near, shape, transform=transform, all_touched=touched, dtype="uint8").astype(bool)


def _all(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in element.iter() if child.tag.rpartition("}")[2] == name]


def _ring(element: ElementTree.Element, where: object) -> np.ndarray:
    try:
        positions = next(child for child in element.iter() if child.tag.rpartition("}")[2] == "posList")
        size = int(positions.get("srsDimension", "2"))
        return np.array((positions.text or "").split(), float).reshape(-1, size)[:, :2]
    except (StopIteration, ValueError):
        raise RasterError(
            "a ring without coordinate pairs", where=where, expected="gml:posList", fix="fetch it again"
        ) from None
