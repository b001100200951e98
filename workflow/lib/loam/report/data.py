"""What the report says of the data that were fetched: which, from where, under which licence, and what did not come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loam.acquire.catalogue import dataset_of
from loam.acquire.credits import kinds_credited, kinds_read
from loam.config.sandbox import BACK_END
from loam.config.synthetic import made_and_real
from loam.io.tables import read_table
from loam.raster.classes import CLASSES, classes_told
from loam.report.names import kind_name
from loam.report.page_tables import Table
from loam.report.words import listed

BACK_ENDS = {"earthengine": "Google Earth Engine", "direct": "its provider", "local": "own files"}


def datasets(config: Mapping[str, Any]) -> Table | None:
    """The datasets of others that samples and maps are made from, to be credited; None if there are none.

    One row each: what it serves as, which, from where, licence and citation. What the sandbox makes is nobody's, and
    what was fetched but is not read has no part in the scores.
    """
    rows = []
    for kind in kinds_credited(config):
        chosen = config["acquire"][kind]
        dataset, source = dataset_of(chosen["dataset"]), BACK_ENDS[chosen["back_end"]]
        rows.append([kind_name(kind), dataset.title, dataset.version, source, dataset.licence, dataset.citation])
    return Table(["Serves as", "Dataset", "Version", "From", "Licence", "Citation"], rows) if rows else None


def not_credited(config: Mapping[str, Any]) -> list[str]:
    """Sentences on the data that ``datasets`` leaves out: what the sandbox made, and what was fetched but not read."""
    acquire, read = config["acquire"], kinds_read(config)
    made, real = made_and_real(config)
    told = []
    if made:
        told.append(f"loam itself made {listed(map(kind_name, made))}, from a seed: nobody is to be credited for them.")
    idle = [dataset_of(acquire[kind]["dataset"]).title for kind in real if acquire.get(kind) and kind not in read]
    idle += [dataset_of(item["dataset"]).title for item in acquire["compare"] if item["back_end"] != BACK_END]
    return [*told, f"Fetched, but no part of the scores and maps here: {listed(idle)}."] if idle else told


def classes_not_told(config: Mapping[str, Any]) -> str | None:
    """The land-cover classes that the run's product cannot tell, as a sentence; None if it tells all."""
    chosen = config["acquire"]["landcover"]
    if not chosen:
        return None
    for product in dataset_of(chosen["dataset"]).variables:
        told = classes_told(product)
        lacking = [name for name in CLASSES if name not in told]
        if lacking:
            return (
                f"{dataset_of(chosen['dataset']).title} does not tell {', '.join(lacking)}: "
                f"such land counts among {', '.join(told)}."
            )
    return None


def days_that_came(manifests: Sequence[Path]) -> Table | None:
    """How many days of each dataset came whole, and how many did not, by reason; None without a manifest.

    Args:
        manifests: the run's merged manifest, or none.
    """
    if not manifests:
        return None
    table = pd.concat([read_table(path) for path in manifests], ignore_index=True)
    table["date"] = pd.to_datetime(table["date"])
    table["dataset"] = [_name(file) for file in table["file"]]
    states = list(dict.fromkeys(table["state"]))
    rows = []
    for dataset, days in table.groupby("dataset", sort=True):
        counts = days["state"].value_counts()
        rows.append(
            [
                dataset,
                f"{days['date'].min():%Y-%m-%d} to {days['date'].max():%Y-%m-%d}",
                *(f"{counts.get(state, 0):,}" for state in states),
                f"{int(days['provisional'].sum()):,}",
                f"{int(days['model_only'].sum()):,}",
            ]  # fmt: skip
        )
    return Table(["Dataset", "Days", *(state.replace("_", " ") for state in states), "provisional", "model only"], rows)


def _name(file: str) -> str:
    """``smap_l4, source`` of ``resources/smap_l4/points/earthengine_tasmania_source/2020-01``."""
    parts = Path(file).parts
    return f"{parts[1]}, {parts[3].rsplit('_', 1)[-1]}" if "points" in parts else f"{parts[1]}, region"
