"""The default run's choices: with ``samples.from: sandbox`` a run reads a synthetic world as others the real one.

What a run from the cube states key by key (datasets, probe files, periods, grid) follows here from the section
``sandbox``, so that another world is a change in that section alone, and a run of real data, which says where its
samples come from, inherits nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from loam.config.choices import choose_features
from loam.config.covariates import reach_of
from loam.errors import ConfigError
from loam.variables import kinds_of

BACK_END = "sandbox"
ROOT, LISTS = Path(__file__).resolve().parents[4], "config/scenes"
DATASETS = {
    "coarse_moisture": "sandbox_moisture",
    "weather": "sandbox_weather",
    "soil": "sandbox_soil",
    "terrain": "sandbox_terrain",
    "landcover": "sandbox_landcover",
}
SCENES = kinds_of("scenes")
PIXEL = 80.0  # m
CRS = "EPSG:28355"  # GDA94 / MGA zone 55
MAPPED = ["2022-02-15", "2022-08-15"]  # the driest and the wettest month's middle
TRUTH = "results/{run}/truth/soil_moisture.nc"
PROBES = {
    "source": {"format": "ismn", "path": "resources/probes/{run}/source"},
    "target": {
        "format": "logger",
        "path": "resources/probes/{run}/target/files",
        "description": "resources/probes/{run}/target/description.yaml",
        "stations": "resources/probes/{run}/target/stations.csv",
    },
}
CALIBRATION = {"relation": "bulk_density", "coefficients": {}}


def choose_samples(config: dict[str, Any]) -> None:
    """Settle where samples come from, and state everything that follows where that is the sandbox.

    ``samples.from: null`` is what the rest of the config shows: ``probes`` or ``table`` where a table is named (with
    and without probe files), ``cube`` where section ``acquire`` names data, ``probes`` where there are probe files,
    else ``sandbox``; ``sandbox`` becomes ``cube``.

    Args:
        config: valid section by section; changed in place.

    Raises:
        ConfigError: a key that the sandbox settles is set to something else.
    """
    samples = config["samples"]
    if samples["from"] is None:
        samples["from"] = _shown(config)
    choose_features(config)
    if samples["from"] == "sandbox":
        _state_choices(config)


def _shown(config: Mapping[str, Any]) -> str:
    samples, probes, acquire = config["samples"], config["probes"], config["acquire"]
    has_probes = any(probes[domain] for domain in ("source", "target"))
    if samples["source"] or samples["target"]:
        return "probes" if has_probes else "table"
    if any(acquire[kind] for kind in (*DATASETS, "vegetation", *SCENES)):
        return "cube"
    return "probes" if has_probes else "sandbox"


def _state_choices(config: dict[str, Any]) -> None:
    samples, acquire, sandbox, mapping = (config[key] for key in ("samples", "acquire", "sandbox", "mapping"))
    samples["from"] = "cube"
    for domain in ("source", "target"):
        _settle(samples, domain, None, f"samples.{domain}")
        _settle(config["probes"], domain, dict(PROBES[domain]), f"probes.{domain}")
        _settle(acquire["period"], domain, _period(config, domain), f"acquire.period.{domain}")
    for kind, name in DATASETS.items():
        _settle(acquire, kind, {"dataset": name, "back_end": BACK_END}, f"acquire.{kind}")
    for kind in SCENES:
        scenes = sandbox["scenes"][kind]
        gridded = {"gridded": True} if scenes and scenes.get("gridded") else {}
        chosen = {"dataset": kind, "back_end": BACK_END, **gridded} if scenes else None
        _settle(acquire, kind, chosen, f"acquire.{kind}")
    acquire["as_of"] = sandbox["period"]["target"][1]
    if (ROOT / LISTS / f"{config['run']}.csv").is_file():  # the world comes with its list
        acquire["scenes"] = LISTS
    config["covariates"]["domains"] = {"source": "points", "target": "cube"}
    config["probes"]["calibration"]["target"] = dict(CALIBRATION)
    for key, value in _grid(sandbox).items():
        _settle(mapping["grid"], key, value, f"mapping.grid.{key}")
    _settle(mapping, "truth", TRUTH, "mapping.truth")
    mapping["inputs"] = []
    if mapping["dates"] is None:
        mapping["dates"] = list(MAPPED)


def _period(config: Mapping[str, Any], domain: str) -> list[str]:
    """The days of a domain's samples: those of its world whose lags do not reach back before it."""
    key = f"config key 'sandbox.period.{domain}'"
    first, last = (date.fromisoformat(day) for day in config["sandbox"]["period"][domain])
    if first.day != 1:
        raise ConfigError(f"begins on {first}", where=key, expected="the first day of a month")
    begin = first + timedelta(days=reach_of(config["features"], config["covariates"]))
    if begin >= last:
        raise ConfigError(f"{first} to {last} is too short", where=key, expected=f"more than {begin - first} of lags")
    return [begin.isoformat(), last.isoformat()]


def _grid(sandbox: Mapping[str, Any]) -> dict[str, Any]:
    west, north = (float(part) for part in sandbox["corner"])
    return {
        "like": None,
        "crs": CRS,
        "bounds": [west, north - PIXEL * sandbox["rows"], west + PIXEL * sandbox["columns"], north],
        "resolution": PIXEL,
    }


def _settle(section: dict[str, Any], key: str, value: Any, where: str) -> None:
    if section[key] not in (None, value):
        raise ConfigError(
            f"is {section[key]} in a run of the sandbox, which settles it", where=f"config key '{where}'",
            expected=f"null, or {value}", fix="say samples.from (table, probes or cube) for a run of other data",
        )  # fmt: skip
    section[key] = value
