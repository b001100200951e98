"""A static STAC catalogue of a run's maps: ``maps/catalog.json``, and beside each day's files ``item.json``.

An item says where the map lies, of which day it is, what its bands hold (extension raster), on which grid (projection),
by which software and model (processing), and from whose data (scientific). All links are relative, so that the folder
can be moved or served as it is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterBand, RasterExtension
from pystac.extensions.scientific import Publication, ScientificExtension

from loam.config.day_boundary import shift_of
from loam.io.atomic import write_text
from loam.raster.dateline import unrolled
from loam.raster.grid import crs_of, geobox_of, open_raster, pixel_metres, project

PROCESSING = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"
ALONG = 9  # places along each edge of the grid, whose lines bend in degrees
DIGITS = 7  # of degrees: a centimetre
OWN = ("run", "model", "scenario", "members", "trained_on", "outside_training_range", "code", "config_hash")
KINDS = {".tif": pystac.MediaType.COG, ".png": pystac.MediaType.PNG, ".nc": "application/x-netcdf"}
DOI = re.compile(r"doi (10\.\S+?)[,.;]?(?=\s|$)")


def item_of(
    files: Mapping[str, Path], citations: Sequence[str], day_boundary: str, title: str = "Soil moisture"
) -> pystac.Item:
    """The STAC item of a day's map.

    Args:
        files: of one folder by their names: ``soil_moisture`` (GeoTIFF), and others beside it; of those that are no
            GeoTIFF nothing is read.
        citations: of the data that the map is made from.
        day_boundary: where the run's days begin.
        title: before the day.

    Raises:
        RasterError: a GeoTIFF is damaged.
    """
    with open_raster(files["soil_moisture"]) as dataset:
        geobox, tags = geobox_of(dataset), dataset.tags()
    start = datetime.fromisoformat(tags["day"]).replace(tzinfo=UTC) - shift_of(day_boundary)
    geometry = footprint(geobox)
    item = pystac.Item(
        id=f"{tags['run']}_{tags['day']}", geometry=shapely.geometry.mapping(geometry), bbox=bbox_of(geometry),
        datetime=start, start_datetime=start, end_datetime=start + timedelta(days=1) - timedelta(seconds=1),
        properties={"title": f"{title}, {tags['day']}", "license": _licence(tags["licence"]),
                    **{f"loam:{name}": tags[name] for name in OWN if name in tags}},
    )  # fmt: skip
    projection = ProjectionExtension.ext(item, add_if_missing=True)
    code = geobox.crs.epsg
    projection.apply(
        code=f"EPSG:{code}" if code else None, wkt2=None if code else crs_of(geobox).to_wkt(),
        shape=list(geobox.shape), transform=list(geobox.transform)[:6],
    )  # fmt: skip
    item.stac_extensions.append(PROCESSING)
    software, version = tags["software"].split(" ", 1)
    item.properties |= {
        "processing:software": {software: version},
        "processing:lineage": f"made from {tags['created_from']}; data: {tags['data_licences']}",
    }
    if citations:
        science = ScientificExtension.ext(item, add_if_missing=True)
        found = [(DOI.search(citation), citation) for citation in citations]
        science.publications = [Publication(match.group(1), text) for match, text in found if match]
        item.properties["sci:publications"] += [{"citation": text} for match, text in found if not match]
    for name, path in files.items():
        kind = KINDS[path.suffix]
        roles = ["overview"] if path.suffix == ".png" else ["data"]
        item.add_asset(name, asset := pystac.Asset(f"./{path.name}", media_type=kind, roles=roles))
        if path.suffix == ".tif":
            _describe_bands(asset, path)
    return item


def write_item(item: pystac.Item, path: str | Path) -> None:
    """Write an item that stands in a folder below the catalogue's."""
    for relation in ("root", "parent"):
        item.add_link(pystac.Link(relation, "../catalog.json", media_type=pystac.MediaType.JSON))
    _write(item.to_dict(include_self_link=False, transform_hrefs=False), path)


def write_catalogue(run: str, items: Sequence[Path], path: str | Path) -> None:
    """Write the catalogue of items that stand in folders beside it, in the order of their days."""
    catalogue = pystac.Catalog(run, f"Daily soil moisture of run {run}, mapped by loam", f"Soil moisture, {run}")
    catalogue.clear_links()
    catalogue.add_link(pystac.Link("root", "./catalog.json", media_type=pystac.MediaType.JSON))
    for item in sorted(items):
        link = f"./{item.parent.name}/{item.name}"
        catalogue.add_link(pystac.Link("item", link, media_type=pystac.MediaType.GEOJSON, title=item.parent.name))
    _write(catalogue.to_dict(include_self_link=False, transform_hrefs=False), path)


def footprint(geobox: GeoBox) -> shapely.Geometry:
    """The outline of a grid in degrees, in two parts where it lies across the 180th meridian (RFC 7946, 3.1.9)."""
    height, width = geobox.shape
    part = np.linspace(0, 1, ALONG)
    cols = width * np.concatenate([part, np.ones(ALONG), part[::-1], np.zeros(ALONG)])
    rows = height * np.concatenate([np.zeros(ALONG), part, np.ones(ALONG), part[::-1]])
    transform = geobox.transform
    x, y = transform.c + transform.a * cols, transform.f + transform.e * rows
    longitude, latitude = project(x, y, crs_of(geobox), "EPSG:4326")
    outline = shapely.Polygon(np.round(np.stack([unrolled(longitude), latitude], 1), DIGITS)).normalize()
    sides = [shapely.intersection(outline, shapely.box(west, -90, west + 360, 90)) for west in (-180, 180)]
    moved = [
        shapely.transform(side, lambda place, by=by: place - [by, 0]) for side, by in zip(sides, (0, 360), strict=True)
    ]
    kept = [side for side in moved if side.area > 0]
    return shapely.orient_polygons(kept[0] if len(kept) == 1 else shapely.MultiPolygon(kept))


def bbox_of(geometry: shapely.Geometry) -> list[float]:
    """West, south, east and north; west is above east across the 180th meridian (RFC 7946, 5.2)."""
    west, south, east, north = geometry.bounds
    if geometry.geom_type == "MultiPolygon":
        before, behind = geometry.geoms
        west, east = before.bounds[0], behind.bounds[2]
    return [west, south, east, north]


def _describe_bands(asset: pystac.Asset, path: Path) -> None:
    with open_raster(path) as dataset:
        names, side = dataset.descriptions, pixel_metres(geobox_of(dataset))[0]
        asset.extra_fields["bands"] = [{"name": name} for name in names]
        RasterExtension.ext(asset, add_if_missing=True).bands = [
            _band(dataset, place, side) for place in range(dataset.count)
        ]


def _band(dataset: rasterio.DatasetReader, place: int, side: float) -> RasterBand:
    nodata, scale = dataset.nodatavals[place], dataset.scales[place]
    packed = {"scale": scale, "offset": dataset.offsets[place]} if scale != 1.0 else {}
    return RasterBand.create(
        nodata="nan" if nodata is not None and math.isnan(nodata) else nodata, data_type=dataset.dtypes[place],
        spatial_resolution=round(side, 3), unit=dataset.units[place], **packed,
    )  # fmt: skip


def _licence(told: str) -> str:
    """An SPDX name, or STAC's word for anything else."""
    return told if re.fullmatch(r"[\w.+-]+", told) else "other"


def _write(content: Mapping[str, Any], path: str | Path) -> None:
    write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", path)
