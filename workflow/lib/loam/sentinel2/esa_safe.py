"""Open a product as ESA delivers it: a SAFE folder, or a zip of one, which is read in place.

The product's own metadata (MTD_MSIL1C.xml, MTD_MSIL2A.xml) say which files hold the bands and how numbers become
reflectance: (DN + ADD_OFFSET) / QUANTIFICATION_VALUE, the offset being in the metadata from processing baseline
04.00 on (ESA, Sentinel-2 Products Specification Document, issue 14.9). It is applied when they name it and never
else.
"""

from __future__ import annotations

import logging
import re
import xml.etree.ElementTree as ElementTree
from datetime import datetime
from pathlib import Path

from loam.errors import RasterError
from loam.sentinel2.archive import Archive, open_archive
from loam.sentinel2.polygons import joined, read_polygons
from loam.sentinel2.tile_pass import BANDS, INDEX_BANDS, OFFSET_SINCE, Band, Bounds, Product, baseline_of, crs_of_tile

log = logging.getLogger("loam")

METADATA = re.compile(r"(?P<root>([^/]+/)?)MTD_MSI(L1C|L2A)\.xml")
LEVELS = {"Level-1C": "L1C", "Level-2A": "L2A"}
DEFECTS = tuple(f"MSK_{kind}_{band}.gml" for kind in ("DEFECT", "NODATA", "SATURA", "TECQUA") for band in INDEX_BANDS)
CLOUD_PROBABILITY, SNOW_PROBABILITY = ("MSK_CLDPRB_20m.jp2", "_CLD_20m.jp2"), ("MSK_SNWPRB_20m.jp2", "_SNW_20m.jp2")


def read_safe(path: Path) -> Product:
    """Open a SAFE folder, a folder that holds one, or a zip.

    Raises:
        RasterError: the zip is broken, metadata are missing, unreadable, of another product or of a level that is
            not 1C or 2A, or a band that the indices need is not there.
    """
    archive = open_archive(path)
    found = sorted((match["root"], name) for name in archive.names if (match := METADATA.fullmatch(name)))
    if len(found) != 1:
        raise RasterError(
            "no product metadata" if not found else f"metadata of {len(found)} products", where=path,
            expected="one MTD_MSIL2A.xml or MTD_MSIL1C.xml", fix="fetch the product again",
        )  # fmt: skip
    root, name = found[0]
    where = path / name if not archive.zipped else f"{path}!{name}"
    general = _parse(archive.read(name), where)
    level_name = _text(general, "PROCESSING_LEVEL", where)
    if level_name not in LEVELS:
        raise RasterError(f"unknown processing level '{level_name}'", where=where, expected=" or ".join(LEVELS))
    level = LEVELS[level_name]
    files = _image_files(general, archive, root, where)
    granule = f"{root}{'/'.join(files[0].split('/')[:2])}/"
    tile, time, bounds = _granule(archive, granule, general, where)
    suffix = "_20m" if level == "L2A" else ""
    rasters = {band: _raster(archive, root, files, f"_{band}{suffix}") for band in BANDS}
    lacking = [band for band in INDEX_BANDS if rasters[band] is None]
    classes = _raster(archive, root, files, "_SCL_20m") if level == "L2A" else None
    if level == "L2A" and classes is None:
        lacking.append("SCL")
    if lacking:
        raise RasterError(
            f"missing {', '.join(lacking)}{' at 20 m' if suffix else ''}", where=path, fix="fetch the product again"
        )
    baseline = _baseline(general, where)
    scale, offsets = _radiometry(general, level, baseline, where)
    masks = _masks(archive, f"{granule}QI_DATA/", level)
    used = [rasters[band] for band in INDEX_BANDS] + [classes] * (level == "L2A") + list(masks.values())
    archive.check(name for name in used if not name.endswith(".gml"))
    defects = (read_polygons(archive.read(name), f"{path}!{name}") for kind, name in masks.items() if kind in DEFECTS)
    clouds = masks.get("clouds")
    opened = {kind: archive.raster(name) for kind, name in masks.items()}
    return Product(
        name=_text(general, "PRODUCT_URI", where).removesuffix(".SAFE"),
        where=path,
        tile=tile,
        time=time,
        level=level,
        baseline=baseline,
        bands={
            band: Band(archive.raster(raster), scale, offsets.get(band, 0.0) * scale)
            for band, raster in rasters.items()
            if raster
        },
        classes=archive.raster(classes) if classes else None,
        cloud_probability=opened.get("cloud_probability"),
        snow_probability=opened.get("snow_probability"),
        cloud_classes=opened.get("cloud_classes"),
        cloud_areas=read_polygons(archive.read(clouds), f"{path}!{clouds}") if clouds else None,
        quality={band: opened[band] for band in INDEX_BANDS if band in opened},
        defect_areas=joined(*defects),
        crs=crs_of_tile(tile),
        bounds={archive.raster(rasters["B8A"]): bounds} if bounds else {},
    )


def _parse(text: bytes, where: object) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise RasterError(f"metadata cannot be read ({error})", where=where, fix="fetch the product again") from None


def _text(root: ElementTree.Element, name: str, where: object) -> str:
    element = next(root.iter(name), None)
    if element is None or not (element.text or "").strip():
        raise RasterError(f"no {name}", where=where, expected="metadata of a Sentinel-2 product")
    return element.text.strip()


