"""The files of the cube and of its passes, known when the workflow is parsed. No heavy library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from loam.acquire.acquire_plan import (
    FIELDS,
    MAPS,
    SCENES,
    choice,
    fields_files,
    map_files,
    period_of,
    point_files,
    relief_files,
    scenes_file,
    variables_read,
)
from loam.acquire.file_spans import days_of
from loam.acquire.own_files import folder_of
from loam.acquire.run_grid import area_of
from loam.acquire.scenes.local_products import orbits_in, product_path
from loam.acquire.scenes.scene_names import scene_rows
from loam.config.covariates import ahead_of, kinds_needed
from loam.config.day_boundary import day_of, shift_of
from loam.config.parts import demand, origin, origins
from loam.covariates.read.day_files import months_of_days
from loam.errors import ConfigError
from loam.variables import facts_of, kinds_of, native, observed

Config = Mapping[str, Any]


def cube_inputs(config: Config) -> dict[str, list[str]]:
    """What the cube, samples and maps read by name; samples read none of it where they do not come from the cube.

    Whatever of a domain the config lacks is left out: ``loam.acquire.acquire_plan.check_samples`` says what samples
    need.
    """
    names = ("soil", "terrain", "relief", "landcover", "grid", "static", "dynamic", "source_points", "target_points")
    files: dict[str, list[str]] = {name: [] for name in names}
    for kind in MAPS:
        if choice(config, kind):
            files[kind] = map_files(config, kind)
    files["relief"] = relief_files(config)
    cube = [domain for domain, named in origins(config).items() if named == "cube"]
    if not cube:
        return files
    files["grid"] = [f"results/{config['run']}/grid.json"]
    files["static"] = _static(config)
    for domain in cube:
        if config["acquire"]["period"][domain] is None:
            continue
        if config["covariates"]["domains"][domain] != "points":
            first, last = (text for text in config["acquire"]["period"][domain])
            files["dynamic"] += months_of_cube(config, first, min(last, period_of(config, domain)[1].isoformat()))
        else:
            needed = kinds_needed(config["features"])
            kinds = [kind for kind in (*FIELDS, *MAPS) if kind in needed and choice(config, kind)]
            files[f"{domain}_points"] = [file for kind in kinds for file in point_files(config, kind, domain)]
    files["dynamic"] = sorted(set(files["dynamic"]))
    return files


def cube_stores(config: Config) -> list[str]:
    """The stores that the target ``cube`` makes: what is static, and each month that has something to hold.

    Months are those of the target's period, or without one those of the listed scenes.

    Raises:
        ConfigError: the config lacks what a cube needs, or nothing that it names has any month.
    """
    fields = [kind for kind in FIELDS if choice(config, kind)]
    scenes = [kind for kind in SCENES if choice(config, kind)]
    demand(config, "cube", listing=bool(scenes) and not Path(scenes_file(config)).is_file())
    if fields:
        demand(config, "fields")
        first, last = config["acquire"]["period"]["target"]
        months = months_of_cube(config, first, min(last, period_of(config, "target")[1].isoformat()))
    else:
        found = sorted({name[:7] for kind in scenes for name in passes(config, kind)})
        months = [f"results/{config['run']}/covariates/dynamic/{month}.zarr" for month in found]
    return [*_static(config), *months]


def _static(config: Config) -> list[str]:
    chosen = any(choice(config, kind) for kind in MAPS)
    return [f"results/{config['run']}/covariates/static.zarr"] if chosen else []


def passes_files(config: Config, kind: str) -> list[str]:
    """The files on the grid of all listed passes of Sentinel-1, or days and tiles of Sentinel-2.

    Raises:
        ConfigError: the config lacks what they need, or no scene is listed.
    """
    demand(config, kind, listing=not Path(scenes_file(config)).is_file())
    return [f"results/{config['run']}/{kind}/{name}.tif" for name in passes(config, kind)]


def months_of_cube(config: Config, first: str, last: str) -> list[str]:
    """The stores of months that days ``first`` to ``last`` (YYYY-MM-DD) read, none after the period."""
    ahead = date.fromisoformat(last) + timedelta(days=ahead_of(config["features"], config["covariates"]))
    end = max(date.fromisoformat(last), min(ahead, period_of(config, "target")[1])).isoformat()
    months = months_of_days(config["features"], config["covariates"], first, end)
    return [f"results/{config['run']}/covariates/dynamic/{month}.zarr" for month in months]


def cube_months(config: Config, day: str) -> list[str]:
    """The stores of months that a map of ``day`` reads; none where the run has no cube."""
    return months_of_cube(config, day, day) if origin(config, "target") == "cube" else []


def files_of_month(config: Config, kind: str, wildcards: Any) -> list[str]:
    """The files of a kind that the store of a month (``2022-08``) is built from; what no feature reads is kept too."""
    if choice(config, kind) is None:
        return []
    month = wildcards.month
    first, last = days_of(month)[0], days_of(month)[-1]
    if kind in ("sentinel1", "sentinel2"):
        days = {name: date.fromisoformat(name[:10]) for name in passes(config, kind)}
        return [f"results/{config['run']}/{kind}/{name}.tif" for name, day in days.items() if first <= day <= last]
    return fields_files(config, kind, first, last)


def facts_built(config: Config, *forms: str) -> dict[str, Any]:
    """What is declared of the variables that stores of the cube are built from, for the values of their jobs.

    Args:
        config: the run's.
        forms: ``maps`` (what is static), ``fields`` and ``scenes`` (a month).
    """
    names: set[str] = set()
    for kind, (dataset, _) in (
        (kind, pair) for form in forms for kind in kinds_of(form) if (pair := choice(config, kind))
    ):
        if kind in SCENES:
            names |= observed(kind).keys()
        else:
            held = variables_read(config, dataset) if kind in MAPS else dataset.variables
            names |= {item.name for name in held if (item := native(kind, name))}
    return {"variables": facts_of(names)}


def passes(config: Config, kind: str) -> dict[str, list[str]]:
    """The scenes of each pass (Sentinel-1: day, relative orbit, satellite) or day and tile (Sentinel-2), by name.

    The day is the run's (``day_boundary``), so that a day's sample never sees a pass that came after it.

    Raises:
        ConfigError: the run's scenes are not listed yet.
    """
    dataset, _ = choice(config, kind) or (None, None)
    rows = scene_rows(scenes_file(config), dataset.name) if dataset else []
    if not rows:
        raise ConfigError(
            f"no scene of {kind} is listed",
            where=scenes_file(config),
            fix="run `snakemake scenes` with this config first",
        )
    found: dict[str, list[str]] = defaultdict(list)
    shift = shift_of(config["day_boundary"])
    for row in rows:
        day = day_of(row["acquired"], shift)
        name = (
            f"{day}_{int(row['relative_orbit']):03d}_{row['platform']}"
            if kind == "sentinel1"
            else f"{day}_{row['tile']}"
        )
        found[name].append(row["scene"])
    return dict(sorted(found.items()))


def products_of_pass(config: Config, name: str) -> list[str]:
    """The Sentinel-1 products of a pass, or its backscatter where that comes on a grid (Earth Engine's does)."""
    scenes = passes(config, "sentinel1").get(name, [])
    if gridded(config):
        back_end = config["acquire"]["sentinel1"]["back_end"]
        return [f"resources/sentinel1/{back_end}_{area_of(config)}/{scene}.tif" for scene in scenes]
    return [_product(config, "sentinel1", scene) or f"resources/sentinel1/{scene}.zip" for scene in scenes]


def gridded(config: Config) -> bool:
    """Whether the run's Sentinel-1 comes as backscatter on a grid, not as products."""
    chosen = config["acquire"]["sentinel1"]
    return chosen["back_end"] == "earthengine" or chosen.get("gridded", False)


def orbits_of_pass(config: Config, name: str) -> list[str]:
    """The orbit files of a pass; none where the annotated orbits are taken or products are not.

    With products of the user's own, those that lie beside them; else one a scene, fetched, or the record that none is
    published.
    """
    chosen, scenes = config["acquire"]["sentinel1"], passes(config, "sentinel1").get(name, [])
    if config["sentinel1"]["orbit"] == "annotated" or gridded(config):
        return []
    if chosen["back_end"] == "local":
        folder = folder_of(config["acquire"]["local"], chosen["dataset"])
        return list(dict.fromkeys(file for scene in scenes for file in orbits_in(folder, scene)))
    return [f"resources/orbits/{scene}.EOF" for scene in scenes]


def products_of_day(config: Config, name: str) -> list[str]:
    """The Sentinel-2 products of a day and tile."""
    scenes = passes(config, "sentinel2").get(name, [])
    return [_product(config, "sentinel2", scene) or f"resources/sentinel2/{scene}/{scene}.json" for scene in scenes]


def _product(config: Config, kind: str, scene: str) -> str | None:
    """Where a product of the user's own lies; None where products are fetched."""
    if config["acquire"][kind]["back_end"] != "local":
        return None
    return product_path(folder_of(config["acquire"]["local"], config["acquire"][kind]["dataset"]), scene)
