"""Pixels of an expression on a grid, in requests that Earth Engine takes, and smaller ones where it still does not.

A request may be of 48 MiB uncompressed, where each value counts a byte more for its mask, of 32 K pixels a side and of
1,024 bands; what an expression needs besides (memory, time) shows only when it is asked. A block that is too large is
halved along its longer side, and its halves again, down to ``FLOOR`` pixels a side.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import ee
import numpy as np
from odc.geo.geobox import GeoBox

from loam.acquire.earthengine.client import Client
from loam.acquire.earthengine.failures import TooLargeError
from loam.acquire.http.content import HEAD, NPY, describe
from loam.acquire.http.retry import Failed
from loam.errors import AcquireError

log = logging.getLogger("loam")

LIMIT = 48_000_000  # bytes a request
SIDE = 32_000  # pixels a side
BANDS = 1_000  # bands a request
FLOOR = 64  # pixels a side that are not halved further

CASTS = {"float32": "toFloat", "int16": "toInt16", "uint8": "toByte", "uint16": "toUint16"}


@dataclass(frozen=True)
class Block:
    """Rows, columns and bands that one request asks for."""

    rows: slice
    cols: slice
    bands: slice

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, height, width."""
        return tuple(part.stop - part.start for part in (self.bands, self.rows, self.cols))

    def halves(self) -> tuple[Block, Block]:
        """The block cut across its longer side."""
        _, height, width = self.shape
        if height >= width:
            middle = self.rows.start + height // 2
            return (
                Block(slice(self.rows.start, middle), self.cols, self.bands),
                Block(slice(middle, self.rows.stop), self.cols, self.bands),
            )
        middle = self.cols.start + width // 2
        return (
            Block(self.rows, slice(self.cols.start, middle), self.bands),
            Block(self.rows, slice(middle, self.cols.stop), self.bands),
        )


def size(bands: int, height: int, width: int, itemsize: int) -> int:
    """Bytes of a request as Earth Engine counts them: each value and a byte for its mask."""
    return bands * height * width * (itemsize + 1)


def blocks(shape: tuple[int, int], bands: int, itemsize: int) -> list[Block]:
    """The requests that pixels [band, height, width] need, from north-west to south-east; the fewest that fit."""
    found = []
    for deep in _cut(bands, math.ceil(bands / BANDS)):
        pixels = LIMIT // ((itemsize + 1) * (deep.stop - deep.start))
        side = min(SIDE, max(1, math.isqrt(pixels)))
        height, width = shape
        across = math.ceil(width / min(width, SIDE, max(side, pixels // height)))
        widest = math.ceil(width / across)
        down = math.ceil(height / min(height, SIDE, max(1, pixels // widest)))
        found += [Block(rows, cols, deep) for rows in _cut(height, down) for cols in _cut(width, across)]
    return found


def read_pixels(
    client: Client,
    image: ee.Image,
    bands: Sequence[str],
    geobox: GeoBox,
    *,
    dtype: str,
    nodata: float,
    what: str,
    crs: str | None = None,
) -> np.ndarray:
    """The pixels of ``image`` on ``geobox`` [band, height, width], ``nodata`` where missing.

    Args:
        client: the connection.
        image: the expression; masked where missing.
        bands: its bands, in the order wanted.
        geobox: CRS, transform and shape.
        dtype: ``float32``, ``int16``, ``uint8`` or ``uint16``; what the server casts to.
        nodata: what missing values become, outside what the data can be.
        what: what it is, for log and errors.
        crs: the CRS's code as Earth Engine calls it, where that is no EPSG code.

    Raises:
        CredentialError, AcquireError: as the client; also where ``FLOOR`` pixels a side are still too large, or the
            server sends another shape or type than was asked for.
    """
    whole = getattr(image.unmask(nodata, False), CASTS[dtype])()
    names, kind = list(bands), np.dtype(dtype)
    values = np.full((len(names), *geobox.shape), nodata, dtype=kind)
    grid_crs = {"crsCode": crs} if crs else crs_of(geobox)

    def fetch(block: Block) -> None:
        part = geobox[block.rows, block.cols]
        asked = names[block.bands]
        try:
            values[block.bands, block.rows, block.cols] = client.pixels(
                whole, asked, _grid(part, grid_crs), lambda body: _array(body, asked, kind, part.shape, what), what
            )
        except TooLargeError as error:
            if max(block.shape[1:]) <= FLOOR:
                raise AcquireError(
                    f"{error.what} even for {block.shape[2]} x {block.shape[1]} pixels", where=what,
                    fix="ask for fewer days or variables at once, or use the back end direct",
                ) from error  # fmt: skip
            log.info("%s: %s; asked in two halves", what, error.what)
            for half in block.halves():
                fetch(half)

    wanted = blocks(geobox.shape, len(names), kind.itemsize)
    if len(wanted) == 1:
        fetch(wanted[0])
        return values
    with ThreadPoolExecutor(min(client.requests, len(wanted))) as threads:
        tasks = [threads.submit(fetch, block) for block in wanted]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return values


def crs_of(geobox: GeoBox) -> dict[str, str]:
    """A grid's CRS as a request names it."""
    return {"crsCode": f"EPSG:{geobox.crs.epsg}"} if geobox.crs.epsg else {"crsWkt": geobox.crs.wkt}


def transform_of(geobox: GeoBox) -> list[float]:
    """A grid's transform in the order of the client's ``crsTransform``."""
    return [float(value) for value in list(geobox.transform)[:6]]


def _grid(geobox: GeoBox, crs: dict[str, str]) -> dict[str, Any]:
    height, width = geobox.shape
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    return {
        "dimensions": {"width": width, "height": height},
        "affineTransform": dict(zip(names, transform_of(geobox), strict=True)),
        **crs,
    }


def _array(body: bytes, bands: Sequence[str], dtype: np.dtype, shape: tuple[int, int], what: str) -> np.ndarray:
    """The values in the bytes of a NumPy file, checked: [band, height, width]."""
    if not isinstance(body, bytes) or not body.startswith(NPY):
        head = body[:HEAD] if isinstance(body, bytes) else str(body)[:HEAD].encode()
        raise Failed(f"the server sent {describe(head)} where a NumPy array was expected")
    try:
        found = np.load(io.BytesIO(body), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise Failed(f"the NumPy array of {len(body)} bytes is not whole ({error})") from error
    if found.shape != tuple(shape):
        raise AcquireError(f"the server sent {found.shape[::-1]} pixels", where=what, expected=f"{tuple(shape)[::-1]}")
    if found.dtype.names is None or list(found.dtype.names) != list(bands):
        raise AcquireError(
            f"the server sent bands {', '.join(found.dtype.names or ['without names'])[:200]}", where=what,
            expected=", ".join(bands)[:200],
        )  # fmt: skip
    wrong = [name for name in bands if found.dtype[name] != dtype]
    if wrong:
        raise AcquireError(f"band {wrong[0]} is of type {found.dtype[wrong[0]]}", where=what, expected=str(dtype))
    return np.stack([found[name] for name in bands])


def _cut(length: int, parts: int) -> Iterator[slice]:
    """``length`` in ``parts`` of nearly the same size."""
    edges = [length * part // parts for part in range(parts + 1)]
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        yield slice(start, stop)
