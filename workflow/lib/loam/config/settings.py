"""The run's configuration: validated when the workflow is parsed, handed to each rule only as far as it uses it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from loam.config.checks import contradictions
from loam.config.choices import choose_training
from loam.config.mapped import choose_mapped
from loam.config.models import choose_models
from loam.config.protocols import choose_protocols
from loam.config.read import checked
from loam.config.rivals import check_rivals
from loam.config.run import Run
from loam.config.sandbox import choose_samples
from loam.config.wrong import together


def load_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration with dates as text and ``{run}``, ``{data_dir}`` filled in, after checking it.

    Its keys are sorted, so that an overlay that names them in another order changes no param of a job.

    Raises:
        ConfigError: unknown keys (named with the nearest known one), wrong types or values, or values that
            contradict each other; all of them at once.
    """
    given = _plain(raw)
    if isinstance(given.get("features"), dict) and isinstance(given["features"].get("sequence"), dict):
        given["features"]["sequence"].pop("windows", None)  # of a config that was settled before, as a report prints it
    config = checked(Run, given).plain()
    choose_samples(config)
    choose_training(config)
    choose_protocols(config)
    choose_models(config)
    choose_mapped(config)
    check_rivals(config)
    config = _fill(config, {"{run}": config["run"], "{data_dir}": config["data_dir"].rstrip("/")})
    if errors := list(contradictions(config)):
        raise together(errors)
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


def pick_model(config: Mapping[str, Any], model: str, *keys: str) -> dict[str, Any]:
    """What the training of one model in one scenario uses: ``keys`` and its choices, but which scenarios there are."""
    part = pick(config, *keys, f"training.{model}")
    part["training"][model] = {key: value for key, value in part["training"][model].items() if key != "scenarios"}
    return part


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
