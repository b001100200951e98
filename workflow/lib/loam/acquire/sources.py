"""Open a dataset at a back end; the client's module is imported then, so that a run loads those that it uses."""

from __future__ import annotations

from pathlib import Path

from loam.acquire.access import Access
from loam.acquire.catalogue import dataset_of
from loam.acquire.clients import client_of
from loam.acquire.source import SceneSource, Source
from loam.errors import ConfigError
from loam.plugins import load


def open_source(dataset: str, back_end: str, access: Access, workspace: str | Path) -> Source:
    """Maps or fields of a dataset from a back end.

    Args:
        dataset: name in the catalogue.
        back_end: ``earthengine``, ``direct`` or ``local``.
        access: what the config says of reaching it.
        workspace: a folder for what is kept between attempts.

    Raises:
        ConfigError: no such dataset, it is not to be had from there, it is made by the sandbox, or it is a dataset of
            scenes.
        CredentialError: the back end needs credentials or a project, and there are none.
    """
    entry, client = dataset_of(dataset), client_of(dataset, back_end)
    if entry.form == "scenes":
        raise ConfigError("is a dataset of scenes", where=f"dataset '{dataset}'", expected="one of maps or fields")
    return load(client)(entry, access, Path(workspace))


def open_scenes(dataset: str, back_end: str, access: Access) -> SceneSource:
    """Scenes of a dataset from a back end.

    Args:
        dataset: name in the catalogue.
        back_end: ``earthengine``, ``direct`` or ``local``.
        access: likewise, with the run's choice of scenes and its grid.

    Raises:
        ConfigError: no such dataset, it is not to be had from there, or it is no dataset of scenes.
        CredentialError: the back end needs credentials or a project, and there are none.
    """
    entry, client = dataset_of(dataset), client_of(dataset, back_end)
    if entry.form != "scenes":
        raise ConfigError(f"is a dataset of {entry.form}", where=f"dataset '{dataset}'", expected="one of scenes")
    return load(client)(entry, access)