def _image_files(general: ElementTree.Element, archive: Archive, root: str, where: object) -> list[str]:
    """Paths of the images inside the product, without suffix, of its one granule."""
    files = [(element.text or "").strip() for element in general.iter("IMAGE_FILE")]
    granules = {"/".join(file.split("/")[:2]) for file in files}
    if len(granules) != 1:
        raise RasterError(
            f"{len(granules)} granules", where=where, expected="one (products from December 2016 on)",
            fix="take the product of the newer format",
        )  # fmt: skip
    there = {name.split("/")[1] for name in _below(archive, root, "GRANULE/")}
    if there and not any(granule.split("/")[1] in there for granule in granules):
        raise RasterError(
            f"is the metadata of another product: it lists {granules.pop()}", where=where,
            expected=f"GRANULE/{sorted(there)[0]}", fix="fetch the product again",
        )  # fmt: skip
    return files


def _below(archive: Archive, root: str, folder: str) -> list[str]:
    inside = [name[len(root) :] for name in archive.names if name.startswith(f"{root}{folder}")]
    return [name for name in inside if name.count("/") >= 2]


def _granule(
    archive: Archive, granule: str, general: ElementTree.Element, where: object
) -> tuple[str, datetime, Bounds | None]:
    """Tile, time and bounds: from the granule's own metadata, or the first two from the product's."""
    name = f"{granule}MTD_TL.xml"
    uri = _text(general, "PRODUCT_URI", where)
    named = re.search(r"_T(\d{2}[A-Z]{3})_", f"{granule.split('/')[-2]}_{uri}")
    if named is None:
        raise RasterError(f"no tile in '{uri}'", where=where, expected="_T29RKH_ or the like")
    if f"_T{named[1]}_" not in f"{uri.removesuffix('.SAFE')}_":
        raise RasterError(
            f"is the metadata of another product: granule {granule.split('/')[-2]} is not of {uri}", where=where,
            fix="fetch the product again",
        )  # fmt: skip
    if name not in archive.names:
        return named[1], _time(_text(general, "DATATAKE_SENSING_START", where), where), None
    where = f"{archive.where}!{name}"
    own = _parse(archive.read(name), where)
    if f"_T{named[1]}_" not in f"{_text(own, 'TILE_ID', where)}_":
        raise RasterError(
            f"is the metadata of another tile, {_text(own, 'TILE_ID', where)}", where=where, expected=named[1],
            fix="fetch the product again",
        )  # fmt: skip
    return named[1], _time(_text(own, "SENSING_TIME", where), where), _bounds(own, where)


def _bounds(own: ElementTree.Element, where: object) -> Bounds | None:
    sizes = [element for element in own.iter("Size") if element.get("resolution") == "20"]
    corners = [element for element in own.iter("Geoposition") if element.get("resolution") == "20"]
    if not sizes or not corners:
        return None
    try:
        rows, columns = (int(sizes[0].findtext(name)) for name in ("NROWS", "NCOLS"))
        west, north = (float(corners[0].findtext(name)) for name in ("ULX", "ULY"))
    except (TypeError, ValueError):
        raise RasterError("size or position are no numbers", where=where, fix="fetch the product again") from None
    return west, north - 20 * rows, west + 20 * columns, north


def _time(text: str, where: object) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise RasterError(f"'{text}' is not a time", where=where, expected="2020-02-19T11:34:25Z") from None


def _baseline(general: ElementTree.Element, where: object) -> tuple[int, int]:
    text = _text(general, "PROCESSING_BASELINE", where)
    try:
        return baseline_of(text)
    except ValueError:
        raise RasterError(f"'{text}' is not a processing baseline", where=where, expected="04.00 or the like") from None


def _raster(archive: Archive, root: str, files: list[str], suffix: str) -> str | None:
    names = (f"{root}{file}{kind}" for file in files if file.endswith(suffix) for kind in (".jp2", ".tif"))
    return next((name for name in names if name in archive.names), None)


def _masks(archive: Archive, folder: str, level: str) -> dict[str, str]:
    """Files of the masks a product has, by what they are; those of a band's quality by the band."""
    endings = {"cloud_probability": CLOUD_PROBABILITY, "snow_probability": SNOW_PROBABILITY}
    if level == "L1C":
        endings |= {"cloud_classes": ("MSK_CLASSI_B00.jp2",), "clouds": ("MSK_CLOUDS_B00.gml",)}
    endings |= {band: (f"MSK_QUALIT_{band}.jp2",) for band in INDEX_BANDS} | {name: (name,) for name in DEFECTS}
    names = sorted(name for name in archive.names if name.startswith(folder))
    found = {kind: [name for name in names if name.endswith(ending)] for kind, ending in endings.items()}
    return {kind: names[0] for kind, names in found.items() if names}


def _radiometry(
    general: ElementTree.Element, level: str, baseline: tuple[int, int], where: object
) -> tuple[float, dict[str, float]]:
    """Scale, and the offset in DN of each band that has one."""
    prefix, offset = ("BOA_", "BOA_ADD_OFFSET") if level == "L2A" else ("", "RADIO_ADD_OFFSET")
    try:
        quantification = float(_text(general, f"{prefix}QUANTIFICATION_VALUE", where))
        offsets = {BANDS[int(element.get("band_id"))]: float(element.text) for element in general.iter(offset)}
    except (TypeError, ValueError, IndexError):
        raise RasterError(f"{prefix}QUANTIFICATION_VALUE or {offset} are no numbers", where=where) from None
    if bool(offsets) != (baseline >= OFFSET_SINCE):
        log.warning(
            "%s: baseline %02d.%02d and %s offset in the metadata contradict each other; the metadata are followed",
            where, *baseline, "an" if offsets else "no",
        )  # fmt: skip
    return 1.0 / quantification, offsets
