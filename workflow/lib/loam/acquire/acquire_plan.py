"""What a run acquires: files by kind, domain and month, known when the workflow is parsed.

A gridded file is kept by dataset, back end and the target grid's hash, so that two regions, or two copies of a dataset
that are not the same, never meet in one file. A month carries its state: ``open`` with the day it was asked on,
``provisional``, or ``final``; a change of state fetches it again, nothing else does.

Standard library and the catalogue only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

from loam.acquire.catalogue import Dataset, catalogue, dataset_of
from loam.acquire.file_spans import as_of, spans, state_with_late_days
from loam.acquire.run_grid import area_of, class_area_of, class_grid_of, grid_of
from loam.config.covariates import covariate_names, kind_of, known_at_points, reach_of
from loam.config.day_boundary import check_day_boundary, shift_of
from loam.config.parts import demand, origins
from loam.config.wrong import nearest, together
from loam.errors import ConfigError
from loam.variables import kinds, kinds_of

FIELDS, MAPS, SCENES = kinds_of("fields"), kinds_of("maps"), kinds_of("scenes")
RELIEF, HEIGHTS = "relief", "elevation"  # the file that holds more of a terrain's variable, and the variable


def check_acquire(config: Mapping[str, Any]) -> None:
    """Raise a ConfigError where section ``acquire`` names what is not there, or contradicts itself."""
    acquire, errors = config["acquire"], []
    checks = [partial(_check_choice, acquire, kind, acquire[kind]) for kind in kinds() if acquire[kind]]
    checks += [
        partial(_check_choice, acquire, f"compare.{place}", item) for place, item in enumerate(acquire["compare"])
    ]
    for check in (*checks, partial(grid_of, config["mapping"]["grid"])):
        try:
            check()
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise together(errors)


def _check_choice(acquire: Mapping[str, Any], key: str, item: Mapping[str, Any]) -> None:
    name, back_end, where = item["dataset"], item["back_end"], f"config key 'acquire.{key}"
    known = [entry.name for entry in catalogue().values() if entry.kind == key or key not in kinds()]
    if name not in known:
        kind = dataset_of(name).kind if name in catalogue() else None
        raise ConfigError(
            f"dataset '{name}' is {kind}" if kind else f"no dataset '{name}'", where=f"{where}.dataset'",
            expected=f"one of {', '.join(known)}", fix=nearest(name, known),
        )  # fmt: skip
    if back_end not in dataset_of(name).back_ends:
        has = dataset_of(name).back_ends
        raise ConfigError(
            f"dataset '{name}' does not come from '{back_end}'", where=f"{where}.back_end'",
            expected=f"one of {', '.join(has)}", fix=f"write back_end: {next(iter(has))}",
        )  # fmt: skip
    if back_end == "local" and name not in acquire["local"]:
        raise ConfigError(
            f"no folder of dataset '{name}'", where="config key 'acquire.local'",
            fix=f"add {name}: <folder> (docs/reference/local-files.md)",
        )  # fmt: skip


def check_samples(config: Mapping[str, Any]) -> None:
    """Raise a ConfigError where samples from the cube cannot be had; read when something asks for samples.

    Raises:
        ConfigError: keys that lack, with lines to paste; features that a set of stations cannot have; a day to map
            outside the period.
    """
    demand(config, "scores")
    cube = [domain for domain, named in origins(config).items() if named == "cube"]
    if not cube:
        return
    provided = {
        kind: [] for kind in FIELDS if config["acquire"][kind] and config["acquire"][kind]["back_end"] != "local"
    }
    features = config["features"]
    for name in (*(item["name"] for item in features["daily"]), *features["sequence"]["variables"], *features["patch"]):
        if kind_of(name) in provided:
            provided[kind_of(name)].append(name)
    check_day_boundary(config, provided)
    for domain in cube:
        place = config["covariates"]["domains"][domain]
        names = [name for name in covariate_names({**features, "patch": []}) if not known_at_points(name)]
        if place == "points" and names:
            raise ConfigError(
                f"{', '.join(names)} cannot be had at single stations", where="config section 'features'",
                expected=f"other features while the {domain} domain is a set of stations",
                fix=f"leave them out, or set covariates.domains.{domain} to cube, with its stations in mapping.grid",
            )  # fmt: skip
    if "target" not in cube:
        return
    first, last = (date.fromisoformat(text) for text in config["acquire"]["period"]["target"])
    for text in config["mapping"]["dates"]:
        if not first <= date.fromisoformat(text) <= last:
            raise ConfigError(
                f"{text} is outside the target domain's period", where="config key 'mapping.dates'",
                expected=f"a day from {first} to {last}", fix="widen acquire.period.target",
            )  # fmt: skip


def sample_table(config: Mapping[str, Any], domain: str) -> str | list[str]:
    """The table of a domain's samples, or of their covariates, once all that samples need is known; [] for none."""
    check_samples(config)
    return config["samples"][domain] or []


