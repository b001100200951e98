"""What of a run the sandbox makes, and the files it makes it in: those that ``loam.acquire.acquire_plan`` names.

Read when the workflow is parsed: no heavy library.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loam.acquire.acquire_plan import (
    FIELDS,
    MAPS,
    SCENES,
    fields_files,
    map_files,
    period_of,
    point_files,
    relief_files,
    scenes_file,
)
from loam.acquire.catalogue import Dataset, dataset_of
from loam.acquire.file_spans import as_of, spans, state_of
from loam.acquire.run_grid import area_of, class_grid_of
from loam.acquire.scenes.scene_names import scene_rows
from loam.config.sandbox import BACK_END

Config = Mapping[str, Any]


def kinds_made(config: Config) -> list[str]:
    """The kinds of data that the run takes from the sandbox."""
    acquire = config["acquire"]
    return [kind for kind in (*FIELDS, *MAPS, *SCENES) if acquire[kind] and acquire[kind]["back_end"] == BACK_END]


def sandbox_maps(config: Config) -> list[str]:
    """Files of the maps of the target's region, and of the relief where the run takes Sentinel-1."""
    files = [file for kind in _made(config, MAPS) for file in map_files(config, kind)]
    return files + (relief_files(config) if "terrain" in _made(config, MAPS) else [])


def sandbox_fields(config: Config) -> list[str]:
    """Files of the months of weather and coarse moisture over the target's region."""
    return [file for kind in _made(config, FIELDS) for file in fields_files(config, kind, *period_of(config, "target"))]


def sandbox_point_maps(config: Config) -> list[str]:
    """Tables of what maps hold at the source's stations."""
    return [file for kind in _made(config, MAPS) for file in point_files(config, kind, "source")]


def sandbox_point_fields(config: Config) -> list[str]:
    """Tables of the months of weather and coarse moisture at the source's stations."""
    return [file for kind in _made(config, FIELDS) for file in point_files(config, kind, "source")]


def manifests_beside(files: list[str]) -> list[str]:
    """The manifests of files of fields."""
    return [f"{file.rsplit('.', 1)[0]}.manifest.csv" for file in files]


def sandbox_products(config: Config, kind: str) -> list[str]:
    """The products of the scenes of a kind that the run's list names; none while there is no list."""
    if kind not in kinds_made(config) or not Path(scenes_file(config)).is_file():
        return []
    scenes = [row["scene"] for row in scene_rows(scenes_file(config), kind)]
    if kind == "sentinel1" and config["acquire"][kind].get("gridded"):
        return [f"resources/sentinel1/{BACK_END}_{area_of(config)}/{scene}.tif" for scene in scenes]
    if kind == "sentinel1":
        return [f"resources/sentinel1/{scene}.zip" for scene in scenes]
    return [f"resources/sentinel2/{scene}/{scene}.json" for scene in scenes]


def sandbox_orbits(config: Config) -> list[str]:
    """The orbit files of the Sentinel-1 products, in their order; gridded backscatter has none."""
    products = [Path(product) for product in sandbox_products(config, "sentinel1")]
    return [f"resources/orbits/{product.stem}.EOF" for product in products if product.suffix == ".zip"]


def world_values(config: Config) -> dict[str, Any]:
    """What makes the world: seed and settings, without the scenes that are taken of it."""
    sandbox = {key: value for key, value in config["sandbox"].items() if key != "scenes"}
    return {"seed": config["seed"], "sandbox": sandbox}


def truth_values(config: Config) -> dict[str, Any]:
    """What the truth reads: the world, and the days that are mapped."""
    return {**world_values(config), "mapping": {"dates": config["mapping"]["dates"]}}


def sandbox_map_values(config: Config) -> dict[str, Any]:
    """What making maps reads: dataset, variable and grid of each, in the order of ``sandbox_maps``."""
    maps = []
    for kind in _made(config, MAPS):
        grid = _grid(class_grid_of(config) if kind == "landcover" else config["mapping"]["grid"])
        name = config["acquire"][kind]["dataset"]
        files = map_files(config, kind)
        maps += [{"dataset": name, "variable": Path(file).stem, "grid": grid} for file in files]
    for file in sandbox_maps(config)[len(maps) :]:
        grid, name = _grid(config["mapping"]["grid"]), config["acquire"]["terrain"]["dataset"]
        maps.append({"dataset": name, "variable": Path(file).stem, "grid": grid})
    return {**world_values(config), "maps": maps}


def sandbox_point_map_values(config: Config) -> dict[str, Any]:
    """What making maps at stations reads: dataset and variables of each table."""
    maps = [
        {
            "dataset": config["acquire"][kind]["dataset"],
            "variables": [Path(file).stem for file in map_files(config, kind)],
        }
        for kind in _made(config, MAPS)
    ]
    return {**world_values(config), "maps": maps, "grid": _grid(config["mapping"]["grid"])}


def sandbox_fields_values(config: Config, domain: str) -> dict[str, Any]:
    """What making months of fields reads: of each dataset the months, and the state of each on the as-of day."""
    datasets = [dataset_of(config["acquire"][kind]["dataset"]) for kind in _made(config, FIELDS)]
    fields = [_months(config, dataset, domain) for dataset in datasets]
    return {**world_values(config), "fields": fields, "grid": _grid(config["mapping"]["grid"])}


def _made(config: Config, kinds: tuple[str, ...]) -> list[str]:
    return [kind for kind in kinds_made(config) if kind in kinds]


def _months(config: Config, dataset: Dataset, domain: str) -> dict[str, Any]:
    months = spans(dataset, *period_of(config, domain))
    states = [state_of(dataset, month, as_of(config)) for month in months]
    return {"dataset": dataset.name, "spans": months, "states": states}


def _grid(grid: Config) -> dict[str, Any]:
    return {key: grid[key] for key in ("bounds", "crs", "resolution")}
