"""The catalogue of datasets: what each is, its variables and how each back end names them (datasets.yaml).

Imported when the workflow is parsed: no heavy library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from loam.errors import ConfigError
from loam.io.declared import read_declared
from loam.variables import kinds, native

FILE = Path(__file__).with_name("datasets.yaml")
FETCHED = ("earthengine", "direct", "local")  # back ends that ask somebody, or read what somebody gave
BACK_ENDS = (*FETCHED, "sandbox")
HOSTS = ("earthengine", "earthdata", "cds", "tern", "files", "scenes")  # limiters of jobs, by whom they ask


@dataclass(frozen=True)
class Variable:
    """A canonical variable: its units, the range that is physically possible, and the bands of its map.

    Units and range are those of ``loam.variables``; codes of classes, which are no quantity, have the range that
    datasets.yaml gives.
    """

    name: str
    units: str
    low: float
    high: float
    title: str
    bands: tuple[str, ...] = ()  # names of a map's bands; empty for fields
    classes: bool = False  # codes of classes, not numbers


@dataclass(frozen=True)
class Gap:
    """Days whose data lack (``missing``) or rest on a model alone (``model_only``)."""

    first: date
    last: date
    effect: str
    reason: str

    def holds(self, day: date) -> bool:
        """Whether ``day`` lies in the gap."""
        return self.first <= day <= self.last


@dataclass(frozen=True)
class Dataset:
    """One entry of datasets.yaml; its comment at the head says what each key means."""

    name: str
    title: str
    kind: str
    form: str
    version: str
    licence: str
    citation: str
    variables: Mapping[str, Variable]
    back_ends: Mapping[str, Mapping[str, Any]]
    nodata: float = -9999.0
    period: str = "month"  # what a file of fields spans: month | year
    step_hours: int = 24
    start: date = date(1900, 1, 1)
    latency_days: int = 0
    final_days: int = 0
    known_gaps: tuple[Gap, ...] = ()
    resampling: str = "average"
    vertical_datum: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields_a_day(self) -> int:
        """How many fields a complete day has."""
        return max(1, 24 // self.step_hours)

    def back_end(self, name: str) -> Mapping[str, Any]:
        """How ``name`` is asked for this dataset.

        Raises:
            ConfigError: it does not have the dataset.
        """
        if name not in self.back_ends:
            raise ConfigError(
                f"back end '{name}' does not have it", where=f"dataset '{self.name}'",
                expected=f"one of {', '.join(self.back_ends)}",
            )  # fmt: skip
        return self.back_ends[name]

    def gap(self, day: date) -> Gap | None:
        """The known gap that ``day`` lies in."""
        return next((gap for gap in self.known_gaps if gap.holds(day)), None)


@cache
def catalogue() -> dict[str, Dataset]:
    """All datasets by name."""
    return {name: _dataset(name, entry) for name, entry in read_declared(FILE).items()}


def dataset_of(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        ConfigError: the catalogue does not have it.
    """
    if name not in catalogue():
        raise ConfigError(
            f"no dataset '{name}'", where="config section 'acquire'", expected=f"one of {', '.join(catalogue())}"
        )
    return catalogue()[name]


def _dataset(name: str, entry: Mapping[str, Any]) -> Dataset:
    rest = dict(entry)
    back_ends = {key: rest.pop(key) for key in BACK_ENDS if key in rest}
    variables = {key: _variable(name, rest["kind"], key, item) for key, item in rest.pop("variables").items()}
    gaps = tuple(Gap(**gap) for gap in rest.pop("known_gaps", []))
    if rest["kind"] not in kinds() or any(keys["host"] not in HOSTS for keys in back_ends.values()):
        raise ValueError(f"{FILE.name}: {name}: unknown kind or host")
    return Dataset(name, variables=variables, back_ends=back_ends, known_gaps=gaps, **rest)


def _variable(dataset: str, kind: str, name: str, item: Mapping[str, Any]) -> Variable:
    """A variable of a data set.

    Raises:
        ValueError: it is not declared in ``loam.variables``, or the catalogue says again what stands there.
    """
    bands, where = tuple(item.get("bands", ())), f"{FILE.name}: {dataset}: {name}"
    if item.get("classes"):
        return Variable(name, "1", *map(float, item["range"]), item["title"], bands, True)
    declared = native(kind, name)
    if declared is None:
        raise ValueError(f"{where}: no such variable of {kind} in variables.yaml")
    if again := item.keys() - {"title", "bands"}:
        raise ValueError(f"{where}: {', '.join(sorted(again))} stands in variables.yaml")
    return Variable(name, declared.units, declared.low, declared.high, item.get("title", declared.title), bands)
