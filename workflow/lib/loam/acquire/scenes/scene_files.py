"""The run's scenes: the list kept up to date, and each scene and orbit fetched once.

What a scene is follows from its row in the list (name, checksum), not from the provider that the config names by now;
what is cut to the run's grid follows from the grid too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import shapely

from loam.acquire.access import Access, Choice
from loam.acquire.canonical.origin import is_current, read_source, write_source
from loam.acquire.catalogue import dataset_of
from loam.acquire.scenes.no_orbit import write_no_orbit
from loam.acquire.scenes.scene_names import sentinel1_name
from loam.acquire.scenes.scene_table import meets, merge_scenes, no_scenes, read_scenes
from loam.acquire.source import Bounds, SceneSource
from loam.acquire.sources import open_scenes
from loam.errors import TableError
from loam.raster.dateline import parts_of

log = logging.getLogger("loam")

NONE = "none"  # kind of an orbit that is not published


def list_run_scenes(
    opened: Sequence[SceneSource], bounds: Bounds, first: date, last: date, path: str | Path
) -> pd.DataFrame:
    """The scenes that the sources list, and those of an earlier list that the run still asks for.

    Args:
        opened: the sources of what the run chose.
        bounds: of the region, degrees.
        first: day of the period.
        last: day of the period.
        path: the earlier list, if there is one.
    """
    old = read_scenes(path) if Path(path).is_file() else no_scenes()
    listed = no_scenes()
    for source in opened:
        found = no_scenes()
        for part in parts_of(bounds):
            found = merge_scenes(found, source.list_scenes(part, first, last))
        kept = old[_still_asked(old, source.access.choice, bounds, first, last)]
        merged = merge_scenes(kept, found)
        log.info(
            "%s: %d scenes, %d of them new",
            source.dataset.name,
            len(merged),
            (~merged["scene"].isin(kept["scene"])).sum(),
        )
        listed = merge_scenes(listed, merged)
    return listed


def fetch_listed(scenes: str | Path, scene: str, access: Access, path: Path) -> None:
    """Fetch a scene of the list to ``path``, unless it is there.

    Args:
        scenes: the run's list.
        scene: name in it.
        access: for ``loam.acquire.sources.open_scenes``.
        path: of the product, or of the item whose assets lie beside it.

    Raises:
        TableError: the list does not have the scene.
        AcquireError: the provider did not give it, or gave another.
    """
    row, started = row_of(scenes, scene, access.choice.dataset), datetime.now(UTC)
    request = request_of_scene(row, access)
    if is_current(path, request) and _assets_are_there(path):
        return
    source = open_scenes(row["dataset"], row["back_end"], access)
    note = source.fetch_scene(row, path)
    dataset = source.dataset
    write_source(
        path, dataset=dataset.name, version=str(row["version"] or dataset.version), back_end=row["back_end"],
        request=request, licence=dataset.licence, citation=dataset.citation, fetched=(started, datetime.now(UTC)),
        clients=source.clients(), extra={"product": note},
    )  # fmt: skip


def fetch_listed_orbit(scenes: str | Path, scene: str, name: str, prefer: str, path: Path) -> None:
    """Fetch the orbit of a Sentinel-1 scene of the list to ``path``; a restituted one gives way to the precise one.

    Where the best one is asked for and none is published, a record of that takes its place
    (``loam.acquire.scenes.no_orbit``), and a warning says so; it is asked again whenever the rule runs.

    Args:
        scenes: the run's list.
        scene: name in it.
        name: of the data set that the run chose.
        prefer: the orbit that it takes (``sentinel1.orbit``).
        path: of the orbit file.

    Raises:
        TableError: the list does not have the scene.
        AcquireError: the provider does not answer, or has not published the kind that is asked for.
    """
    from loam.acquire.scenes.orbits import clients, fetch_orbit

    row, started = row_of(scenes, scene, name), datetime.now(UTC)
    request = {"scene": scene, "orbit": prefer}
    held = _kind(path) if is_current(path, request) else ""
    if held != "" and not (prefer == "best" and held in ("restituted", NONE)):
        return
    note = fetch_orbit(row, path, prefer=prefer)
    if note is None and held == "restituted":
        log.warning("%s: its restituted orbit is no longer published; the file at hand stays", scene)
        return
    if note is None:
        note = {"kind": NONE, "file": NONE, "asked": started.date().isoformat()}
        write_no_orbit(scene, started.date(), path)
        log.warning(
            "%s: no orbit is published on %s, %d days after the take; the product's own will be used. To ask again "
            "later, add `-R %s` at the end of the command",
            scene, started.date(), (started.date() - sentinel1_name(scene).start.date()).days, path,
        )  # fmt: skip
    dataset = dataset_of(name)
    write_source(
        path, dataset=dataset.name, version=str(note["file"]), back_end="direct", request=request,
        licence=dataset.licence, citation=dataset.citation, fetched=(started, datetime.now(UTC)), clients=clients(),
        extra={"product": note},
    )  # fmt: skip


def row_of(scenes: str | Path, scene: str, dataset: str) -> dict[str, Any]:
    """The scene's row in the list.

    Raises:
        TableError: it has none.
    """
    frame = read_scenes(scenes)
    rows = frame[(frame["scene"] == scene) & (frame["dataset"] == dataset)]
    if rows.empty:
        raise TableError(f"no scene '{scene}' of {dataset}", where=scenes, fix="run `snakemake scenes`")
    return rows.iloc[0].to_dict()


def request_of_scene(row: Mapping[str, Any], access: Access) -> dict[str, Any]:
    """What is asked for: the scene by name and checksum, and the run's grid where only its pixels are fetched."""
    request = {name: row[name] for name in ("dataset", "back_end", "scene", "version", "checksum")}
    if row["back_end"] == "earthengine" or getattr(access.choice, "crop", None):
        request["grid"] = dict(access.grid)
    return request


def _still_asked(old: pd.DataFrame, choice: Choice, bounds: Bounds, first: date, last: date) -> pd.Series[bool]:
    """Which rows of an earlier list the run would still ask for."""
    asked = (old["dataset"] == choice.dataset) & (old["back_end"] == choice.back_end)
    asked &= (old["acquired"] >= first.isoformat()) & (old["acquired"] < (last + timedelta(days=1)).isoformat())
    region = shapely.union_all([shapely.box(*part) for part in parts_of(bounds)])
    touches = [not text or bool(shapely.from_wkt(text).intersects(region)) for text in old["footprint"]]
    return asked & meets(old, choice) & pd.Series(touches, index=old.index, dtype=bool)


def _assets_are_there(path: Path) -> bool:
    """Whether the files that an item names beside itself are there; a product of one file is whole in itself."""
    if path.suffix != ".json":
        return True
    assets = json.loads(path.read_text(encoding="utf-8")).get("assets", {})
    names = [asset["href"] for asset in assets.values() if "://" not in asset["href"]]
    return all((path.parent / name).is_file() for name in names)


def _kind(path: Path) -> str | None:
    source = read_source(path) or {}
    return source.get("product", {}).get("kind")