def choice(config: Mapping[str, Any], kind: str) -> tuple[Dataset, str] | None:
    """Dataset and back end that serve ``kind`` in this run; None if none does."""
    chosen = config["acquire"][kind]
    return (dataset_of(chosen["dataset"]), chosen["back_end"]) if chosen else None


def fields_files(config: Mapping[str, Any], kind: str, first: date, last: date) -> list[str]:
    """The files of fields that days ``first`` to ``last`` of the run's region need, oldest first."""
    dataset, back_end = _chosen(config, kind)
    folder = f"resources/{dataset.name}/{back_end}_{area_of(config)}"
    return [f"{folder}/{span}.nc" for span in spans(dataset, first, last)]


def map_files(config: Mapping[str, Any], kind: str) -> list[str]:
    """The files of maps of a kind that the run's features need, one a variable, in the catalogue's order."""
    dataset, back_end = _chosen(config, kind)
    area = class_area_of(config) if kind == "landcover" else area_of(config)
    return [f"resources/{dataset.name}/{back_end}_{area}/{name}.tif" for name in variables_read(config, dataset)]


def relief_files(config: Mapping[str, Any]) -> list[str]:
    """The elevation that corrects Sentinel-1 (``loam.acquire.radar_relief``); none where the run takes none."""
    if not (config["acquire"]["sentinel1"] and config["acquire"]["terrain"]):
        return []
    dataset, back_end = _chosen(config, "terrain")
    return [f"resources/{dataset.name}/{back_end}_{area_of(config)}/{RELIEF}.tif"]


def point_files(config: Mapping[str, Any], kind: str, domain: str) -> list[str]:
    """The point tables of a kind for a domain that is a set of stations: one a month or year, or one for maps."""
    dataset, back_end = _chosen(config, kind)
    folder = f"resources/{dataset.name}/points/{back_end}_{config['run']}_{domain}"
    if kind in MAPS:
        return [f"{folder}/maps.parquet"]
    return [f"{folder}/{span}.parquet" for span in spans(dataset, *period_of(config, domain))]


def period_of(config: Mapping[str, Any], domain: str) -> tuple[date, date]:
    """First and last day to acquire for a domain: its period, begun earlier by the longest window that a model reads.

    Raises:
        ConfigError: no period is given.
    """
    period = config["acquire"]["period"][domain]
    if period is None:
        raise ConfigError("no period", where=f"config key 'acquire.period.{domain}'", expected="[first day, last day]")
    first, last = (date.fromisoformat(text) for text in period)
    return first - timedelta(days=reach_of(config["features"], config["covariates"])), min(last, as_of(config))


def scenes_file(config: Mapping[str, Any]) -> str:
    """The table of the run's scenes, written by ``snakemake scenes``."""
    return f"{config['acquire']['scenes']}/{config['run']}.csv"


def manifest_files(config: Mapping[str, Any]) -> list[str]:
    """The manifests of everything that the run fetches by days."""
    files = []
    for kind in FIELDS:
        if not config["acquire"][kind]:
            continue
        for domain, place in config["covariates"]["domains"].items():
            if config["acquire"]["period"][domain] is None or (place == "points" and not config["probes"][domain]):
                continue
            if place == "points":
                files += point_files(config, kind, domain)
            else:
                files += fields_files(config, kind, *period_of(config, domain))
    files += compare_files(config)
    return list(dict.fromkeys(file.rsplit(".", 1)[0] + ".manifest.csv" for file in files))


