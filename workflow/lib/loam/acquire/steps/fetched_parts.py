"""What is fetched in parts (tiles of a map, months of fields) lies in a folder beside the output until all is there.

The folder ``.<stem>.parts`` belongs to one request, whose hash it carries: a rerun after a kill finds there what was
fetched before and asks only for what is missing; another request empties it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loam.acquire.access import Access
from loam.acquire.canonical.origin import write_source
from loam.acquire.catalogue import Dataset
from loam.acquire.own_files import looks_of
from loam.acquire.source import Source
from loam.io.atomic import write_text
from loam.io.provenance import hash_of_values

NOTE = "request.txt"


def request_of(dataset: Dataset, back_end: str, access: Access, **what: Any) -> dict[str, Any]:
    """What is asked for, as plain values: the same for the same file.

    How the back end is asked (its entry of datasets.yaml) enters as a hash, without the limiter of its host. Of local
    files the names, sizes and times of change enter, so that other files in the same folder are another request.

    Args:
        dataset: the entry of the catalogue.
        back_end: ``earthengine``, ``direct`` or ``local``.
        access: what the config says of reaching it.
        **what: variable, grid, span, state, stations: what singles this file out.
    """
    keys = {name: value for name, value in dataset.back_end(back_end).items() if name != "host"}
    units = {name: variable.units for name, variable in dataset.variables.items()}
    request = {
        "dataset": dataset.name, "version": dataset.version, "back_end": back_end,
        "catalogue": hash_of_values([keys, units, dataset.nodata, dataset.resampling]), **what,
    }  # fmt: skip
    if back_end == "local":
        request["files"] = looks_of(Path(access.folders[dataset.name]))
        if access.day_boundary:
            request["day_boundary"] = access.day_boundary
    return request


def open_parts(path: str | Path, request: Mapping[str, Any]) -> Path:
    """The folder of the parts of ``path``; empty unless it holds parts of this very request."""
    folder, wanted = parts_folder(path), hash_of_values(request)
    note = folder / NOTE
    if folder.exists() and not (note.is_file() and note.read_text(encoding="utf-8") == wanted):
        shutil.rmtree(folder)
    if not folder.exists():
        folder.mkdir(parents=True)
        write_text(wanted, note)
    return folder


def complete(path: Path, source: Source, request: Mapping[str, Any], started: datetime, **extra: Any) -> None:
    """The output is whole: write its provenance and remove the folder of its parts.

    Args:
        path: of the output.
        source: it came from.
        request: what was asked for.
        started: when, UTC.
        **extra: what the provenance should add.
    """
    dataset = source.dataset
    write_source(
        path, dataset=dataset.name, version=dataset.version, back_end=source.back_end, request=request,
        licence=dataset.licence, citation=dataset.citation, fetched=(started, datetime.now(UTC)),
        clients=source.clients(), extra={**extra, "notes": source.notes},
    )  # fmt: skip
    close_parts(source.workspace)


def close_parts(folder: Path) -> None:
    """Remove the folder: the output is complete."""
    shutil.rmtree(folder, ignore_errors=True)


def parts_folder(path: str | Path) -> Path:
    """``<folder>/.<stem>.parts`` beside ``path``."""
    path = Path(path)
    return path.parent / f".{path.stem}.parts"
