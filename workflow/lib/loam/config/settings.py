"""The run's configuration: validated when the workflow is parsed, handed to each rule only as far as it uses it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema

from loam.config.choices import choose_training
from loam.config.covariates import LAG_WINDOWS, covariate_names
from loam.config.days import days_named
from loam.config.inputs import check_days_held, check_units
from loam.config.parts import DOMAINS, makes
from loam.config.sandbox import choose_samples
from loam.errors import ConfigError
from loam.io.declared import read_declared

SCHEMA = Path(__file__).resolve().parents[4] / "config" / "schema.yaml"


def load_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with dates as text and ``{run}``, ``{data_dir}`` filled in, after checking it.

    Its keys are sorted, so that an overlay that names them in another order changes no param of a job.

    Raises:
        ConfigError: an unknown key (named with the nearest known one), a wrong type or value, or values that
            contradict each other.
    """
    config = _plain(raw)
    _name_lags(config)
    _check_finite(config, "")
    _name_days(config)
    _check_schema(config)
    choose_samples(config)
    choose_training(config)
    config = _fill(config, {"{run}": config["run"], "{data_dir}": config["data_dir"].rstrip("/")})
    _check_consistency(config)
    return _sorted(config)


def pick(config: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The part of ``config`` a rule uses, as one dict with sorted keys: ``pick(config, "seed", "training.epochs")``.

    Snakemake compares params as a set of values without names; one dict a rule makes a swap of two values visible.
    """
    part: dict[str, Any] = {}
    for key in keys:
        *parents, last = key.split(".")
        source, target = config, part
        for parent in parents:
            source, target = source[parent], target.setdefault(parent, {})
        target[last] = source[last]
    return _sorted(part)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


def _fill(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, words) for item in value]
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(word, text)
    return value


def _name_lags(config: dict[str, Any]) -> None:
    """Put the days in place of a window's name."""
    sequence = (config.get("features") or {}).get("sequence")
    if isinstance(sequence, dict) and isinstance(sequence.get("lags"), str):
        name = sequence["lags"]
        if name not in LAG_WINDOWS:
            raise ConfigError(
                f"no window '{name}'", where="config key 'features.sequence.lags'",
                expected=f"[first, last], or one of {', '.join(LAG_WINDOWS)}",
            )  # fmt: skip
        sequence["lags"] = list(LAG_WINDOWS[name])


def _check_finite(value: Any, key: str) -> None:
    """Raise a ConfigError for a number that is none: with .nan as a limit nothing would be outside it."""
    if isinstance(value, dict):
        for name, item in value.items():
            _check_finite(item, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_finite(item, f"{key}.{number}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{value} is no number", where=f"config key '{key}'", expected="a finite number")


def _name_days(config: dict[str, Any]) -> None:
    """Put the days in place of the ranges of ``mapping.dates``."""
    mapping = config.get("mapping")
    if isinstance(mapping, dict) and isinstance(mapping.get("dates"), list):
        mapping["dates"] = days_named(mapping["dates"], "mapping.dates")


def _check_schema(config: dict[str, Any]) -> None:
    schema = read_declared(SCHEMA)
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(config), key=lambda error: list(error.path))
    for error in errors:
        where = ".".join(str(part) for part in error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            unknown = next(key for key in error.instance if key not in known)
            nearest = difflib.get_close_matches(unknown, known, n=1, cutoff=0.0)
            raise ConfigError(
                "unknown key", where=f"config key '{f'{where}.' if where else ''}{unknown}'",
                expected=f"one of {', '.join(sorted(known))}", fix=f"did you mean '{nearest[0]}'?",
            )  # fmt: skip
        raise ConfigError(error.message, where=f"config key '{where}'" if where else "config")


def _check_consistency(config: dict[str, Any]) -> None:
    for key, lags in _lag_windows(config["features"]):
        if lags[0] > lags[1]:
            raise ConfigError(f"lags {lags} run backwards", where=f"config key '{key}'", expected="[first, last]")
    layers = [layer["name"] for layer in config["layers"]]
    for layer in config["layers"]:
        if layer["top_cm"] >= layer["bottom_cm"]:
            raise ConfigError(
                f"top {layer['top_cm']} cm is not above bottom {layer['bottom_cm']} cm",
                where=f"config key 'layers', layer '{layer['name']}'",
            )
    _no_duplicates("layers", layers)
    for upper, lower in pairwise(config["layers"]):
        if lower["top_cm"] < upper["bottom_cm"]:
            order = "overlap" if lower["bottom_cm"] > upper["top_cm"] else "stand in reverse order"
            raise ConfigError(
                f"layers '{upper['name']}' ({upper['top_cm']}-{upper['bottom_cm']} cm) and '{lower['name']}' "
                f"({lower['top_cm']}-{lower['bottom_cm']} cm) {order}", where="config key 'layers'",
                expected="layers from the surface down, each beginning where the one above ends, or below",
            )  # fmt: skip
    _no_duplicates("features", covariate_names(config["features"]))
    for item in config["evaluation"]["coarse"]:
        if item["layer"] not in layers:
            raise ConfigError(
                f"no layer '{item['layer']}'", where="config key 'evaluation.coarse'", expected=f"one of {layers}"
            )
    if "lstm" in config["training"]["models"] and not config["features"]["sequence"]["variables"]:
        raise ConfigError(
            "model lstm reads a sequence and features.sequence.variables is empty",
            where="config key 'training.models'", fix="name the sequence variables, or leave lstm out",
        )  # fmt: skip
    for model in config["training"]["models"]:
        part = config["training"][model]
        if part["frozen"] > len(part["hidden"]):
            raise ConfigError(
                f"{part['frozen']} frozen layers of {len(part['hidden'])}",
                where=f"config key 'training.{model}.frozen'",
            )
    validation = config["training"]["validation"]
    for key in ("training_dates", "validation_dates"):
        first, last = (_date(text, f"training.validation.{key}") for text in validation[key])
        if first > last:
            raise ConfigError("first day after last day", where=f"config key 'training.validation.{key}'")
    first, last = zip(validation["training_dates"], validation["validation_dates"], strict=True)
    if validation["by"] == "dates" and max(first) <= min(last):
        raise ConfigError(
            "training and validation dates overlap", where="config key 'training.validation'",
            fix="rows that validate must not train",
        )  # fmt: skip
    _check_probes(config)
    _check_scale(config)
    _check_mapping(config)


def _check_probes(config: dict[str, Any]) -> None:
    for domain in DOMAINS:
        west, south, east, north = (config["probes"][domain] or {}).get("bounds", (0, 0, 1, 1))
        width = east - west if east > west else east + 360 - west if east < west else 0
        across = east < west and width > 180  # rather two numbers exchanged than a region across 180
        if not (-180 <= west <= 180 and -180 <= east <= 180 and width and not across and -90 <= south < north <= 90):
            raise ConfigError(
                f"{[west, south, east, north]} is no region", where=f"config key 'probes.{domain}.bounds'",
                expected="west, south, east, north in degrees, -180 to 180; west above east lies across 180",
            )  # fmt: skip


def _check_scale(config: dict[str, Any]) -> None:
    layers = [layer["name"] for layer in config["layers"]]
    for layer, limits in config["mapping"]["scale"].items():
        if layer not in layers:
            raise ConfigError(
                f"no layer '{layer}'", where="config key 'mapping.scale'", expected=f"one of {', '.join(layers)}"
            )
        for statistic, (low, high) in limits.items():
            if low >= high:
                raise ConfigError(
                    f"{low} is not below {high}", where=f"config key 'mapping.scale.{layer}.{statistic}'",
                    expected="[lower, upper], m3 m-3",
                )  # fmt: skip


def _check_mapping(config: dict[str, Any]) -> None:
    mapping, training = config["mapping"], config["training"]
    if not mapping["dates"] or makes(config) != "scores":
        return
    for key, chosen in (("model", training["models"]), ("scenario", training["scenarios"])):
        if mapping[key] not in chosen:
            raise ConfigError(
                f"'{mapping[key]}' is not trained in this run", where=f"config key 'mapping.{key}'",
                expected=f"one of {chosen}",
            )  # fmt: skip
    if config["samples"]["from"] == "cube":
        return  # its grid and its features are checked with what is acquired
    if not mapping["grid"]["like"]:
        raise ConfigError("a map needs a grid", where="config key 'mapping.grid.like'", fix="name a raster")
    given = [
        name for item in mapping["inputs"]
        for name in ([item["feature"]] if isinstance(item["feature"], str) else item["feature"])
    ]  # fmt: skip
    _no_duplicates("mapping.inputs", given)
    missing = sorted(set(covariate_names(config["features"])) - set(given))
    if missing:
        raise ConfigError(
            f"no raster for feature {', '.join(missing)}", where="config key 'mapping.inputs'",
            fix="add a file for it, leave it out of features, or set mapping.dates to []",
        )  # fmt: skip
    check_days_held(mapping["inputs"], config["features"], mapping["dates"])
    check_units(mapping["inputs"])


def _lag_windows(features: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    yield "features.sequence.lags", features["sequence"]["lags"]
    for item in features["daily"]:
        yield f"features.daily, '{item['name']}'", item["lags"]


def _no_duplicates(key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"'{name}' is named twice", where=f"config key '{key}'")


def _date(text: str, key: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"'{text}' is not a day", where=f"config key '{key}'", expected="YYYY-MM-DD") from None
