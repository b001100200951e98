"""Open a product as a catalogue delivers it: a STAC item (JSON) with one GeoTIFF an asset beside it.

Known are the assets of Earth Search, Planetary Computer, the Copernicus Data Space, Digital Earth Australia, and an
item whose assets are called by the band. Files are looked for beside the item, by the asset's key, by the last part
of its address, and by the band.

The offset of processing baseline 04.00 on is where catalogues differ, and where some of their items are wrong. The
rule:

1. ``earthsearch:boa_offset_applied`` true: the pixels have it already; none is applied, whatever ``raster:bands``
   says.
2. Else, baseline before 04.00: there was never one; none is applied.
3. Else (baseline 04.00 on, or unknown): the ``offset`` of ``raster:bands``; where the flag is false and
   ``raster:bands`` has none, or there is no ``raster:bands``, -0.1. An unknown baseline without any of these is an
   error.

Each contradiction is logged. An offset that would be applied is checked against the pixels (``loam.sentinel2.offset``).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from affine import Affine

from loam.errors import RasterError, naming
from loam.sentinel2.tile_pass import BANDS, INDEX_BANDS, OFFSET_SINCE, Band, Bounds, Product, baseline_of

log = logging.getLogger("loam")

OFFSET = -0.1  # of reflectance, from baseline 04.00 on
SCALE = 0.0001
ASSETS = {
    "B01": ("coastal",),
    "B02": ("blue",),
    "B03": ("green",),
    "B04": ("red", "nbart_red"),
    "B05": ("rededge1",),
    "B06": ("rededge2",),
    "B07": ("rededge3",),
    "B08": ("nir",),
    "B8A": ("nir08", "nbart_nir_2"),
    "B09": ("nir09",),
    "B10": ("cirrus",),
    "B11": ("swir16",),
    "B12": ("swir22", "nbart_swir_3"),
    "SCL": ("scl",),
    "FMASK": ("oa_fmask",),
    "CLOUD": ("cloud", "MSK_CLDPRB_20m"),
    "SNOW": ("snow", "MSK_SNWPRB_20m"),
}
SCL_OF_FMASK = {0: 0, 1: 5, 2: 9, 3: 3, 4: 11, 5: 6}  # no data, clear land, cloud, shadow, snow, water
LEVELS = {"L1C": "L1C", "L2A": "L2A", "S2MSI1C": "L1C", "S2MSI2A": "L2A"}


def read_item(path: Path) -> Product:
    """Open the product of a STAC item.

    Raises:
        RasterError: the item cannot be read, does not say its level, tile or time, or a file that the indices need is
            not beside it.
    """
    item = _json(path)
    with naming(RasterError, "is no STAC item that can be read", where=path, fix="fetch the product again"):
        return _product(item, path)


def _product(item: Mapping[str, Any], path: Path) -> Product:
    properties, assets = item["properties"], item["assets"]
    level = _level(item, path)
    files = {band: _file(band, assets, path.parent) for band in ASSETS}
    classes = "FMASK" if level == "NBART" else "SCL"
    needed = [*INDEX_BANDS, *([] if level == "L1C" else [classes])]
    if lacking := [band for band in needed if files[band] is None]:
        there = ", ".join(sorted(file.name for file in path.parent.glob("*.tif"))) or "no GeoTIFF"
        raise RasterError(
            f"missing {', '.join(lacking)}",
            where=path.parent,
            expected=f"beside {path.name}: {there} is",
            fix="fetch it again",
        )
    baseline = _baseline(properties)
    described = {band: _described(files[band][1]) for band in BANDS if files[band]}
    offsets = {band: _offset(level, properties, baseline, entry, path) for band, entry in described.items()}
    _log_contradictions(properties, baseline, offsets, described, path)
    if any("scale" not in described[band] for band in INDEX_BANDS):
        log.info("%s: names no scale, %g is used", path, SCALE)
    return Product(
        name=path.stem,
        where=path,
        tile=_tile(item, path),
        time=_time(properties.get("datetime"), path),
        level=level,
        baseline=baseline,
        bands={
            band: Band(str(files[band][0]), float(entry.get("scale") or SCALE), offsets[band], _nodata(entry))
            for band, entry in described.items()
        },
        classes=str(files[classes][0]) if level != "L1C" else None,
        class_codes=SCL_OF_FMASK if classes == "FMASK" else None,
        cloud_probability=_path(files["CLOUD"]),
        snow_probability=_path(files["SNOW"]),
        crs=_code({**properties, **files["B8A"][1]}),
        bounds={str(file): bounds for file, asset in filter(None, files.values()) if (bounds := _bounds(asset))},
        catalogue=True,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RasterError(
            f"cannot be read as a STAC item ({error})", where=path, fix="fetch the product again"
        ) from None
    if not isinstance(item, dict) or not all(isinstance(item.get(key), dict) for key in ("properties", "assets")):
        raise RasterError("is no STAC item", where=path, expected="JSON with properties and assets")
    return item


def _level(item: Mapping[str, Any], path: Path) -> str:
    properties = item["properties"]
    if str(properties.get("odc:product", item.get("collection", ""))).startswith("ga_s2"):
        return "NBART"
    collection = re.search(r"l1c|l2a", str(item.get("collection", "")))
    said = (
        properties.get("processing:level")
        or properties.get("s2:product_type")
        or (collection and collection[0].upper())
    )
    if said not in LEVELS:
        raise RasterError(
            f"unknown processing level '{said}'", where=path,
            expected="processing:level or s2:product_type of level 1C or 2A",
        )  # fmt: skip
    return LEVELS[said]


def _tile(item: Mapping[str, Any], path: Path) -> str:
    properties = item["properties"]
    keys = ("grid:code", "s2:mgrs_tile", "odc:region_code", "s2:product_uri")
    for text in (*(str(properties.get(key, "")) for key in keys), str(item.get("id", ""))):
        if found := re.search(r"(?:^|_T?|-)(\d{2}[C-X][A-Z]{2})(?:_|$)", text):
            return found[1]
    raise RasterError("does not say its tile", where=path, expected="grid:code, as MGRS-29RKH")


def _time(text: object, path: Path) -> datetime:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        raise RasterError(f"'{text}' is not a time", where=path, expected="properties.datetime") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _baseline(properties: Mapping[str, Any]) -> tuple[int, int] | None:
    uri = re.search(r"_N(\d{2})(\d{2})_", str(properties.get("s2:product_uri", "")))
    said = properties.get("s2:processing_baseline") or properties.get("processing:version")
    try:
        return baseline_of(str(said))
    except ValueError:
        return (int(uri[1]), int(uri[2])) if uri else None


def _file(band: str, assets: Mapping[str, Any], folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """A band's file and its asset, or None."""
    for key in (*ASSETS[band], band, f"{band}_20m"):
        if key in assets:
            address = str(assets[key].get("href", "")).split("?")[0].rpartition("/")[2]
            for name in (f"{key}.tif", address, f"{band}.tif"):
                if name.endswith((".tif", ".tiff", ".jp2")) and (folder / name).is_file():
                    return folder / name, assets[key]
    return None


