"""Models by the names of their files, and how each is trained; read when the workflow is parsed, without importing one.

A model is one file, ``loam/models/<name>.py`` or ``<training.model_path>/<name>.py``, with three things:

- ``SETTINGS``, a literal: of each setting ``default`` and ``about``, and ``least`` or ``among`` that it is held to;
- ``MODEL``, a literal, may be left out: what it declares of ``CHOICES``, which ``training`` and ``training.<name>`` of
  the config can overrule;
- ``class Network``, a ``torch.nn.Module`` built from its settings and a ``loam.models.parts.shape.Shape``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from loam.config.parts import domains_of
from loam.config.recipes import MADE
from loam.config.sections.training import Training
from loam.config.wrong import as_yaml, nearest
from loam.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[1] / "models"

# What is chosen for each model: by training.<model>, else by training, else by the model's file, else this.
CHOICES: dict[str, Any] = {
    "engine": "stacked",  # stacked | loop
    "reads": "features",  # sequence: it needs variables of a sequence
    "answers": "last",  # last | every: of the window's last day, or of each of its days
    "window": None,  # {length: steps, step: days, patch: pixels a side}; None: the steps of features.sequence
    "loss": "concordance",
    "level_weight": 0.03,  # of a station's mean error in the loss within_station; or reml
    "scaling": "standard",  # standard | limits | log_skewed
    "optimiser": "adam",
    "betas": [0.9, 0.999],  # of Adam's two means
    "decay": 0.0,  # of the weights, decoupled: times the learning rate
    "anchor": 0.0,  # of what fine-tuning has changed, likewise
    "schedule": "constant",
    "stop": "early",  # early | last | {average: epochs}
    "l2": {},  # {pattern of parameters' names: factor}
    "clip": None,  # greatest norm of a step's gradient
    "learning_rate": None,
    "batch_size": None,
    "batch": None,  # {stations, rows, target_share}; None: batch_size rows of any stations
    "steps": None,  # of batches by stations, in the place of epochs
    "epochs": None,
    "patience": None,
    "validation": "fold",  # none: the fold's validation station trains too
    "seeds": 1,  # networks a fold, averaged
    "domain_indicator": False,  # which domain a row is of, as an input
    "neighbours": False,  # the other probes of the day, as an input: features.neighbours
    "scenarios": None,
}
AMONG: dict[str, list[Any]] = {
    "engine": ["stacked", "loop"],
    "reads": ["features", "sequence"],
    "answers": ["last", "every"],
    "scaling": ["standard", "limits", "log_skewed"],
    "validation": ["fold", "none"],
    "domain_indicator": [False, True],
    "neighbours": [False, True],
}
OF_THE_FILE = ("reads", "answers")  # facts of a network, not choices of a run
SHARED = (
    "engine",
    "loss",
    "optimiser",
    "schedule",
    "stop",
    "clip",
    "learning_rate",
    "batch_size",
    "epochs",
    "patience",
)

LOSSES = {
    "concordance": "loam.training.losses:concordance_loss",
    "rmse": "loam.training.losses:rmse",
    "mse": "loam.training.losses:mse",
    "mae": "loam.training.losses:mae",
    "huber": "loam.training.losses:huber",
    "gaussian_nll": "loam.training.losses:gaussian_nll",
    "within_station": "loam.training.losses:within_station",
    "within_station_nll": "loam.training.losses:within_station_nll",
}
OPTIMISERS = ("adam", "adamw", "adadelta")
SCENARIOS = ("source", "target", "transfer", "both")
SCHEDULES: dict[str, dict[str, float]] = {  # with their parameters
    "constant": {},
    "cosine": {"least": 0.0, "warm_up": 0.0},
    "one_cycle": {"rise": 0.3, "first": 0.04, "last": 4e-6},
    "triangular": {"period": 10, "least": 0.1},
}


def network_names(folder: str | None = None) -> list[str]:
    """Names of the networks' files: loam's, and those in ``folder`` (``training.model_path``)."""
    return sorted({path.stem for path in _files(folder) if path.stem != "__init__"})


def model_names(folder: str | None = None) -> list[str]:
    """Names of the models that there are: the networks, and those of the recipes."""
    return sorted({*network_names(folder), *MADE})


def network_of(name: str, folder: str | None = None) -> str:
    """Where a model's network stands, for ``loam.plugins.load``.

    Raises:
        ConfigError: no such model.
    """
    path = _path(name, folder)
    return f"loam.models.{path.stem}:Network" if path.parent == FOLDER else f"{path}:Network"


def describe_model(name: str, folder: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """``SETTINGS`` and ``MODEL`` of a model's file.

    Raises:
        ConfigError: no such model, or its file does not say what it must.
    """
    path = _path(name, folder)
    settings, declared = _literals(path, path.stat().st_mtime_ns)
    for key, values in (("SETTINGS", settings), ("MODEL", declared)):
        if not isinstance(values, dict):
            raise ConfigError(f"{key} is no mapping", where=path, expected=f"{key} = {{...}}, written out")
    for setting, about in settings.items():
        if not isinstance(about, dict) or not {"default", "about"} <= set(about):
            raise ConfigError(f"setting '{setting}' lacks default or about", where=path)
        if setting in CHOICES or setting == "family":
            raise ConfigError(f"setting '{setting}' is the name of a choice", where=path, fix="call it something else")
    if unknown := sorted(set(declared) - set(CHOICES)):
        raise _unknown(unknown[0], CHOICES, f"{path}, MODEL")
    return settings, declared


def resolve_model(name: str, training: Mapping[str, Any]) -> dict[str, Any]:
    """All that the training of one model needs: where its network stands, its settings, its family, every choice.

    Args:
        name: of the model.
        training: the config's section.

    Raises:
        ConfigError: a key or a value of ``training.<name>`` is none.
    """
    folder = training.get("model_path")
    where, own = f"config key 'training.{name}", dict(training.get(name) or {})
    made = MADE.get(name, {}) if own.get("network") in (None, MADE.get(name, {}).get("network")) else {}
    network = own.pop("network", made.get("network", name))
    if not isinstance(network, str):
        raise ConfigError(f"{as_yaml(network)} is no name", where=f"{where}.network'",
                          expected=f"one of {', '.join(network_names(folder))}")  # fmt: skip
    given = {**{key: value for key, value in made.items() if key != "network"}, **own}
    described, declared = describe_model(network, folder)
    family = given.pop("family", {})
    if given.pop("plugin", None) == network_of(network, folder):  # resolved before, as a report prints it
        given = {**given.pop("settings"), **{key: value for key, value in given.items() if key not in OF_THE_FILE}}
    allowed = {*described, *(set(CHOICES) - set(OF_THE_FILE))}
    for key in given:
        if key not in allowed:
            raise _unknown(key, [*described, *sorted(allowed - set(described)), "family"], f"{where}.{key}'")
    settings = {key: about["default"] for key, about in described.items()}
    settings |= {key: _setting(value, described[key], f"{where}.{key}'") for key, value in given.items()
                 if key in described}  # fmt: skip
    for key, values in family.items():
        if key not in described:
            raise _unknown(key, described, f"{where}.family.{key}'")
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{values} is no list", where=f"{where}.family.{key}'", expected="[1, 2, 3]")
        for value in values:
            _setting(value, described[key], f"{where}.family.{key}'")
    _check_frozen(settings, where)
    chosen = {**CHOICES, **declared}
    chosen |= {key: training[key] for key in SHARED if training.get(key) is not None}
    chosen |= {key: value for key, value in given.items() if key not in described}
    for key in CHOICES:
        chosen[key] = _choice(key, chosen[key], f"{where}.{key}'")
    if chosen["scenarios"] is None:
        chosen["scenarios"] = training.get("scenarios")
    _check_together(chosen, where)
    if chosen[
        "batch"
    ]:  # what batches by stations have in the place of these; a line of `training` changes nothing here
        chosen |= {"batch_size": None, "epochs": None, "patience": None}
    named = {} if network == name else {"network": network}
    return {**named, "plugin": network_of(network, folder), "settings": settings, "family": family, **chosen}


def combinations(family: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """The settings of each network of a family, in the order of the config; one without any where there is none."""
    found: list[dict[str, Any]] = [{}]
    for key, values in family.items():
        found = [{**settings, key: value} for settings in found for value in values]
    return found


def choose_models(config: dict[str, Any]) -> None:
    """Put all that each trained model needs in place of ``training.<model>``. Changes ``config`` in place."""
    training, with_source = config["training"], "source" in domains_of(config)
    known = model_names(training["model_path"])
    for name in sorted(set(training) - set(Training.model_fields) - set(known)):
        if isinstance(training[name], dict) and "network" in training[name]:
            continue  # a network by another name, with choices of its own
        raise _unknown(name, [*Training.model_fields, *known], f"config key 'training.{name}'")
    for name in known:
        if name in training and name not in training["models"]:
            resolve_model(name, training)
    for name in training["models"]:
        chosen_here = "scenarios" in (training.get(name) or {})
        training[name] = resolve_model(name, training)
        window = training[name]["window"] or {}
        if window.get("patch") and not config["features"]["patch"]:
            raise ConfigError(
                f"model {name} reads patches and features.patch is empty", where="config key 'training.models'",
                fix=f"name covariates in features.patch, such as [elevation], or leave {name} out",
            )  # fmt: skip
        if not with_source and not chosen_here and training[name]["scenarios"] == ["both"]:
            training[name]["scenarios"] = ["target"]
        if training[name]["reads"] == "sequence" and not config["features"]["sequence"]["variables"]:
            raise ConfigError(
                f"model {name} reads a sequence and features.sequence.variables is empty",
                where="config key 'training.models'", fix=f"name the sequence variables, or leave {name} out",
            )  # fmt: skip
    _note_windows(config)


def _note_windows(config: dict[str, Any]) -> None:
    """Put the windows of models that have one of their own beside the run's lags: samples hold what any model reads."""
    training, features = config["training"], config["features"]
    windows = [window for name in training["models"] if (window := training[name]["window"])]
    if windows:
        features["sequence"]["windows"] = [
            window for place, window in enumerate(windows) if window not in windows[:place]
        ]
    if not any(window.get("patch") for window in windows):
        features["patch"] = []


