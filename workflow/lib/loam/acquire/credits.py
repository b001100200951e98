"""Whose data a run's samples and maps are made from, and under which licences.

Read when the workflow is parsed: standard library and the catalogue only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loam.acquire.acquire_plan import FIELDS, MAPS, SCENES
from loam.acquire.catalogue import dataset_of
from loam.config.covariates import kinds_needed
from loam.config.parts import origins
from loam.config.sandbox import BACK_END
from loam.config.synthetic import made_and_real

Config = Mapping[str, Any]


def kinds_read(config: Config) -> list[str]:
    """The kinds of data of section ``acquire`` that samples and maps are made from."""
    if "cube" not in origins(config).values():
        return []
    needed = set(kinds_needed(config["features"]))
    if "sentinel1" in needed:
        needed.add("terrain")  # its passes are corrected with it
    return [kind for kind in (*FIELDS, *MAPS, *SCENES) if kind in needed and config["acquire"][kind]]


def kinds_credited(config: Config) -> list[str]:
    """Those of ``kinds_read`` that are others' data: what the sandbox makes is nobody's."""
    return [kind for kind in kinds_read(config) if config["acquire"][kind]["back_end"] != BACK_END]


def citations_of(config: Config) -> list[str]:
    """How to cite the data of others that maps are made from, each once."""
    datasets = [dataset_of(config["acquire"][kind]["dataset"]) for kind in kinds_credited(config)]
    return list(dict.fromkeys(dataset.citation for dataset in datasets))


def licences_of(config: Config) -> list[str]:
    """The licences of what maps are made from, by dataset: ``SMAP L4: NASA open data``, each once."""
    datasets = [dataset_of(config["acquire"][kind]["dataset"]) for kind in kinds_credited(config)]
    made = ["synthetic data of loam: none needed"] if made_and_real(config)[0] else []
    return made + list(dict.fromkeys(f"{dataset.title}: {dataset.licence}" for dataset in datasets))
