"""Recognise how a Sentinel-2 product was delivered, and open it."""

from __future__ import annotations

from pathlib import Path

from loam.errors import RasterError
from loam.sentinel2.esa_safe import read_safe
from loam.sentinel2.item import read_item
from loam.sentinel2.tile_pass import Product


def open_product(path: str | Path) -> Product:
    """Open a product: a SAFE folder, a zip of one, a STAC item (JSON), or the folder that holds one of them.

    Raises:
        RasterError: there is no such file, no metadata, or they do not describe a whole Sentinel-2 product.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix == ".json":
            return read_item(path)
        return read_safe(path.parent if path.name.startswith("MTD_MSI") and path.suffix == ".xml" else path)
    if not path.is_dir():
        raise RasterError("no such product", where=path, fix="fetch it again")
    if any(path.glob("MTD_MSI*.xml")) or any(path.glob("*.SAFE/MTD_MSI*.xml")):
        return read_safe(path)
    items = [file for file in sorted(path.glob("*.json")) if not file.name.endswith(".provenance.json")]
    zips = sorted(path.glob("*.zip"))
    if len(items) + len(zips) != 1:
        raise RasterError(
            f"no metadata: {len(items)} JSON files, {len(zips)} zips", where=path,
            expected="a SAFE folder, a zip of one, or one STAC item beside its GeoTIFFs", fix="fetch the product again",
        )  # fmt: skip
    return read_item(items[0]) if items else read_safe(zips[0])
