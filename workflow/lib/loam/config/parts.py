"""What a run can make by what its config says, and what a part of it lacks, with lines of config to paste.

A config says its own facts only: probes alone give daily moisture, a scene and an elevation model give backscatter on
a grid. A part is checked when something of it is asked for. Read when the workflow is parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from loam.config.covariates import covariate_names, kind_of, kinds_needed
from loam.errors import ConfigError
from loam.variables import kinds

Config = Mapping[str, Any]
Lacks = dict[str, Any]  # config key -> example of its value

DOMAINS = ("source", "target")
GRID = {"mapping.grid.crs": "EPSG:28355", "mapping.grid.bounds": ["west", "south", "east", "north"],
        "mapping.grid.resolution": 80}  # fmt: skip
PERIOD = ["first day", "last day"]
OWN_TERRAIN = {"dataset": "terrain_local", "back_end": "local"}
PROBES = {"format": "logger", "path": "my_probes/files", "description": "my_probes/description.yaml",
          "stations": "my_probes/stations.csv"}  # fmt: skip
TITLES = {
    "probes": "daily moisture of probes",
    "sentinel1": "backscatter of Sentinel-1 on the grid",
    "sentinel2": "indices of Sentinel-2 on the grid",
    "cube": "the covariate cube",
    "fields": "daily fields of the covariate cube",
    "scenes": "a list of scenes",
    "scores": "training and scores",
    "maps": "a map",
}


def origin(config: Config, domain: str) -> str:
    """Where a domain's samples come from: ``table``, ``probes`` or ``cube``."""
    named = config["samples"]["from"]
    return str(named[domain] if isinstance(named, Mapping) else named)


def of_cells(config: Config, domain: str) -> bool:
    """Whether a domain's stations are the coarse cells of the cube."""
    return origin(config, domain) == "cube" and config["covariates"]["domains"][domain] == "coarse_cells"


def has_pixels(config: Config, domain: str) -> bool:
    """Whether a domain's stations are pixels of the cube."""
    return origin(config, domain) == "cube" and config["covariates"]["domains"][domain] == "cube"


def reads_source(training: Config, models: Iterable[str]) -> bool:
    """Whether any of ``models``, whose choices are made, is trained in a scenario that reads the source domain."""
    return any({"source", "transfer", "both"} & set(training[model]["scenarios"]) for model in models)


def origins(config: Config) -> dict[str, str]:
    """Where the samples of each domain come from of which the run has any."""
    return {domain: origin(config, domain) for domain in domains_of(config)}


def domains_of(config: Config) -> list[str]:
    """The domains of which the run has samples: the target's, and the source's where the config names one."""
    samples, probes = config["samples"], config["probes"]
    named = samples["source"] or (origin(config, "source") != "table" and probes["source"])
    named = named or of_cells(config, "source")
    return ["source", "target"] if named else ["target"]


def probe_domains(config: Config) -> list[str]:
    """The domains whose probe files the run reads."""
    own = [domain for domain in DOMAINS if origin(config, domain) != "table" and not of_cells(config, domain)]
    return [domain for domain in own if config["probes"][domain]]


def makes(config: Config) -> str:
    """What ``snakemake`` without a target makes: ``scores`` (and maps), ``probes`` or ``cube``.

    Features or days to map that a config of probes names ask for scores, whatever then lacks.
    """
    samples = config["samples"]
    if origin(config, "target") == "cube":
        return "scores" if probe_domains(config) else "cube"
    table = origin(config, "target") == "table" or samples["source"] or samples["target"]
    return "scores" if table or _has_features(config) or config["mapping"]["dates"] else "probes"


def demand(config: Config, part: str, *, listing: bool = False) -> None:
    """Raise unless the config says all that ``part`` (a key of ``TITLES``) needs.

    Args:
        config: the run's.
        part: what is asked for.
        listing: its scenes are not listed yet, so that what listing them needs is said at once.

    Raises:
        ConfigError: names the keys that lack and ends with lines of config to paste.
    """
    lacking = _lacking(config, part) | (_lacking(config, "scenes") if listing else {})
    if lacking:
        keys = ", ".join(f"'{key}'" for key in lacking)
        raise ConfigError(
            f"lacks in run '{config['run']}' for {TITLES[part]}", where=f"config key {keys}",
            fix="add these lines, with values of your own:", paste=block(lacking),
        )  # fmt: skip