def compare_files(config: Mapping[str, Any]) -> list[str]:
    """The files of fields that the maps are compared with, for the target domain's period."""
    files = []
    for chosen in config["acquire"]["compare"]:
        dataset = dataset_of(chosen["dataset"])
        folder = f"resources/{dataset.name}/{chosen['back_end']}_{area_of(config)}"
        first, last = period_of(config, "target")
        files += [f"{folder}/{span}.nc" for span in spans(dataset, first, last)]
    return files


def map_values(config: Mapping[str, Any], area: str) -> dict[str, Any]:
    """What the fetching of a map reads of the config."""
    grid = class_grid_of(config) if area != area_of(config) else config["mapping"]["grid"]
    return _values(config, grid)


def point_map_values(config: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """What the fetching of maps at stations reads: the variables too, since they share a table."""
    return {**_values(config, config["mapping"]["grid"]), "variables": variables_read(config, dataset_of(dataset))}


def fields_values(config: Mapping[str, Any], dataset: str, span: str, manifest: str) -> dict[str, Any]:
    """What the fetching of a month or year of fields reads.

    The as-of day is in its state alone, so that a closed month never changes. Days that are not those of UTC are told
    where grids of one's own are cut by them; providers' come as they are.
    """
    state = state_with_late_days(dataset_of(dataset), span, as_of(config), manifest)
    values = {**_values(config, config["mapping"]["grid"]), "state": state}
    own = any(item and (item["dataset"], item["back_end"]) == (dataset, "local") for item in _of_fields(config))
    if own and shift_of(config["day_boundary"]):
        values["day_boundary"] = config["day_boundary"]
    return values


def _of_fields(config: Mapping[str, Any]) -> list[Mapping[str, str] | None]:
    return [*(config["acquire"][kind] for kind in FIELDS), *config["acquire"]["compare"]]


def scenes_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the listing of scenes reads: those of the target domain's period, no later than the as-of day."""
    scenes: dict[str, Any] = {kind: config["acquire"][kind] for kind in SCENES}
    if any(scenes.values()) and config["acquire"]["period"]["target"]:
        first, last = period_of(config, "target")
        shift = shift_of(config["day_boundary"])  # the run's first day may begin on the day before it of UTC
        first -= timedelta(days=shift > timedelta(0))
        last += timedelta(days=shift < timedelta(0))
        scenes |= {"first": first.isoformat(), "last": last.isoformat()}
    return {**_values(config, config["mapping"]["grid"]), "scenes": scenes}


def scene_values(config: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What the fetching of a scene reads."""
    return {**_values(config, config["mapping"]["grid"]), kind: config["acquire"][kind]}


def orbit_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the fetching of an orbit reads."""
    return {**scene_values(config, "sentinel1"), "orbit": config["sentinel1"]["orbit"]}


def asks(host: str, wildcards: Any) -> int:
    """Whether a job asks a host: 1 or 0, what it takes of the host's limiter."""
    return int(dataset_of(wildcards.dataset).back_end(wildcards.back_end)["host"] == host)


def _values(config: Mapping[str, Any], grid: Mapping[str, Any]) -> dict[str, Any]:
    acquire = {key: config["acquire"][key] for key in ("earthengine", "local")}
    return {"acquire": acquire, "mapping": {"grid": {key: grid[key] for key in ("bounds", "crs", "resolution")}}}


def variables_read(config: Mapping[str, Any], dataset: Dataset) -> list[str]:
    """The variables of a dataset of maps that the run's features read; of terrain and land cover all that it has."""
    if dataset.kind != "soil":
        return list(dataset.variables)
    read = {name.rsplit("_", 1)[0] for name in covariate_names(config["features"])}
    return [name for name in dataset.variables if name in read]


def _chosen(config: Mapping[str, Any], kind: str) -> tuple[Dataset, str]:
    chosen = choice(config, kind)
    if chosen is None:
        raise ConfigError(
            f"nothing serves {kind}", where=f"config key 'acquire.{kind}'", expected="{dataset, back_end}"
        )
    return chosen
