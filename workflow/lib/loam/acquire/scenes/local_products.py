"""Sentinel-1 and -2 products that users hold: SAFE folders and zips of one folder, named as ESA names them.

Orbit files of Sentinel-1 lie beside the products.

Read when the workflow is parsed: standard library only. The names are those of the product specifications (Sentinel-1
S1-RS-MDA-52-7441, section 3.4.1; Sentinel-2 S2-PDGS-TAS-DI-PSD, section 3.4); a copy that somebody renamed is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from loam.acquire.scenes.satellites import ORBIT_FILES, relative_orbit
from loam.acquire.scenes.scene_names import is_sentinel1_name, sentinel1_name
from loam.errors import TableError
from loam.io.archives import is_strewn

SUFFIXES = (".SAFE", ".zip", ".SAFE.zip")
ORBIT_SUFFIXES = (".EOF", ".EOF.gz", ".EOF.zip")
_SENTINEL2 = re.compile(
    r"(?P<platform>S2[A-D])_MSI(?P<level>L1C|L2A)_(?P<start>\d{8}T\d{6})_N(?P<baseline>\d{4})_R(?P<orbit>\d{3})_"
    r"T(?P<tile>\d{2}[A-Z]{3})_\d{8}T\d{6}"
)
_ORBIT = re.compile(
    rf"(?P<mission>S1[A-D])_OPER_(?P<kind>{'|'.join(ORBIT_FILES.values())})_OPOD_(?P<made>\d{{8}}T\d{{6}})_"
    r"V(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})"
)


def product_path(folder: Path, scene: str) -> str:
    """Where a product of the folder lies: the SAFE folder, or the zip; the SAFE folder's path where there is none.

    Raises:
        TableError: it is there twice.
    """
    found = [folder / f"{scene}{suffix}" for suffix in SUFFIXES if (folder / f"{scene}{suffix}").exists()]
    if len(found) > 1:
        raise TableError(
            f"product {scene} is there as {' and '.join(path.name for path in found)}", where=folder,
            fix="leave one of them",
        )  # fmt: skip
    return str(found[0] if found else folder / f"{scene}.SAFE")


def orbits_in(folder: Path, scene: str) -> list[str]:
    """The orbit files (EOF, or packed) of a folder that cover a Sentinel-1 scene by their names, the newest last.

    Names are ESA's (GMES-GSEG-EOPG-FS-10-0075), or the scene's, as downloads for a scene are kept. Of other kinds of
    orbits (predicted ones) nothing is taken.

    Raises:
        TableError: the name of an orbit file says neither what it covers nor which scene it is of.
    """
    said, found = sentinel1_name(scene), []
    for path in sorted(folder.iterdir(), key=lambda item: item.name):
        name, *_ = path.name.partition(".EOF")
        if not path.name.endswith(ORBIT_SUFFIXES) or is_strewn(path.name):
            continue
        if name == scene:
            found.append(str(path))
        elif match := _ORBIT.fullmatch(name):
            start, stop = (_time(match[key]) for key in ("start", "stop"))
            if match["mission"] == said.mission and start <= said.start and stop >= said.stop:
                found.append(str(path))
        elif "_OPER_AUX_" not in name and not is_sentinel1_name(name):
            raise TableError(
                "its name does not say which satellite and time it covers", where=path,
                expected="as S1A_OPER_AUX_POEORB_OPOD_20210316T161714_V20191231T225942_20200102T005942.EOF, or the "
                "scene's name and .EOF", fix="give it its name back",
            )  # fmt: skip
    return found


def products_in(folder: Path, dataset: str, first: date, last: date) -> list[dict[str, Any]]:
    """The products of a folder that were taken from ``first`` to ``last`` (days in UTC), as rows of the scene list.

    Of a Sentinel-2 take that is there at both levels, level 2A is listed.

    Raises:
        TableError: the folder holds no product of the satellite.
    """
    names = {}
    for path in sorted(folder.iterdir()):
        name = path.name.removesuffix(".zip").removesuffix(".SAFE")
        if path.name.endswith(SUFFIXES) and name.startswith("S1" if dataset == "sentinel1" else "S2"):
            names[name] = path
    if not names:
        raise TableError(
            f"holds no product of {dataset}", where=folder,
            expected="folders <name>.SAFE or zips <name>.zip, with the names that ESA gave",
        )  # fmt: skip
    row_of = _sentinel1 if dataset == "sentinel1" else _sentinel2
    rows = [row_of(name, path) for name, path in names.items()]
    inside = [row for row in rows if first <= row["acquired"].date() <= last]
    better = {(row["platform"], row["tile"], row["acquired"]) for row in inside if "_MSIL2A_" in row["scene"]}
    return [
        {**row, "dataset": dataset, "back_end": "local"}
        for row in inside
        if "_MSIL1C_" not in row["scene"] or (row["platform"], row["tile"], row["acquired"]) not in better
    ]


def _sentinel1(name: str, path: Path) -> dict[str, Any]:
    try:
        said = sentinel1_name(name)
    except TableError as error:
        raise TableError(error.what, where=path, expected=error.expected, fix="give it its name back") from None
    return {
        "scene": name, "platform": said.mission, "acquired": said.start,
        "relative_orbit": relative_orbit(said.mission, said.orbit), "tile": "", "polarisations": said.polarisations,
        "version": "",
    }  # fmt: skip


def _sentinel2(name: str, path: Path) -> dict[str, Any]:
    said = _SENTINEL2.fullmatch(name)
    if said is None:
        raise TableError(
            "no name of a Sentinel-2 product", where=path,
            expected="as S2A_MSIL2A_20230105T000121_N0509_R130_T55GEN_20230105T012345", fix="give it its name back",
        )  # fmt: skip
    return {
        "scene": name, "platform": said["platform"],
        "acquired": _time(said["start"]),
        "relative_orbit": int(said["orbit"]), "tile": said["tile"], "polarisations": "",
        "version": f"{said['baseline'][:2]}.{said['baseline'][2:]}",
    }  # fmt: skip


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
