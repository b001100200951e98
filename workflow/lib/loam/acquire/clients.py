"""Which class reads a dataset from a back end: the one place that knows every client."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loam.acquire.catalogue import dataset_of
from loam.acquire.scenes.scene_names import scene_rows
from loam.errors import ConfigError

EARTHENGINE = {
    "scenes": "loam.acquire.earthengine.ee_scenes:EarthEngineScenes",
    "maps": "loam.acquire.earthengine.ee_source:EarthEngineSource",
    "fields": "loam.acquire.earthengine.ee_source:EarthEngineSource",
}
LOCAL = {
    "scenes": "loam.acquire.scenes.local_scenes:LocalScenes",
    "maps": "loam.acquire.local.local_source:LocalSource",
    "fields": "loam.acquire.local.local_source:LocalSource",
}
DIRECT = {  # by the key `client` of datasets.yaml
    "archive": "loam.acquire.direct.pinned_archive:ArchiveSource",
    "cds": "loam.acquire.direct.cds:CdsSource",
    "cog": "loam.acquire.direct.cog_source:CogSource",
    "earthdata": "loam.acquire.direct.earthdata:EarthdataSource",
    "netcdf_day": "loam.acquire.direct.netcdf_days:NetcdfDaySource",
    "sentinel1": "loam.acquire.scenes.sentinel1_scenes:Sentinel1Scenes",
    "silo": "loam.acquire.direct.silo:SiloSource",
    "stac": "loam.acquire.scenes.stac:StacScenes",
}


def client_of(dataset: str, back_end: str) -> str:
    """Where the class stands that reads ``dataset`` from ``back_end``, for ``loam.plugins.load``.

    Raises:
        ConfigError: no such dataset, it is not to be had from there, or it is made by the sandbox.
    """
    entry = dataset_of(dataset)
    keys = entry.back_end(back_end)
    if back_end == "sandbox":
        raise ConfigError("is made, not fetched", where=f"dataset '{dataset}'", fix="see workflow/rules/sandbox.smk")
    if back_end == "earthengine":
        return EARTHENGINE[entry.form]
    if back_end == "local":
        return LOCAL[entry.form]
    if keys["client"] not in DIRECT:
        raise ConfigError(
            f"nothing reads with client '{keys['client']}'", where=f"datasets.yaml, {dataset}, {back_end}",
            expected=f"one of {', '.join(DIRECT)}",
        )  # fmt: skip
    return DIRECT[keys["client"]]


def scene_clients(acquire: Mapping[str, Any], scenes: str | Path, *kinds: str) -> set[str]:
    """Where the classes stand that list and fetch a run's scenes: those that the config names, and the list's rows.

    Args:
        acquire: the config's section.
        scenes: the run's list of scenes, if there is one yet.
        kinds: of scenes: ``sentinel1``, ``sentinel2``.
    """
    pairs = set()
    for options in (acquire[kind] for kind in kinds if acquire[kind]):
        pairs.add((options["dataset"], options["back_end"]))
        pairs.update((row["dataset"], row["back_end"]) for row in scene_rows(scenes, options["dataset"]))
    return {client_of(dataset, back_end) for dataset, back_end in pairs if back_end != "sandbox"}