def block(values: Lacks) -> str:
    """Lines of YAML that set each key (``mapping.grid.crs``) to its value."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        part = nested
        for parent in parents:
            part = part.setdefault(parent, {})
        part[last] = value
    return yaml.safe_dump(nested, default_flow_style=None, sort_keys=False, width=120).rstrip()


def _lacking(config: Config, part: str) -> Lacks:
    acquire = config["acquire"]
    lacking: Lacks
    if part == "probes":
        return {} if any(config["probes"][domain] for domain in DOMAINS) else {"probes.target": PROBES}
    if part in ("sentinel1", "sentinel2"):
        lacking = {} if acquire[part] else {f"acquire.{part}": kinds()[part].example}
        return lacking | (_terrain(acquire, always=True) if part == "sentinel1" else {}) | _grid(config)
    if part == "cube":
        lacking = {} if any(acquire[kind] for kind in kinds()) else {"acquire.terrain": kinds()["terrain"].example}
        return lacking | _grid(config) | _terrain(acquire)
    if part in ("fields", "scenes"):
        lacking = {} if acquire["period"]["target"] else {"acquire.period.target": PERIOD}
        chosen = part == "fields" or acquire["sentinel1"] or acquire["sentinel2"]
        return lacking | ({} if chosen else {"acquire.sentinel1": kinds()["sentinel1"].example}) | _grid(config)
    if part == "scores":
        return _scores(config)
    return _scores(config) | ({} if config["mapping"]["grid"]["like"] else _grid(config))


def _scores(config: Config) -> Lacks:
    """The source domain is needed where a scenario reads it, or something of it is named."""
    samples, probes, acquire = config["samples"], config["probes"], config["acquire"]
    training = config["training"]
    wanted = DOMAINS if reads_source(training, training["models"]) else domains_of(config)
    lacking: Lacks = {}
    come = {domain: origin(config, domain) for domain in wanted}
    lacking |= {f"probes.{name}": PROBES for name in wanted
                if come[name] != "table" and not of_cells(config, name) and not probes[name]}  # fmt: skip
    if set(come.values()) != {"cube"}:
        lacking |= {} if _has_features(config) else {"features.static": ["elevation"]}
        tables = [domain for domain in wanted if come[domain] != "cube" and not samples[domain]]
        lacking |= {f"samples.{domain}": f"my_data/{domain}.csv" for domain in tables}
    if "cube" not in come.values():
        return lacking
    named = {kind_of(name) for name in covariate_names(config["features"])}  # land cover is also read for the land mask
    lacks = [kind for kind in kinds_needed(config["features"]) if not acquire[kind] and kind in named]
    lacking |= {f"acquire.period.{domain}": PERIOD for domain in wanted
                if come[domain] == "cube" and not acquire["period"][domain]}  # fmt: skip
    return lacking | {f"acquire.{kind}": kinds()[kind].example for kind in lacks} | _grid(config) | _terrain(acquire)


def _has_features(config: Config) -> bool:
    return bool(covariate_names(config["features"])) or config["features"]["day_of_year"]


def _terrain(acquire: Config, *, always: bool = False) -> Lacks:
    """Scenes of Sentinel-1 are corrected with an elevation model; beside products of the user's own, one of theirs."""
    chosen = acquire["sentinel1"]
    if acquire["terrain"] or not (chosen or always):
        return {}
    if chosen and chosen["back_end"] == "local":
        folder = (
            {} if "terrain_local" in acquire["local"] else {"acquire.local.terrain_local": "folder of elevation.tif"}
        )
        return {"acquire.terrain": OWN_TERRAIN} | folder
    return {"acquire.terrain": kinds()["terrain"].example}


def _grid(config: Config) -> Lacks:
    grid = config["mapping"]["grid"]
    return {key: value for key, value in GRID.items() if grid[key.rsplit(".", 1)[1]] is None}
