"""What GDAL reads beside a raster (``<file>.aux.xml``, Persistent Auxiliary Metadata) and shows as if it stood in it.

Here stands what may change while the map does not, such as scores, so that a map is not made again for a sentence; and
what a GeoTIFF has no place for: names of classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as Xml

from loam.raster.cog import Class, rgb
from loam.training.ranges import NO_VALUE

TO_ASCII = str.maketrans({"±": "+-", "³": "3", "⁻": "-", "–": "-", "−": "-"})  # for programs that know ASCII only
COLUMNS = (
    ("Value", 0, 5),
    ("Class", 2, 2),
    ("Red", 0, 6),
    ("Green", 0, 7),
    ("Blue", 0, 8),
)  # GDAL's type and usage


def sidecar(tags: Mapping[str, str], *bands: Sequence[Class]) -> str:
    """The content of the file beside a raster.

    Args:
        tags: of the whole raster; they go before tags of the same name in it.
        bands: classes of its first bands; their names become GDAL's categories (but for that of missing values, which
            GDAL would count up to), and with their colours its attribute table.
    """
    root = Xml.Element("PAMDataset")
    if tags:
        metadata = Xml.SubElement(root, "Metadata")
        for name, value in tags.items():
            Xml.SubElement(metadata, "MDI", key=name).text = plain(value)
    for number, classes in enumerate(bands, start=1):
        band = Xml.SubElement(root, "PAMRasterBand", band=str(number))
        named = {item.value: item.name for item in classes if item.value != NO_VALUE}
        names = Xml.SubElement(band, "CategoryNames")
        for value in range(max(named) + 1):
            Xml.SubElement(names, "Category").text = named.get(value, "")
        _attribute_table(band, classes)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"


def plain(text: str) -> str:
    """``text`` in ASCII, as a tag holds it: ``+-0.060 m3 m-3``."""
    return text.translate(TO_ASCII)


def _attribute_table(band: Xml.Element, classes: Sequence[Class]) -> None:
    table = Xml.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for place, (name, kind, usage) in enumerate(COLUMNS):
        column = Xml.SubElement(table, "FieldDefn", index=str(place))
        for key, value in (("Name", name), ("Type", kind), ("Usage", usage)):
            Xml.SubElement(column, key).text = str(value)
    for place, item in enumerate(sorted(classes, key=lambda item: item.value)):
        row = Xml.SubElement(table, "Row", index=str(place))
        for value in (item.value, item.name, *rgb(item.colour)):
            Xml.SubElement(row, "F").text = str(value)
