"""The manifest of a synthetic Sentinel-1 product: who made it, when, on which orbit, where, and what files it holds.

Laid out as the product specification has it (S1-RS-MDA-52-7441); the files are those of the annotation, with size and
checksum, and the measurements, which are written later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from loam.sandbox.radar.frame import Frame, iso
from loam.sandbox.radar.radar_annotation import POLARISATIONS, Name
from loam.sandbox.radar.radar_orbit import CYCLE_DAYS, DAY, MISSION

PROCESSOR = "003.71"
VERSION = "esa/safe/sentinel-1.0/sentinel-1/sar/level-1/grd/standard/iwdp"
NAMESPACES = {
    "xfdu": "urn:ccsds:schema:xfdu:1", "gml": "http://www.opengis.net/gml",
    "safe": "http://www.esa.int/safe/sentinel-1.0", "s1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1",
    "s1sarl1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1",
}  # fmt: skip


def manifest_xml(
    frame: Frame, name: Name, corners: Sequence[tuple[float, float]], files: Mapping[str, bytes]
) -> ElementTree.Element:
    """The manifest.

    Args:
        frame: of the image.
        name: of the product.
        corners: its footprint, (longitude, latitude) in degrees.
        files: the annotation's files, by path in the product.
    """
    for prefix, address in NAMESPACES.items():
        ElementTree.register_namespace(prefix, address)
    root = ElementTree.Element(_tag("xfdu:XFDU"), {"version": VERSION})
    metadata = _under(root, "metadataSection")
    processing = _wrapped(metadata, "processing", "PROVENANCE")
    step = ElementTree.SubElement(processing, _tag("safe:processing"), {"name": "GRD Post Processing"})
    facility = ElementTree.SubElement(step, _tag("safe:facility"), {"name": "loam sandbox"})
    ElementTree.SubElement(facility, _tag("safe:software"), {"name": "Sentinel-1 IPF", "version": PROCESSOR})
    platform = _texts(_wrapped(metadata, "platform"), "safe:platform", {
        "safe:familyName": "SENTINEL-1", "safe:number": MISSION[-1],
    })  # fmt: skip
    instrument = _texts(platform, "safe:instrument", {"safe:familyName": "Synthetic Aperture Radar"})
    _texts(_under(instrument, "safe:extension"), "s1sarl1:instrumentMode", {
        "s1sarl1:mode": "IW", "s1sarl1:swath": "IW",
    })  # fmt: skip
    orbit = _under(_wrapped(metadata, "measurementOrbitReference"), "safe:orbitReference")
    cycle = str(int(frame.seen.time // (CYCLE_DAYS * DAY)) + 1)
    for tag, text in (
        ("orbitNumber", str(name.orbit)), ("relativeOrbitNumber", str(name.relative_orbit)), ("cycleNumber", cycle),
    ):  # fmt: skip
        for kind in ("start", "stop"):
            ElementTree.SubElement(orbit, _tag(f"safe:{tag}"), {"type": kind}).text = text
    _texts(_under(orbit, "safe:extension"), "s1:orbitProperties", {
        "s1:pass": frame.seen.direction.upper(),
        "s1:ascendingNodeTime": iso(frame.orbit.node_time(frame.seen.time)),
    })  # fmt: skip
    general = _texts(_wrapped(metadata, "generalProductInformation"), "s1sarl1:standAloneProductInformation", {
        "s1sarl1:missionDataTakeID": str(name.data_take), "s1sarl1:productClass": "S",
        "s1sarl1:productComposition": "Individual", "s1sarl1:productType": "GRD",
    })  # fmt: skip
    for polarisation in POLARISATIONS:
        _under(general, "s1sarl1:transmitterReceiverPolarisation").text = polarisation.upper()
    _texts(_wrapped(metadata, "acquisitionPeriod"), "safe:acquisitionPeriod", {
        "safe:startTime": iso(frame.start), "safe:stopTime": iso(frame.stop),
    })  # fmt: skip
    frames = _under(_under(_wrapped(metadata, "measurementFrameSet"), "safe:frameSet"), "safe:frame")
    place = ElementTree.SubElement(
        frames, _tag("safe:footPrint"), {"srsName": "http://www.opengis.net/gml/srs/epsg.xml#4326"}
    )
    _under(place, "gml:coordinates").text = " ".join(
        f"{latitude:.6f},{longitude:.6f}" for longitude, latitude in corners
    )
    section = _under(root, "dataObjectSection")
    for path, content in files.items():
        _object(section, path, "text/xml", content)
    for polarisation in POLARISATIONS:
        _object(section, f"measurement/{name.file(polarisation)}.tiff", "application/octet-stream", None)
    return root


def _object(section: ElementTree.Element, path: str, kind: str, content: bytes | None) -> None:
    identifier = "".join(letter for letter in path.rsplit("/", 1)[-1].rsplit(".", 1)[0] if letter.isalnum())
    held = ElementTree.SubElement(section, "dataObject", {"ID": identifier})
    size = {} if content is None else {"size": str(len(content))}
    stream = ElementTree.SubElement(held, "byteStream", {"mimeType": kind, **size})
    ElementTree.SubElement(stream, "fileLocation", {"locatorType": "URL", "href": f"./{path}"})
    if content is not None:
        checksum = ElementTree.SubElement(stream, "checksum", {"checksumName": "MD5"})
        checksum.text = hashlib.md5(content, usedforsecurity=False).hexdigest()


def _wrapped(metadata: ElementTree.Element, name: str, kind: str = "DESCRIPTION") -> ElementTree.Element:
    category = "PDI" if kind == "PROVENANCE" else "DMD"
    held = ElementTree.SubElement(
        metadata, "metadataObject", {"ID": name, "classification": kind, "category": category}
    )
    wrap = ElementTree.SubElement(held, "metadataWrap", {"mimeType": "text/xml", "vocabularyName": "SAFE"})
    return _under(wrap, "xmlData")


def _tag(name: str) -> str:
    prefix, _, tag = name.rpartition(":")
    return f"{{{NAMESPACES[prefix]}}}{tag}" if prefix else tag


def _under(parent: ElementTree.Element, tag: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, _tag(tag))


def _texts(parent: ElementTree.Element, tag: str, texts: Mapping[str, str]) -> ElementTree.Element:
    element = _under(parent, tag)
    for key, text in texts.items():
        _under(element, key).text = text
    return element
