"""Styles of a map for QGIS (``.qml``): a ramp for a band of moisture or spread, and the classes of ``trust.tif``.

QGIS takes the style ``<name>.qml`` that stands beside ``<name>.tif`` by itself; others are loaded by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

import matplotlib as mpl
import numpy as np

from loam.raster.cog import Class

DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
VERSION = "3.22.0"  # the oldest QGIS that the styles are written for
STOPS = 21  # colours of a ramp, evenly spaced


def ramp_style(band: int, limits: tuple[float, float], colours: mpl.colors.Colormap, units: str) -> str:
    """The style of a band of numbers: ``colours`` from the lower to the upper limit, linear between ``STOPS`` colours.

    Args:
        band: its number, from 1.
        limits: of the colours, in the band's units; what lies beyond has the colour of the limit.
        colours: the ramp.
        units: told in the legend.
    """
    low, high = (f"{limit:g}" for limit in limits)
    renderer = _renderer("singlebandpseudocolor", band, classificationMin=low, classificationMax=high)
    shader = Xml.SubElement(Xml.SubElement(renderer, "rastershader"), "colorrampshader", {
        "colorRampType": "INTERPOLATED", "classificationMode": "2", "clip": "0", "labelPrecision": "3",
        "minimumValue": low, "maximumValue": high,
    })  # fmt: skip
    stops = np.linspace(0, 1, STOPS)
    hexes = [mpl.colors.to_hex(colours(float(stop))) for stop in stops]
    _ramp(shader, hexes)
    for stop, colour in zip(stops, hexes, strict=True):
        value = limits[0] + float(stop) * (limits[1] - limits[0])
        Xml.SubElement(shader, "item", value=f"{value:.6g}", label=f"{value:.3f}", color=colour, alpha="255")
    Xml.SubElement(shader, "rampLegendSettings", {
        "useContinuousLegend": "1", "orientation": "2", "direction": "0", "prefix": "", "suffix": f" {units}",
        "minimumLabel": "", "maximumLabel": "",
    })  # fmt: skip
    return _document(renderer)


def classes_style(band: int, classes: Sequence[Class]) -> str:
    """The style of a band of classes: each with its colour and name."""
    renderer = _renderer("paletted", band)
    palette = Xml.SubElement(renderer, "colorPalette")
    for item in classes:
        Xml.SubElement(
            palette, "paletteEntry", value=str(item.value), color=item.colour, label=item.name, alpha="255"
        )  # fmt: skip
    return _document(renderer)


def _renderer(kind: str, band: int, **attributes: str) -> Xml.Element:
    renderer = Xml.Element(
        "rasterrenderer", {"type": kind, "band": str(band), "opacity": "1", "alphaBand": "-1", "nodataColor": "",
                           **attributes},
    )  # fmt: skip
    Xml.SubElement(renderer, "rasterTransparency")
    return renderer


def _ramp(shader: Xml.Element, hexes: Sequence[str]) -> None:
    """The ramp by which QGIS makes other classes, when a user asks for them."""
    rgba = [",".join(map(str, bytes.fromhex(colour[1:]))) + ",255" for colour in hexes]
    stops = ":".join(f"{place / (len(rgba) - 1):g};{rgba[place]}" for place in range(1, len(rgba) - 1))
    ramp = Xml.SubElement(shader, "colorramp", name="[source]", type="gradient")
    options = Xml.SubElement(ramp, "Option", type="Map")
    for name, value in (("color1", rgba[0]), ("color2", rgba[-1]), ("discrete", "0"), ("rampType", "gradient"),
                        ("stops", stops)):  # fmt: skip
        Xml.SubElement(options, "Option", name=name, type="QString", value=value)


def _document(renderer: Xml.Element) -> str:
    root = Xml.Element("qgis", version=VERSION, styleCategories="Symbology|Rendering", hasScaleBasedVisibilityFlag="0")
    pipe = Xml.SubElement(root, "pipe")
    pipe.append(renderer)
    Xml.SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    Xml.SubElement(pipe, "rasterresampler", maxOversampling="2")
    Xml.SubElement(root, "blendMode").text = "0"
    Xml.indent(root, " ")
    return DOCTYPE + Xml.tostring(root, encoding="unicode") + "\n"
