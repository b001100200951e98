"""Is a ZIP archive a whole Sentinel-1 product in SAFE format? By its directory: manifest, annotation and measurement of
each polarisation that its name promises (S1-RS-MDA-52-7441, section 3).
"""

from __future__ import annotations

import fnmatch
from pathlib import Path

from loam.acquire.canonical.check import check_magic
from loam.acquire.http.content import describe, is_xml
from loam.acquire.scenes.scene_names import sentinel1_name
from loam.errors import AcquireError
from loam.io.archives import open_member, open_zip

PARTS = ("annotation/*-{polarisation}-*.xml", "annotation/calibration/calibration-*-{polarisation}-*.xml",
         "annotation/calibration/noise-*-{polarisation}-*.xml", "measurement/*-{polarisation}-*.tiff")  # fmt: skip


def check_safe(path: Path, scene: str, *, whole: bool = False) -> None:
    """Check the archive of the product ``scene``.

    Args:
        path: the archive.
        scene: the product's name.
        whole: read every member and compare its CRC-32.

    Raises:
        AcquireError: it is no ZIP archive, cut short, of another product, or lacks a part.
    """
    check_magic(path, "zip", whole=whole)
    root = f"{scene}.SAFE/"
    with open_zip(path, kind=AcquireError) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        if not any(name.startswith(root) for name in sizes):
            there = sorted({name.split("/")[0] for name in sizes})
            raise AcquireError(f"holds {', '.join(there[:3]) or 'nothing'}", where=path, expected=root.rstrip("/"))
        if not sizes.get(f"{root}manifest.safe"):
            raise AcquireError("holds no manifest.safe", where=path, expected=f"{root}manifest.safe")
        with open_member(archive, f"{root}manifest.safe", kind=AcquireError) as file:
            head = file.read(4096)
    if not is_xml(head):
        raise AcquireError(f"manifest.safe is {describe(head)}", where=path, expected="XML")
    for polarisation in sentinel1_name(scene).polarisations.lower().split("+"):
        for part in PARTS:
            pattern = root + part.format(polarisation=polarisation)
            found = [name for name in fnmatch.filter(sizes, pattern) if name.count("/") == pattern.count("/")]
            if not found:
                raise AcquireError(
                    f"lacks {pattern.removeprefix(root)}", where=path, expected="a whole product",
                    fix="remove the scene from the list of scenes, or choose another provider",
                )  # fmt: skip
            if not all(sizes[name] for name in found):
                raise AcquireError(f"{found[0].removeprefix(root)} is empty", where=path, expected="a whole product")
