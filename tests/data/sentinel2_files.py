"""Small Sentinel-2 products as ESA and the catalogues deliver them, written for tests: every pixel is given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

TILE = "55GEN"  # central Tasmania: EPSG:32755
WEST, NORTH = 500_000.0, 5_400_000.0
SIDE = 30  # 20 m pixels along the tile
CRS = "EPSG:32755"
NUMBERS = {"B04": 500, "B8A": 3000, "B12": 1000}  # reflectance x 10,000
NDVI, NDWI = (0.30 - 0.05) / (0.30 + 0.05), (0.30 - 0.10) / (0.30 + 0.10)
LOSSLESS = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO"}
METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<n1:{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_{level}.xsd"><n1:General_Info>
<Product_Info><PRODUCT_URI>{name}.SAFE</PRODUCT_URI><PROCESSING_LEVEL>{level}</PROCESSING_LEVEL>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Datatake><DATATAKE_SENSING_START>{time}</DATATAKE_SENSING_START></Datatake>
<Product_Organisation><Granule_List><Granule>{files}</Granule></Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics>{radiometry}</Product_Image_Characteristics></n1:General_Info>
</n1:{level}_User_Product>
"""


def write_raster(path: Path, values: np.ndarray, *, west: float = WEST, north: float = NORTH, crs: str = CRS) -> Path:
    """A raster [row, column] or [band, row, column] over the tile's area; JPEG 2000 or GeoTIFF, by suffix."""
    values = values[None] if values.ndim == 2 else values
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 20 * SIDE / values.shape[2]
    driver = LOSSLESS if path.suffix == ".jp2" else {"driver": "GTiff"}
    profile = {
        "count": values.shape[0], "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype,
        "crs": crs, "transform": Affine(size, 0, west, 0, -size, north),
    }  # fmt: skip
    with rasterio.open(path, "w", **driver, **profile) as dataset:
        dataset.write(values)
    return path


def full(value: float, side: int = SIDE, dtype: str = "uint16") -> np.ndarray:
    """The same number everywhere."""
    return np.full((side, side), value, dtype)


def write_safe(
    folder: Path,
    *,
    level: str = "2A",
    baseline: str = "05.09",
    offset: int | None = -1000,
    bands: Mapping[str, np.ndarray] | None = None,
    masks: Mapping[str, np.ndarray | str] | None = None,
    time: str = "2023-01-05T00:01:21.000Z",
    tile: str = TILE,
    west: float = WEST,
) -> Path:
    """A SAFE folder; the path of it.

    Args:
        folder: where it is made.
        level: ``1C`` or ``2A``.
        baseline: processing baseline.
        offset: of all bands, in DN; added to ``NUMBERS`` too; None leaves it out of the metadata.
        bands: DN by band (and ``SCL``), in place of ``NUMBERS``.
        masks: files of QI_DATA, by name: pixels, or the text of a GML.
        time: start of sensing.
        tile: MGRS tile.
        west: of its pixels, m.
    """
    stamp = time[:19].replace("-", "").replace(":", "")
    name = f"S2A_MSIL{level}_{stamp}_N{baseline.replace('.', '')}_R130_T{tile}_{stamp}"
    safe = folder / f"{name}.SAFE"
    granule = f"GRANULE/L{level}_T{tile}_A039000_{stamp}"
    images = {band: full(number - (offset or 0)) for band, number in NUMBERS.items()}
    if level == "2A":
        images["SCL"] = full(4, dtype="uint8")
    images.update(bands or {})
    folders, suffix = ("R20m/", "_20m") if level == "2A" else ("", "")
    files = {band: f"{granule}/IMG_DATA/{folders}T{tile}_{stamp}_{band}{suffix}" for band in images}
    for band, values in images.items():
        write_raster(safe / f"{files[band]}.jp2", values, west=west)
    for mask, values in (masks or {}).items():
        path = safe / granule / "QI_DATA" / mask
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(values, str):
            path.write_text(values, encoding="utf-8")
        else:
            write_raster(path, values, west=west)
    prefix, tag = ("BOA_", "BOA_ADD_OFFSET") if level == "2A" else ("", "RADIO_ADD_OFFSET")
    radiometry = f"<{prefix}QUANTIFICATION_VALUE>10000</{prefix}QUANTIFICATION_VALUE>"
    if offset is not None:
        radiometry += "".join(f'<{tag} band_id="{number}">{offset}</{tag}>' for number in range(13))
    (safe / f"MTD_MSIL{level}.xml").write_text(
        METADATA.format(
            level=f"Level-{level}", name=name, baseline=baseline, time=time, radiometry=radiometry,
            files="".join(f"<IMAGE_FILE>{file}</IMAGE_FILE>" for file in files.values()),
        ),
        encoding="utf-8",
    )  # fmt: skip
    return safe