def _files(folder: str | None) -> list[Path]:
    own = sorted(Path(folder).glob("*.py")) if folder else []
    return [*own, *sorted(FOLDER.glob("*.py"))]


def _path(name: str, folder: str | None) -> Path:
    name = MADE[name]["network"] if name in MADE and name not in network_names(folder) else name
    for path in _files(folder):
        if path.stem == name and name != "__init__":
            return path
    known = model_names(folder)
    raise ConfigError(
        f"no model '{name}'", where="config key 'training.models'", expected=f"one of {', '.join(known)}",
        fix=nearest(name, known),
    )  # fmt: skip


@cache
def _literals(path: Path, changed: int) -> tuple[Any, Any]:
    found: dict[str, Any] = {"SETTINGS": None, "MODEL": {}}
    try:
        tree = ast.parse(path.read_bytes())
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in found:
                found[node.targets[0].id] = ast.literal_eval(node.value)
    except (SyntaxError, ValueError, OSError) as error:
        raise ConfigError(f"cannot be read as a model ({error})", where=path) from None
    if not any(isinstance(node, ast.ClassDef) and node.name == "Network" for node in tree.body):
        raise ConfigError("has no class Network", where=path, fix="see docs/how-to/add-a-model.md")
    return found["SETTINGS"], found["MODEL"]


