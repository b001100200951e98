"""What is measured, modelled or derived (``variables.yaml``): units, what is possible, where it comes from, and how.

The one place where ranges stand: readers of probes, of tables, of rasters, of netCDF and of providers' replies take
them from here, and so do the rules that plan what is fetched and built. An edit of a declaration reruns the jobs that
use it (``facts_of`` stands among their values); a variable that is added reruns nothing. Read when the workflow is
parsed: no heavy library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from loam.io.declared import read_declared
from loam.units import QUANTITIES, Quantity, shown, spelling

FILE = Path(__file__).with_name("variables.yaml")
DERIVED = (None, "last_valid", "age", "sum")
FORMS = ("fields", "maps", "scenes")
TOLD = ("name", "title", "how", "because")  # say what a variable is, and change no number


@dataclass(frozen=True)
class Kind:
    """A kind of data that a run chooses a data set for: how its files come (``FORMS``), title, text and example."""

    name: str
    form: str
    title: str
    about: str
    example: dict[str, str]


@dataclass(frozen=True)
class Variable:
    """One entry of variables.yaml; its comment at the head says what each key means."""

    name: str
    title: str
    units: str = "1"
    low: float = float("-inf")
    high: float = float("inf")
    quantity: str | None = None
    because: str | None = None
    reaches: float = 0.0
    reaches_in_years: float = 0.0
    kind: str | None = None
    layers: int = 0
    classes: bool = False
    variable: str | None = None
    derive: str | None = None
    look_back: int | str | None = None
    between: bool = False
    neighbours: bool = False
    points: bool = True
    how: str = ""

    @property
    def measured(self) -> Quantity:
        """Its quantity: which other units can be read."""
        return QUANTITIES[self.quantity or self.units]

    @property
    def possible(self) -> str:
        """``0 to 1 m3 m-3``."""
        return f"{self.low:g} to {self.high:g} {self.units}"


@cache
def kinds() -> dict[str, Kind]:
    """All kinds of data by name, in the order of the file."""
    return {name: Kind(name, **entry) for name, entry in read_declared(FILE)["kinds"].items()}


def kinds_of(form: str) -> tuple[str, ...]:
    """The kinds whose files come as ``fields``, ``maps`` or ``scenes``."""
    return tuple(name for name, kind in kinds().items() if kind.form == form)


@cache
def variables() -> dict[str, Variable]:
    """All variables by name, in the order of the file."""
    return {name: declared(name, entry) for name, entry in read_declared(FILE)["variables"].items()}


def declared(name: str, entry: Mapping[str, Any]) -> Variable:
    """A variable from its entry.

    Raises:
        ValueError: a key is unknown, or its value is.
    """
    known, rest = {item.name for item in fields(Variable)} - {"name", "low", "high"} | {"range"}, dict(entry)
    if unknown := sorted(rest.keys() - known):
        raise ValueError(f"{FILE.name}: {name}: no key '{unknown[0]}'; expected one of {', '.join(sorted(known))}")
    low, high = rest.pop("range", (float("-inf"), float("inf")))
    if rest.get("kind"):
        rest.setdefault("variable", name)
    variable = Variable(name, low=float(low), high=float(high), **rest)
    right = {
        "range": low < high, "quantity": (variable.quantity or variable.units) in QUANTITIES,
        "derive": variable.derive in DERIVED, "kind": variable.kind is None or variable.kind in kinds(),
        "look_back": bool(variable.look_back) == (variable.derive in ("last_valid", "age")),
    }  # fmt: skip
    if wrong := [key for key, ok in right.items() if not ok]:
        raise ValueError(f"{FILE.name}: {name}: {wrong[0]} cannot be {entry.get(wrong[0])}")
    return variable


def variable_of(column: str) -> Variable | None:
    """The variable of a column or covariate, None where none is declared: ``clay`` for ``clay_1``, ``rain`` for
    ``rain_30``, ``landcover_share`` for ``landcover_share_PAST``.
    """
    base = column if column in variables() else re.sub(r"(_\d+|(?<=_share)_[A-Z]+)$", "", column)
    return variables().get(base)


def covariate_of(name: str) -> Variable | None:
    """The variable that the cube's covariate ``name`` is, or is made from; None where it has no such covariate.

    ``clay_5`` is none, since soils come in four layers; nor are ``clay``, whose layer is not said, and ``tmin_30``.
    """
    variable = variable_of(name)
    if variable is None or variable.kind is None:
        return None
    more = name.removeprefix(variable.name).removeprefix("_")
    if variable.layers:
        known = more in {str(layer + 1) for layer in range(variable.layers)}
    elif variable.name.endswith("_share"):
        known = bool(more)
    else:
        known = not more or (variable.derive == "sum" and more.isdecimal())
    return variable if known else None


def observed(kind: str | None = None) -> dict[str, Variable]:
    """The covariates that are the last valid observation of a pass or composite, or its age; of one kind or of all."""
    return {
        name: variable
        for name, variable in variables().items()
        if variable.derive in ("last_valid", "age") and kind in (None, variable.kind)
    }


def native(kind: str, variable: str) -> Variable | None:
    """The variable that data sets of a kind hold under the name ``variable``; None where it is none of that kind's."""
    mine = (item for item in variables().values() if item.kind == kind and item.variable == variable)
    return next(mine, variables().get(variable))


def facts_of(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What is declared of variables, as plain values: for the params of jobs that read them."""
    found = {variable.name: asdict(variable) for name in sorted(names) if (variable := variable_of(name))}
    usual = {field.name: field.default for field in fields(Variable)}
    return {
        name: {key: value for key, value in facts.items() if key not in TOLD and value != usual[key]}
        for name, facts in found.items()
    }


def ranges_of(column: str) -> list[tuple[float, float, str]]:
    """What a table's column of that name can hold: least and greatest value, in each unit it may be written in.

    ``rain_30`` is a sum over 30 days, or the rain 30 days before. Empty for a name that is not known.
    """
    variable = variable_of(column)
    if variable is None or variable.classes:
        return []
    low, high, units = variable.low, variable.high, variable.units
    found = [(low, high, units)]
    if variable.derive == "sum" and (days := re.fullmatch(rf"{variable.name}_(\d+)", column)):
        found = [(low, high * max(1, int(days[1])), units.removesuffix(" d-1"))]
    for unit in variable.measured.records:
        factor, offset = variable.measured.others[unit]
        found.append(((low - offset) / factor, (high - offset) / factor, shown(unit)))
    widest = max(found, key=lambda item: item[1] - item[0])
    return [item for item in found if item is widest or not widest[0] <= item[0] <= item[1] <= widest[1]]


def unit_of_record(variable: Variable, low: float, high: float) -> str | None:
    """The unit of a record of years whose least and greatest value are ``low`` and ``high``: the canonical one, or the
    first other in which they are possible; None where there is none.
    """
    quantity = variable.measured
    for unit in (spelling(variable.units), *quantity.records):
        factor, offset = quantity.conversion(unit)
        canonical = max(variable.reaches, variable.reaches_in_years) if (factor, offset) == (1.0, 0.0) else 0.0
        least = quantity.reaches_in.get(unit, canonical)
        possible = variable.low <= low * factor + offset and high * factor + offset <= variable.high
        if possible and (high > least or not least):
            return unit
    return None
