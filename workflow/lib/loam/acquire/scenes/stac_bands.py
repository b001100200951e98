"""One band of a STAC scene: the whole file, or those of its own pixels that the run's grid needs, checked.

Whole files are downloaded, and compared with the checksum of the item where it has one (``file:checksum``, a
multihash). A part is read with odc-stac in blocks of rows on the band's own pixels, so that nothing is resampled and no
more than a block is held; its retries and the words for what a server sends instead are those of ``RemoteRasters``.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from shapely.geometry import shape

from loam.acquire.canonical.check import check_magic
from loam.acquire.http.download import download
from loam.acquire.http.redact import redact
from loam.acquire.http.remote import RemoteRasters
from loam.acquire.http.retry import Policy
from loam.errors import AcquireError, RasterError
from loam.io.atomic import atomic_path
from loam.raster.grid import geobox_of, open_raster, present, same_grid

log = logging.getLogger("loam")

ROWS = 2048  # of a band, read at once
SEEN = 0.05  # share of the wanted pixels that a footprint must cover for an empty band to be an error
_MULTIHASHES = {"1220": "sha256", "1114": "sha1", "d50110": "md5"}  # code and length in hex -> name of the function


def fetch_whole(
    url: str, path: Path, item: Mapping[str, Any], name: str, policy: Policy, *, may_be_empty: bool = False
) -> None:
    """Download the asset ``name`` of an item from ``url`` to ``path``.

    Args:
        url: the address.
        path: where the band goes.
        item: the item.
        name: of the asset.
        policy: how long to insist.
        may_be_empty: whether every pixel may be missing (a probability of snow is 0 where there is none).

    Raises:
        AcquireError: the server did not give it, or it is not what the item says.
    """
    asset = item["assets"][name]
    nodata, grid, digest = _nodata(asset), promised_grid(item, asset), str(asset.get("file:checksum", ""))

    def check(part: Path) -> None:
        _check_digest(part, digest)
        check_band(part, grid, nodata, may_be_empty=may_be_empty)

    download(url, path, check=check, policy=policy, what=f"{name} of {item['id']} ({redact(url)})")


def fetch_part(
    url: str,
    path: Path,
    item: Mapping[str, Any],
    name: str,
    grid: GeoBox,
    policy: Policy,
    *,
    may_be_empty: bool = False,
) -> None:
    """Read the pixels of the asset ``name`` that cover ``grid`` from ``url`` into a GeoTIFF; else as ``fetch_whole``.

    Raises:
        AcquireError: the server did not give them, they lie elsewhere, or all are missing where the scene should be.
    """
    import odc.stac
    import pystac

    asset, what = item["assets"][name], f"{name} of {item['id']} ({redact(url)})"
    alone = pystac.Item.from_dict({**item, "assets": {name: asset}}, preserve_dict=True)
    with closing(RemoteRasters(policy=policy)) as rasters, _quiet():
        native, dtype, nodata = rasters.read([url], lambda found: _kind(found[0]))
        nodata = _nodata(asset) if nodata is None else nodata
        promised = promised_grid(item, asset)
        if promised is not None and not same_grid(native, promised):
            raise AcquireError("has another grid than the item says", where=what)
        part = _window(native, grid, what)
        profile = {
            "driver": "GTiff", "dtype": dtype, "count": 1, "height": part.shape[0], "width": part.shape[1],
            "crs": part.crs.to_wkt(), "transform": part.transform, "nodata": nodata, "compress": "deflate",
            "predictor": 2, "tiled": True, "blockxsize": 512, "blockysize": 512, "bigtiff": "if_safer",
        }  # fmt: skip
        with atomic_path(path) as temporary:
            with rasterio.open(temporary, "w", **profile) as target:
                for row in range(0, part.shape[0], ROWS):
                    block = part[row : min(row + ROWS, part.shape[0])]

                    def load(_: Any, block: GeoBox = block) -> np.ndarray:
                        loaded = odc.stac.load(
                            [alone], bands=[name], geobox=block, dtype=dtype, nodata=nodata, patch_url=lambda _: url
                        )
                        return loaded[name].values[0]

                    values = rasters.read([url], load)
                    target.write(values, 1, window=Window(0, row, block.shape[1], block.shape[0]))
            check_band(temporary, part, nodata, may_be_empty=may_be_empty or _covered(item, part) < SEEN)


def check_band(path: Path, grid: GeoBox | None, nodata: float | None, *, may_be_empty: bool = False) -> None:
    """Check a band: a GeoTIFF of one band of integers on its grid, every block readable, not all missing.

    Raises:
        AcquireError: it is not.
    """
    check_magic(path, "tiff")
    try:
        with open_raster(path) as dataset:
            if dataset.count != 1 or not np.issubdtype(dataset.dtypes[0], np.integer):
                raise AcquireError(
                    f"has {dataset.count} bands of {dataset.dtypes[0]}", where=path, expected="one of integers"
                )
            found = geobox_of(dataset)
            if grid is not None and not same_grid(found, grid):
                raise AcquireError(f"is on {_grid_text(found)}", where=path, expected=_grid_text(grid))
            missing = dataset.nodata if dataset.nodata is not None else nodata
            some = False
            for row in range(0, dataset.height, ROWS):
                window = Window(0, row, dataset.width, min(ROWS, dataset.height - row))
                values = dataset.read(1, window=window)
                some = some or bool(present(values, missing).any())
    except RasterError as error:
        raise AcquireError(error.what, where=path, expected=error.expected) from None
    except OSError as error:
        raise AcquireError(f"cannot be read ({error})", where=path, expected="a whole GeoTIFF") from None
    if not some and not may_be_empty:
        raise AcquireError("all pixels are missing", where=path, expected="some that are not")


def promised_grid(item: Mapping[str, Any], asset: Mapping[str, Any]) -> GeoBox | None:
    """The grid that the projection extension says a band is on; None where it says none."""
    said = {**item["properties"], **asset}
    code = said.get("proj:code") or (f"EPSG:{said['proj:epsg']}" if said.get("proj:epsg") else None)
    if not (code and asset.get("proj:shape") and asset.get("proj:transform")):
        return None
    return GeoBox(tuple(asset["proj:shape"]), Affine(*asset["proj:transform"][:6]), code)


def _check_digest(path: Path, multihash: str) -> None:
    text = multihash.lower()
    for code, function in _MULTIHASHES.items():
        if text.startswith(code) and len(text) == len(code) + 2 * hashlib.new(function).digest_size:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, function).hexdigest()
            if found != text.removeprefix(code):
                raise AcquireError(
                    f"{function.upper()} is {found}", where=path, expected=text.removeprefix(code), fix="run again"
                )
            return
    if text:
        log.info("%s: a checksum of unknown kind is not checked", path.name)


def _nodata(asset: Mapping[str, Any]) -> float | None:
    bands = asset.get("raster:bands") or asset.get("bands") or [{}]
    value = {**asset, **bands[0]}.get("nodata")
    return float(value) if isinstance(value, int | float) else None


def _grid_text(grid: GeoBox) -> str:
    rows, cols = grid.shape
    return (
        f"{rows} x {cols} pixels of {grid.transform.a:g} from {grid.transform.c:g}, {grid.transform.f:g} in {grid.crs}"
    )


def _kind(dataset: rasterio.DatasetReader) -> tuple[GeoBox, str, float | None]:
    return geobox_of(dataset), dataset.dtypes[0], dataset.nodata


def _window(native: GeoBox, grid: GeoBox, what: str) -> GeoBox:
    """The part of a band's grid that covers the run's grid, with two pixels to spare."""
    box = grid.footprint(native.crs).boundingbox
    inverse = ~native.transform
    (left, top), (right, bottom) = inverse @ (box.left, box.top), inverse @ (box.right, box.bottom)
    rows = slice(max(0, int(np.floor(top)) - 2), min(native.shape[0], int(np.ceil(bottom)) + 2))
    cols = slice(max(0, int(np.floor(left)) - 2), min(native.shape[1], int(np.ceil(right)) + 2))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        raise AcquireError("lies outside the run's grid", where=what, fix="run `snakemake scenes`")
    return native[rows, cols]


def _covered(item: Mapping[str, Any], part: GeoBox) -> float:
    """Share of the wanted pixels that the scene's footprint covers."""
    if not item.get("geometry"):
        return 1.0
    wanted = part.geographic_extent.geom
    seen = shapely.make_valid(shape(item["geometry"])).intersection(wanted)
    return seen.area / wanted.area


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what logs addresses with their signatures; what goes wrong is told by ``RemoteRasters``."""
    loggers = [logging.getLogger(name) for name in ("rasterio._env", "odc.loader._rio")]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