def _setting(value: Any, about: Mapping[str, Any], where: str) -> Any:
    """``value`` as the setting's default is: a number, a list of numbers, a word, yes or no."""
    default, many = about["default"], isinstance(about["default"], list)
    kind = type(default[0] if many else default)
    noun, example = _noun(kind, many), f"such as {as_yaml(default)}"
    if many != isinstance(value, list) or (many and not value):
        fix = f"write a list: [{as_yaml(value)}]" if many and not isinstance(value, list) else None
        raise ConfigError(f"{as_yaml(value)} is not {noun}", where=where, expected=example, fix=fix)
    for item in value if many else [value]:
        fits = isinstance(item, int | float) if kind is float else isinstance(item, kind)
        if not fits or (isinstance(item, bool) and kind is not bool):
            raise ConfigError(f"'{item}' is not {_noun(kind, False)}", where=where, expected=example)
        if "among" in about and item not in about["among"]:
            known = [str(word) for word in about["among"]]
            raise ConfigError(f"'{item}' is not one of {', '.join(known)}", where=where, fix=nearest(str(item), known))
        if "least" in about and item < about["least"]:
            raise ConfigError(
                f"{item} is not {_noun(kind, False)} of at least {about['least']}", where=where, expected=example
            )
    return float(value) if kind is float and not many else value