def zipped(safe: Path) -> Path:
    """A zip of a SAFE folder, beside it."""
    return Path(shutil.make_archive(str(safe.with_suffix("")), "zip", safe.parent, safe.name))


def write_item(
    folder: Path,
    *,
    properties: Mapping[str, object] | None = None,
    described: Mapping[str, object] | None = None,
    bands: Mapping[str, np.ndarray] | None = None,
    collection: str = "sentinel-2-l2a",
) -> Path:
    """A STAC item of Earth Search with its GeoTIFFs; the path of the JSON.

    Args:
        folder: where it is made.
        properties: of the item, over what every item has; a value of None leaves a property out.
        described: the entry of ``raster:bands`` of the reflectances; None leaves it out.
        bands: pixels by asset, over the tile of ``NUMBERS``.
        collection: the item's collection.
    """
    name = f"S2A_{TILE}_20230105_0_L2A"
    said = {
        "datetime": "2023-01-05T00:08:12.1Z", "grid:code": f"MGRS-{TILE}", "s2:processing_baseline": "05.09",
        "proj:epsg": int(CRS.removeprefix("EPSG:")), **(properties or {}),
    }  # fmt: skip
    images = {
        "red": full(NUMBERS["B04"], 2 * SIDE), "nir08": full(NUMBERS["B8A"]), "swir22": full(NUMBERS["B12"]),
        "scl": full(4, dtype="uint8"), **(bands or {}),
    }  # fmt: skip
    assets = {}
    for key, values in images.items():
        write_raster(folder / f"{key}.tif", values)
        size = 20 * SIDE / values.shape[1]
        assets[key] = {
            "href": f"https://catalogue.example/{key}.tif",
            "proj:shape": list(values.shape),
            "proj:transform": [size, 0, WEST, 0, -size, NORTH],
        }
        if described is not None and key not in ("scl", "cloud", "snow"):
            assets[key]["raster:bands"] = [dict(described)]
    item = {
        "type": "Feature", "id": name, "collection": collection, "assets": assets,
        "properties": {key: value for key, value in said.items() if value is not None},
    }  # fmt: skip
    path = folder / f"{name}.json"
    path.write_text(json.dumps(item), encoding="utf-8")
    return path


def mask_gml(*areas: tuple[str, list[tuple[float, float]]]) -> str:
    """A GML mask of (kind, outer ring)."""
    members = "".join(
        f"<eop:MaskFeature><eop:maskType>{kind}</eop:maskType><eop:extentOf><gml:Polygon><gml:exterior><gml:LinearRing>"
        f'<gml:posList srsDimension="2">{" ".join(f"{x} {y}" for x, y in ring)}</gml:posList>'
        "</gml:LinearRing></gml:exterior></gml:Polygon></eop:extentOf></eop:MaskFeature>"
        for kind, ring in areas
    )
    names = 'xmlns:eop="http://www.opengis.net/eop/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"'
    return f'<?xml version="1.0"?><eop:Mask {names}><eop:maskMembers>{members}</eop:maskMembers></eop:Mask>'


def box(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    """A ring around columns and rows of 20 m pixels, in metres."""
    west, east, north, south = WEST + 20 * left, WEST + 20 * right, NORTH - 20 * top, NORTH - 20 * bottom
    return [(west, north), (east, north), (east, south), (west, south), (west, north)]
