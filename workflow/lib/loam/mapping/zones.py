"""A day's map by paddocks, or any other polygons: a row a zone, with how far to trust it.

A zone's moisture is the mean of its pixels, each weighted by the share of it that the zone covers (``exactextract``).
Its interval is the mean of the pixels' bounds: the errors of a paddock's pixels are taken to be fully alike, so that it
is as wide as a pixel's. That is careful: independent errors would cancel out, but what a map errs by at a place is
mostly its level, which neighbours share.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from exactextract import exact_extract
from exactextract.raster import RasterioRasterSource
from scipy.stats import norm

from loam.config.map_bands import BOUNDS, OF_MEMBERS
from loam.config.wrong import nearest
from loam.errors import TableError
from loam.raster.grid import open_raster

MEAN, OUTER = OF_MEMBERS[0], ("lower90", "upper90")
NORMAL = norm.ppf((1 + BOUNDS[OUTER[0]][0]) / 2)  # standard deviations in half of the interval
CELLS = 4_000_000  # of a raster at a time; bounds the memory
TOLD = 5  # zones that a message names
MM_OF_CM = 10

log = logging.getLogger("loam")


def read_zones(path: str | Path, name: str, crs: Any) -> gpd.GeoDataFrame:
    """Zones in the coordinate reference system of a map.

    Args:
        path: any vector file that GDAL reads.
        name: its column that names the zones.
        crs: of the map.

    Returns:
        Columns zone (text, each once), geometry (polygons; empty where the file has none) and note (what is wrong with
        a zone, empty where nothing is).

    Raises:
        TableError: the file cannot be read, has no coordinate reference system, no such column, a zone twice or without
            a name, or something that is no polygon.
    """
    path = Path(path)
    try:
        table = gpd.read_file(path)
    except (RuntimeError, OSError, ValueError) as error:  # pyogrio's and PROJ's own are of the first kind
        raise TableError(
            f"cannot be read as a vector file ({error})", where=path, expected="GeoPackage, GeoJSON, shapefile"
        ) from None
    if not isinstance(table, gpd.GeoDataFrame) or table.empty:
        raise TableError("holds no zone", where=path, expected="polygons")
    if name not in table:
        columns = [column for column in table.columns if column != "geometry"]
        raise TableError(
            f"no column '{name}'", where=f"{path} (config key 'zones.id')", expected=f"one of {', '.join(columns)}",
            fix=nearest(name, columns),
        )  # fmt: skip
    if table.crs is None or not (table.crs.is_geographic or table.crs.is_projected):
        raise TableError(
            "has no coordinate reference system", where=path, fix="save it with one (in QGIS: Export, CRS)"
        )
    zones = gpd.GeoDataFrame({"zone": table[name].astype(str)}, geometry=table.geometry, crs=table.crs)
    _refuse(path, table[name].isna() | (zones["zone"].str.strip() == ""), zones, "has no name", "a name for each zone")
    twice = zones["zone"].duplicated(keep=False)
    _refuse(path, twice, zones, "is there more than once", "each zone once", "dissolve its parts into one")
    empty = zones.geometry.isna() | zones.geometry.is_empty
    strange = ~empty & ~zones.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
    _refuse(path, strange, zones, "is no polygon", "polygons", "buffer points and lines, or sample the map at them")
    broken = ~empty & ~zones.geometry.is_valid
    if broken.any():
        names = ", ".join(zones.loc[broken, "zone"].iloc[:TOLD])
        log.warning(
            "%s: %d of %d zones have broken outlines, which were mended: %s", path, broken.sum(), len(zones), names
        )
        zones.loc[broken, "geometry"] = shapely.make_valid(zones.loc[broken].geometry.to_numpy())
    zones["note"] = np.select([empty, broken], ["no outline", "outline mended"], "")
    zones.loc[empty, "geometry"] = shapely.Polygon()
    return zones.to_crs(crs)


def summarise_zones(
    zones: gpd.GeoDataFrame,
    moisture: str | Path,
    trust: str | Path,
    layers: Sequence[Mapping[str, Any]],
    *,
    thresholds: Mapping[str, Sequence[float]] | None = None,
    wilting_point: Mapping[str, float] | None = None,
    field_capacity: Mapping[str, float] | None = None,
) -> gpd.GeoDataFrame:
    """A day's map by zones.

    Args:
        zones: of ``read_zones``.
        moisture, trust: the day's two rasters.
        layers: the config's ``layers``.
        thresholds: moistures, m3 m-3, by layer, below which a zone may be.
        wilting_point, field_capacity: moisture by layer, m3 m-3.

    Returns:
        Columns zone, date, area_ha, mapped_share (of its area that has a value), note; of each layer ``<layer>_mean``,
        ``_lower90``, ``_upper90`` (m3 m-3), ``_below_<threshold>`` (probability that the zone's mean is), and, where
        the wilting point is known, ``_water_mm`` (plant-available water: moisture above it, no less than 0 and no more
        than the field capacity, times the layer's thickness); ``share_<class>`` of the area for every class of trust;
        geometry.
    """
    table = zones[["zone", "note", "geometry"]].copy()
    with open_raster(moisture) as dataset:
        table["date"] = dataset.tags().get("day", "")
        wanted = [f"{layer['name']}_{statistic}" for layer in layers for statistic in (MEAN, *OUTER)]
        place = {name: number for number, name in enumerate(dataset.descriptions, 1)}
        lacking = [name for name in wanted if name not in place]
        if lacking:
            raise TableError(f"no band {', '.join(lacking)}", where=moisture, fix="map the day anew")
        found = _means(dataset, zones, {name: place[name] for name in wanted})
        cell = abs(dataset.transform.a * dataset.transform.e)
    table["mapped_share"] = (found.pop("count") * cell / zones.geometry.area).clip(0, 1).fillna(0.0)
    table["area_ha"] = zones.to_crs(zones.estimate_utm_crs()).area / 1e4 if len(zones) else []
    for layer in layers:
        name = layer["name"]
        mean, lower, upper = (found[f"{name}_{statistic}"] for statistic in (MEAN, *OUTER))
        table[f"{name}_mean"], table[f"{name}_lower90"], table[f"{name}_upper90"] = mean, lower, upper
        deviation = ((upper - lower) / 2 / NORMAL).where(upper > lower)
        for threshold in (thresholds or {}).get(name, []):
            table[f"{name}_below_{threshold:g}"] = norm.cdf((threshold - mean) / deviation)
        if wilting_point and name in wilting_point:
            most = (field_capacity or {}).get(name, 1.0) - wilting_point[name]
            water = (mean - wilting_point[name]).clip(0, most)
            table[f"{name}_water_mm"] = water * (layer["bottom_cm"] - layer["top_cm"]) * MM_OF_CM
    for label, share in _shares(trust, zones).items():
        table[f"share_{label}"] = share
    unmapped = (table["mapped_share"] == 0) & (table["note"] != "no outline")
    table.loc[unmapped, "note"] = "off the map, or no pixel of it has a value"
    if unmapped.any():
        names = ", ".join(table.loc[unmapped, "zone"].iloc[:TOLD])
        log.warning("%d of %d zones have no value on %s: %s", unmapped.sum(), len(table), table["date"].iloc[0], names)
    first = ["zone", "date", "area_ha", "mapped_share"]
    told = [column for column in table if column not in (*first, "note", "geometry")]
    return table[[*first, *told, "note", "geometry"]]


def _means(dataset: rasterio.DatasetReader, zones: gpd.GeoDataFrame, bands: Mapping[str, int]) -> pd.DataFrame:
    """Mean of each band over each zone, and ``count``: how many pixels with a value it covers."""
    sources = [RasterioRasterSource(dataset, band_idx=number, name=name) for name, number in bands.items()]
    found = exact_extract(sources, zones[["geometry"]], ["mean", "count"], output="pandas", max_cells_in_memory=CELLS)
    found.index = zones.index
    if len(sources) == 1:
        found = found.add_prefix(f"{sources[0].name()}_")
    means = pd.DataFrame({name: found[f"{name}_mean"].astype(float) for name in bands})
    return means.assign(count=found[f"{next(iter(bands))}_count"].astype(float))


def _shares(trust: str | Path, zones: gpd.GeoDataFrame) -> dict[str, pd.Series]:
    """Share of each zone's pixels in the file that are of each class of its band ``class``, else of its first, by the
    class's short name.
    """
    with open_raster(trust) as dataset:
        band = dataset.descriptions.index("class") + 1 if "class" in dataset.descriptions else 1
        tags = dataset.tags(band)
        classes = {
            int(key.removeprefix("class_")): text.split(":")[0]
            for key, text in tags.items()
            if key.startswith("class_")
        }
        source = RasterioRasterSource(dataset, band_idx=band, name="trust")
        found = exact_extract(
            source, zones[["geometry"]], ["unique", "frac"], output="pandas", max_cells_in_memory=CELLS
        )
        classes.pop(int(dataset.nodata), None)
    both = zip(found["unique"], found["frac"], strict=True)
    of_zone = [dict(zip(map(int, values), shares, strict=True)) for values, shares in both]
    return {
        re.sub(r"\W+", "_", text).strip("_"): pd.Series([float(one.get(value, 0)) for one in of_zone], zones.index)
        for value, text in sorted(classes.items())
    }


def _refuse(
    path: Path, wrong: pd.Series, zones: gpd.GeoDataFrame, what: str, expected: str, fix: str | None = None
) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong.to_numpy())[0])
        zone = zones["zone"].iloc[row]
        raise TableError(f"zone '{zone}' {what}", where=f"{path}, feature {row + 1}", expected=expected, fix=fix)