def _noun(kind: type, many: bool) -> str:
    one = {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a word")
    return f"a list of {one.removeprefix('a ')}s" if many else one


def _check_frozen(settings: Mapping[str, Any], where: str) -> None:
    if isinstance(settings.get("hidden"), list) and settings.get("frozen", 0) > len(settings["hidden"]):
        raise ConfigError(
            f"{settings['frozen']} frozen layers of {len(settings['hidden'])}", where=f"{where}.frozen'",
            expected=f"a number from 0 to {len(settings['hidden'])}, the hidden layers",
        )  # fmt: skip


def _choice(key: str, value: Any, where: str) -> Any:
    """A choice as training reads it: stop and schedule as mappings with all their parameters."""
    if key in AMONG:
        return _setting(value, {"default": AMONG[key][0], "among": AMONG[key]}, where)
    if key == "loss":
        return _setting(value, {"default": "concordance", "among": list(LOSSES)}, where)
    if key == "optimiser":
        return _setting(value, {"default": "adam", "among": list(OPTIMISERS)}, where)
    if key == "stop":
        if isinstance(value, dict) and set(value) == {"average"}:
            return {"stop": "average", "epochs": _setting(value["average"], {"default": 5, "least": 1}, where)}
        if isinstance(value, dict) and set(value) == {"stop", "epochs"}:
            return value
        word = _setting(value, {"default": "early", "among": ["early", "last"]}, f"{where}; or {{average: 5}}")
        return {"stop": word, "epochs": 1}
    if key == "schedule":
        return _schedule(value, where)
    if key in ("learning_rate", "clip") and value is not None:
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ConfigError(f"{value} is no number above 0", where=where, expected="such as 1.0e-3")
        return float(value)
    if key in ("batch_size", "epochs", "patience", "steps", "seeds") and value is not None:
        return _setting(value, {"default": 128, "least": 2 if key == "batch_size" else 1}, where)
    if key in ("decay", "anchor"):
        return _setting(value, {"default": 0.5, "least": 0.0}, where)
    if key == "level_weight" and value != "reml":
        return _setting(value, {"default": 0.03, "least": 0.0}, f"{where}; or reml")
    if key == "betas":
        if not _numbers(value, 2) or not all(0 <= beta < 1 for beta in value):
            raise ConfigError(f"{as_yaml(value)} does not fit", where=where, expected="two numbers, like [0.9, 0.98]")
        return [float(beta) for beta in value]
    if key == "batch" and value is not None:
        return _batch(value, where)
    if key == "scenarios" and value is not None:
        if not isinstance(value, list) or not value:
            raise ConfigError(f"{as_yaml(value)} is no list", where=where, expected="[both]")
        return [_setting(word, {"default": "both", "among": list(SCENARIOS)}, where) for word in value]
    if key == "l2":
        if not isinstance(value, dict) or any(isinstance(item, bool) or not isinstance(item, int | float) or item < 0
                                              for item in value.values()):  # fmt: skip
            raise ConfigError(f"{value} does not fit", where=where, expected="{'hidden.*.weight': 1.0e-4}")
        return value
    if key == "window" and value is not None:
        return _window(value, where)
    return value


def _window(value: Any, where: str) -> dict[str, int]:
    if not isinstance(value, dict) or not {"length"} <= set(value) <= {"length", "step", "patch"}:
        raise ConfigError(
            f"{as_yaml(value)} does not fit", where=where,
            expected="{length: 365}, the steps; with `step`, days from one to the next, and `patch`, pixels a side",
        )  # fmt: skip
    window = {key: _setting(number, {"default": 365, "least": 1}, where) for key, number in sorted(value.items())}
    if window.get("patch", 1) % 2 == 0:
        raise ConfigError(
            f"a patch of {window['patch']} pixels a side has no middle one", where=where, expected="an odd number",
            fix=f"write {window['patch'] + 1}",
        )  # fmt: skip
    return window


def _numbers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(
        isinstance(item, int | float) and not isinstance(item, bool) for item in value
    )  # fmt: skip


def _batch(value: Any, where: str) -> dict[str, Any]:
    """Batches by stations, with all their parameters."""
    known: dict[str, Any] = {"stations": 8, "rows": 16, "target_share": 0.5}
    if not isinstance(value, dict):
        raise ConfigError(f"{as_yaml(value)} does not fit", where=where, expected="{stations: 8, rows: 16}")
    for key in value:
        if key not in known:
            raise _unknown(key, known, where)
    found: dict[str, Any] = {}
    for key, default in known.items():
        least = {"target_share": 0.0, "stations": 2}.get(key, 1)
        place = where.removesuffix("'") + f".{key}'"
        found[key] = _setting(value.get(key, default), {"default": default, "least": least}, place)
    if found["target_share"] > 1:
        raise ConfigError(f"{found['target_share']} is above 1", where=place, expected="such as 0.5")
    return found


def _check_together(chosen: Mapping[str, Any], where: str) -> None:
    """Choices that need one another."""
    within = chosen["loss"].startswith("within_station")
    if within and chosen["batch"] is None:
        raise ConfigError(
            f"loss {chosen['loss']} needs batches of whole stations", where=f"{where}.batch'",
            expected="{stations: 8, rows: 16}: stations a batch and rows of each",
        )  # fmt: skip
    if (chosen["batch"] is None) != (chosen["steps"] is None):
        raise ConfigError(
            "batch and steps go together: batches by stations have no epochs", where=f"{where}.steps'",
            expected="both, such as batch: {stations: 8, rows: 16} and steps: 500, or neither",
        )  # fmt: skip
    if chosen["validation"] == "none" and chosen["stop"]["stop"] == "early":
        raise ConfigError(
            "early stopping needs rows that validate", where=f"{where}.validation'",
            expected="stop: last, or validation: fold",
        )  # fmt: skip


def _schedule(value: Any, where: str) -> dict[str, Any]:
    name, given = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else (value, {})
    if isinstance(value, dict) and "name" in value:
        name, given = value["name"], {key: item for key, item in value.items() if key != "name"}
    _setting(name, {"default": "constant", "among": list(SCHEDULES)}, where)
    for key in given or {}:
        if key not in SCHEDULES[name]:
            raise _unknown(key, SCHEDULES[name], where)
    return {"name": name, **SCHEDULES[name], **(given or {})}


def _unknown(key: str, known: Any, where: object) -> ConfigError:
    return ConfigError("unknown key", where=where, expected=f"one of {', '.join(known)}", fix=nearest(key, list(known)))
