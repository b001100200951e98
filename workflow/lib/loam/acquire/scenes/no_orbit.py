"""The record in the place of a Sentinel-1 scene's orbit file while none is published.

It says on which day the provider had none, and how to ask again; it is XML as orbit files are, and no orbit file.
Standard library only.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from loam.io.atomic import write_text

TAG = "No_Orbit"


def write_no_orbit(scene: str, asked: date, path: Path) -> None:
    """Write the record of a scene whose orbit was asked for on a day (UTC) and is not published."""
    element = ElementTree.Element(TAG, {"scene": scene, "asked": asked.isoformat()})
    element.text = f"none published; to ask again, run snakemake with -R {path} at the end of the command"
    write_text(f'<?xml version="1.0"?>\n{ElementTree.tostring(element, encoding="unicode")}\n', path)


def asked_in_vain(root: ElementTree.Element) -> str | None:
    """The day on which the provider had no orbit, where ``root`` is the root of such a record; else None."""
    return root.get("asked", "") if root.tag == TAG else None
