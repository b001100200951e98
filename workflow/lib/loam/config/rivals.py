"""Rivals by their names: what networks are held against. Read when the workflow is parsed, without importing one.

A rival is a function of a ``loam.rivals.trial.Trial`` that gives held-out predictions. A job runs one of them, but for
the quick ones, which share a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loam.config.protocols import LEAVE_ONE_OUT, NESTED
from loam.config.systems import SLOW_RIVALS, conditioned, mixed, stacked
from loam.config.wrong import nearest
from loam.errors import ConfigError

RIVALS = {
    "coarse": "loam.rivals.rescaled_coarse:coarse",
    "same_day_mean": "loam.rivals.same_day_mean:same_day_mean",
    "climatology": "loam.rivals.climatology:climatology",
    "persistence": "loam.rivals.persistence:persistence",
    "inverse_distance": "loam.rivals.inverse_distance:inverse_distance",
    "kriging": "loam.rivals.kriging:kriging",
    "ridge": "loam.rivals.ridge:ridge",
    "random_forest": "loam.rivals.random_forest:random_forest",
    "boosted_trees": "loam.rivals.boosted_trees:boosted_trees",
    "boosted_trees_all": "loam.rivals.boosted_trees:boosted_trees_all",
    "boosted_trees_neighbours": "loam.rivals.boosted_trees:boosted_trees_neighbours",
    "within_station_trees": "loam.rivals.within_station_trees:within_station_trees",
    "within_station_trees_neighbours": "loam.rivals.within_station_trees:within_station_trees_neighbours",
}
QUICK = "quick"  # the job of the rivals that take seconds
REGRESSORS = {  # what gives the regressor of those that map
    "boosted_trees_all": "loam.rivals.boosted_trees:trees",
    "random_forest": "loam.rivals.random_forest:Forest",
    "ridge": "loam.rivals.ridge:line",
}
LEVEL = "boosted_trees_all"  # whose level the within-station trees take
WITHIN = {"within_station_trees", "within_station_trees_neighbours"}


def check_rivals(config: Mapping[str, Any]) -> None:
    """Raise a ConfigError where ``evaluation.rivals`` or ``level`` name what there is not."""
    mix, stack, models = config["level"]["mix"], config["level"]["stack"], config["training"]["models"]
    _check_names("evaluation.rivals", config["evaluation"]["rivals"], RIVALS)
    _check_names("level.mix.with", [mix["with"]], RIVALS)
    _check_names("level.mix.models", mix["models"], models)
    _check_names("level.stack.of", stack["of"], RIVALS)
    _check_names("level.stack.models", stack["models"], models)
    moved = config["evaluation"]["conditioned"]
    _check_names("evaluation.conditioned", moved, models)
    made = {*map(mixed, mix["models"]), *map(stacked, stack["models"]), *map(conditioned, moved)}
    if taken := sorted(made & {*models}):
        raise ConfigError(
            f"a network is called {taken[0]} already", where="config key 'training.models'",
            expected="other names than those of mixed, stacked and conditioned networks",
            fix="call that network something else",
        )  # fmt: skip
    first = config["training"]["protocols"][0]
    mapping = config["mapping"]
    if mapping["condition"] and mapping["dates"]:
        if mapping["model"] in models and mapping["model"] not in moved:
            raise ConfigError(
                f"{mapping['model']} is not scored conditioned", where="config key 'mapping.condition'",
                expected=f"evaluation: {{conditioned: [{mapping['model']}]}}",
            )  # fmt: skip
        if mapping["measurements"]:
            raise ConfigError(
                "the map is shifted by mapping.measurements already", where="config key 'mapping.condition'",
                fix="take one of them; a measurement says of its surroundings what a probe says",
            )  # fmt: skip
    for key, chosen in (("level.stack.models", stack["models"]), ("evaluation.conditioned", moved)):
        if chosen and first != LEAVE_ONE_OUT:
            raise ConfigError(
                f"it takes protocol {LEAVE_ONE_OUT}, and {first} is the run's first", where=f"config key '{key}'",
                expected=f"{LEAVE_ONE_OUT} first in training.protocols",
            )  # fmt: skip


def job_of(name: str) -> str:
    """The job that predicts a rival."""
    return name if name in SLOW_RIVALS else QUICK


def rivals_of(job: str, config: Mapping[str, Any], protocol: str | None = None) -> list[str]:
    """What a job predicts in a protocol: what the run names, and what another needs."""
    if job in SLOW_RIVALS:
        return [job]
    level = config["level"]
    if protocol == NESTED and protocol not in config["training"]["protocols"]:
        return [name for name in level["stack"]["of"] if name not in SLOW_RIVALS]
    needed = [level["mix"]["with"]] * bool(level["mix"]["models"]) + level["stack"]["of"] * bool(
        level["stack"]["models"]
    )
    return list(dict.fromkeys(name for name in [*config["evaluation"]["rivals"], *needed] if name not in SLOW_RIVALS))


def plugins_of(job: str, config: Mapping[str, Any], protocol: str | None = None) -> list[str]:
    """Where the functions of a job's rivals stand."""
    return [RIVALS[name] for name in rivals_of(job, config, protocol)]


def level_file(wildcards: Any) -> str | list[str]:
    """The predictions whose level the rival of a job takes; none for most."""
    made = f"results/{wildcards.run}/rivals/{wildcards.protocol}/{LEVEL}/predictions.parquet"
    return made if wildcards.rival in WITHIN else []


def _check_names(key: str, names: Sequence[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"no '{name}'", where=f"config key '{key}'", expected=f"any of {', '.join(known)}",
                fix=nearest(name, list(known)),
            )  # fmt: skip