def _path(file: tuple[Path, dict[str, Any]] | None) -> str | None:
    return str(file[0]) if file else None


def _described(asset: Mapping[str, Any]) -> dict[str, Any]:
    """Scale, offset and nodata of an asset: ``raster:bands``, or ``bands`` and ``raster:*`` since STAC 1.1."""
    entries = asset.get("raster:bands") or asset.get("bands") or [{}]
    both = {**asset, **entries[0]}
    found = {key: both.get(f"raster:{key}", both.get(key)) for key in ("scale", "offset", "nodata")}
    return {key: value for key, value in found.items() if value is not None}


def _nodata(entry: Mapping[str, Any]) -> float:
    try:
        return float(entry.get("nodata", 0))
    except (TypeError, ValueError):
        return 0.0


def _offset(
    level: str, properties: Mapping[str, Any], baseline: tuple[int, int] | None, entry: Mapping[str, Any], path: Path
) -> float:
    """What is added to DN * scale."""
    applied = properties.get("earthsearch:boa_offset_applied")
    if applied is True or level == "NBART" or (baseline is not None and baseline < OFFSET_SINCE):
        return 0.0
    said = entry.get("offset")
    if said or (said is not None and applied is None):
        return float(said)
    if baseline is None:
        raise RasterError(
            "says neither its processing baseline nor an offset", where=path,
            expected="s2:processing_baseline, or offset in raster:bands", fix="add it to the item",
        )  # fmt: skip
    return OFFSET


def _log_contradictions(
    properties: Mapping[str, Any],
    baseline: tuple[int, int] | None,
    offsets: Mapping[str, float],
    described: Mapping[str, Mapping[str, Any]],
    path: Path,
) -> None:
    applied = properties.get("earthsearch:boa_offset_applied")
    said = {band: float(described[band].get("offset") or 0) for band in INDEX_BANDS}
    if any(abs(said[band] - offsets[band]) > 1e-9 for band in INDEX_BANDS):
        log.warning(
            "%s: raster:bands says offset %s, baseline %s, boa_offset_applied %s; offset %s is applied", path,
            sorted(set(said.values())), baseline, applied, sorted({offsets[band] for band in INDEX_BANDS}),
        )  # fmt: skip
    if baseline is not None and baseline >= OFFSET_SINCE and applied is None and not any(offsets.values()):
        log.warning(
            "%s: baseline %02d.%02d and an offset of 0 without boa_offset_applied; 0 is applied", path, *baseline
        )


def _code(said: Mapping[str, Any]) -> str | None:
    """The CRS, as the projection extension has it."""
    return said.get("proj:code") or (f"EPSG:{said['proj:epsg']}" if said.get("proj:epsg") else None)


def _bounds(asset: Mapping[str, Any]) -> Bounds | None:
    """West, south, east, north of an asset, as the projection extension has them."""
    transform, shape = asset.get("proj:transform"), asset.get("proj:shape")
    if not transform or not shape:
        return None
    corner = Affine(*transform[:6])
    (west, north), (east, south) = corner @ (0, 0), corner @ (shape[1], shape[0])
    return west, south, east, north
