"""Which class reads a dataset: the one place that knows every back end.

A back end is imported when it is opened, so that a run loads the clients that it uses and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loam.acquire.catalogue import Dataset, dataset_of
from loam.acquire.source import SceneSource, Source
from loam.errors import ConfigError


def open_source(dataset: str, back_end: str, settings: Mapping[str, Any], workspace: str | Path) -> Source:
    """Maps or fields of a dataset from a back end.

    Args:
        dataset: name in the catalogue.
        back_end: ``earthengine``, ``direct`` or ``local``.
        settings: the config's section ``acquire``.
        workspace: a folder for what is kept between attempts.

    Raises:
        ConfigError: no such dataset, it is not to be had from there, it is made by the sandbox, or it is a dataset of
            scenes.
        CredentialError: the back end needs credentials or a project, and there are none.
    """
    entry = dataset_of(dataset)
    keys = entry.back_end(back_end)
    if back_end == "sandbox":
        raise ConfigError("is made, not fetched", where=f"dataset '{dataset}'", fix="see workflow/rules/sandbox.smk")
    if entry.form == "scenes":
        raise ConfigError("is a dataset of scenes", where=f"dataset '{dataset}'", expected="one of maps or fields")
    return _class_of(entry, back_end, keys)(entry, settings, Path(workspace))


def open_scenes(dataset: str, back_end: str, settings: Mapping[str, Any]) -> SceneSource:
    """Scenes of a dataset from a back end.

    Args:
        dataset: name in the catalogue.
        back_end: ``earthengine``, ``direct`` or ``local``.
        settings: the config's section ``acquire``; in it ``sentinel1`` or ``sentinel2`` as the run chose them, and
            ``mapping`` with the run's grid.

    Raises:
        ConfigError: no such dataset, it is not to be had from there, or it is no dataset of scenes.
        CredentialError: the back end needs credentials or a project, and there are none.
    """
    entry = dataset_of(dataset)
    keys = entry.back_end(back_end)
    if entry.form != "scenes":
        raise ConfigError(f"is a dataset of {entry.form}", where=f"dataset '{dataset}'", expected="one of scenes")
    if back_end == "earthengine":
        from loam.acquire.earthengine.scenes import EarthEngineScenes

        return EarthEngineScenes(entry, settings)
    if back_end == "local":
        from loam.acquire.local_scenes import LocalScenes

        return LocalScenes(entry, settings)
    if keys["client"] == "sentinel1":
        from loam.acquire.direct.sentinel1 import Sentinel1Scenes

        return Sentinel1Scenes(entry, settings)
    from loam.acquire.direct.stac import StacScenes

    return StacScenes(entry, settings)


def _class_of(dataset: Dataset, back_end: str, keys: Mapping[str, Any]) -> type[Source]:
    if back_end == "earthengine":
        from loam.acquire.earthengine.source import EarthEngineSource

        return EarthEngineSource
    if back_end == "local":
        from loam.acquire.local import LocalSource

        return LocalSource
    match keys["client"]:
        case "earthdata":
            from loam.acquire.direct.earthdata import EarthdataSource

            return EarthdataSource
        case "cds":
            from loam.acquire.direct.cds import CdsSource

            return CdsSource
        case "silo":
            from loam.acquire.direct.silo import SiloSource

            return SiloSource
        case "netcdf_day":
            from loam.acquire.direct.netcdf_days import NetcdfDaySource

            return NetcdfDaySource
        case "cog":
            from loam.acquire.direct.cog import CogSource

            return CogSource
        case "archive":
            from loam.acquire.direct.archive import ArchiveSource

            return ArchiveSource
    raise ConfigError(
        f"nothing reads with client '{keys['client']}'", where=f"datasets.yaml, {dataset.name}, {back_end}"
    )
