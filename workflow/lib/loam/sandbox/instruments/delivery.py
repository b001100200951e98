"""Files of the synthetic world in the places of real ones, written by the drivers that write those.

A domain is simulated once for all its months. Files are what ``docs/reference/files.md`` says, with their manifests
and provenance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from loam.acquire.access import Access
from loam.acquire.acquire_plan import HEIGHTS, RELIEF
from loam.acquire.catalogue import Dataset, dataset_of
from loam.acquire.radar_relief import relief_geobox
from loam.acquire.region import geobox_of_run, resolution_of_run
from loam.acquire.station_places import hash_of_stations
from loam.acquire.steps.fetch_fields import fetch_fields
from loam.acquire.steps.fetch_maps import fetch_map
from loam.acquire.steps.fetch_points import fetch_point_fields, fetch_point_maps
from loam.acquire.steps.fetched_parts import open_parts, request_of
from loam.acquire.steps.month_days import days_to_fetch
from loam.config.sandbox import BACK_END
from loam.errors import ConfigError
from loam.sandbox.instruments.coarse_moisture import cell_truth
from loam.sandbox.instruments.synthetic_source import RegionSource, StationSource, surroundings
from loam.sandbox.instruments.weather_grids import CellWeather
from loam.sandbox.source_domain import SourceDomain
from loam.sandbox.world import World
from loam.sandbox.world_settings import WorldSettings


@dataclass(frozen=True)
class Span:
    """A month of fields to write.

    Args:
        span: ``2020-01``.
        state: ``final``, ``provisional`` or ``open <day it is asked on>``.
        path, manifest: the files.
    """

    span: str
    state: str
    path: Path
    manifest: Path


def spans_of(
    fields: Sequence[Mapping[str, Any]], paths: Sequence[Path], manifests: Sequence[Path]
) -> dict[str, list[Span]]:
    """Months with their states and files by dataset: ``fields`` has dataset, spans and states, files in their order."""
    files = zip(paths, manifests, strict=True)
    return {
        item["dataset"]: [
            Span(span, state, *next(files)) for span, state in zip(item["spans"], item["states"], strict=True)
        ]
        for item in fields
    }


def deliver_maps(settings: WorldSettings, maps: Sequence[Mapping[str, Any]], paths: Sequence[Path]) -> None:
    """Write maps of the target's region.

    Args:
        settings: of the world.
        maps: ``dataset``, ``variable`` (or ``relief``) and ``grid`` (crs, bounds, resolution) of each.
        paths: of the files, in the same order.
    """
    world = World(settings)
    for item, path in zip(maps, paths, strict=True):
        dataset, variable = dataset_of(item["dataset"]), item["variable"]
        request = _request(dataset, settings, variable=variable, grid=dict(item["grid"]))
        source, geobox = RegionSource(dataset, Access(), open_parts(path, request), world), geobox_of_run(item["grid"])
        if variable == RELIEF:
            variable, source.smooth = HEIGHTS, True
            geobox = relief_geobox(source, variable, geobox)
        fetch_map(source, variable, geobox, path, request)


def deliver_fields(
    settings: WorldSettings, dataset: str, grid: Mapping[str, Any], spans: Sequence[Span], threads: int = 1
) -> None:
    """Write months of weather or coarse moisture over the target's region.

    Args:
        settings: of the world.
        dataset: in the catalogue.
        grid: of the run: crs, bounds, resolution.
        spans: the months.
        threads: of the simulation.

    Raises:
        ConfigError: a day is before the world's first.
    """
    world, entry, geobox = World(settings), dataset_of(dataset), geobox_of_run(grid)
    if entry.kind == "weather":
        truth = CellWeather(world)
    else:
        days = _days(entry, spans)
        _check_days(days, settings.first_day, "target")
        truth = cell_truth(world, days, threads)
    for item in spans:
        request = _request(entry, settings, span=item.span, state=item.state, grid=dict(grid))
        workspace = open_parts(item.path, request)
        source = RegionSource(entry, Access().on(item.state), workspace, world, truth)
        fetch_fields(source, geobox, item.span, item.state, item.path, item.manifest, request)


def deliver_point_fields(settings: WorldSettings, dataset: str, stations: pd.DataFrame, spans: Sequence[Span]) -> None:
    """Write months of weather or coarse moisture at the source's stations.

    Args:
        settings: of the world.
        dataset: in the catalogue.
        stations: of ``loam.acquire.station_places.read_stations``.
        spans: the months.

    Raises:
        ConfigError: a day is before the domain's first, or the sandbox has no such station.
    """
    domain, entry = SourceDomain(settings), dataset_of(dataset)
    days, truth = _days(entry, spans), None
    if entry.kind == "coarse_moisture":
        _check_days(days, settings.source_first_day, "source")
        truth = surroundings(domain, days)
    for item in spans:
        request = _request(entry, settings, span=item.span, state=item.state, stations=hash_of_stations(stations))
        workspace = open_parts(item.path, request)
        source = StationSource(entry, Access().on(item.state), workspace, domain, truth, days)
        fetch_point_fields(source, stations, item.span, item.state, item.path, item.manifest, request)


def deliver_point_maps(
    settings: WorldSettings, maps: Sequence[Mapping[str, Any]], grid: Mapping[str, Any], stations: pd.DataFrame,
    paths: Sequence[Path],
) -> None:  # fmt: skip
    """Write what maps hold at the source's stations, one table a dataset.

    Args:
        settings: of the world.
        maps: ``dataset`` and ``variables`` of each table.
        grid: of the run.
        stations: of ``loam.acquire.station_places.read_stations``.
        paths: of the tables, in the same order.
    """
    domain, resolution = SourceDomain(settings), resolution_of_run(grid)
    for item, path in zip(maps, paths, strict=True):
        dataset, variables = dataset_of(item["dataset"]), list(item["variables"])
        request = _request(dataset, settings, variables=variables, stations=hash_of_stations(stations))
        source = StationSource(dataset, Access(), open_parts(path, request), domain)
        fetch_point_maps(source, stations, variables, resolution, path, request)


def _request(dataset: Dataset, settings: WorldSettings, **what: Any) -> dict[str, Any]:
    world = {name: str(value) for name, value in settings.plain().items()}
    return request_of(dataset, BACK_END, {}, world=world, **what)


def _days(dataset: Dataset, spans: Sequence[Span]) -> list[date]:
    return [day for item in spans for day in days_to_fetch(dataset, item.span, item.state)]


def _check_days(days: Sequence[date], first: date, domain: str) -> None:
    if days[0] < first:
        raise ConfigError(
            f"fields are wanted from {days[0]}, and the world begins on {first}",
            where=f"config key 'sandbox.period.{domain}'", expected="the whole of every month that is fetched",
            fix=f"begin it earlier, or acquire.period.{domain} later (lags reach back before it)",
        )  # fmt: skip
