"""A folder of grids that users hold, and what its ``layout.yaml`` says of it (docs/reference/local-files.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from loam.acquire.catalogue import Dataset, Variable
from loam.codes import Codes
from loam.errors import ConfigError, RasterError
from loam.units import QUANTITIES

FILE = "layout.yaml"
KEYS = ("names", "units", "nodata", "crs", "vertical_datum")
SLACK = 1e-4  # share of a variable's range by which values may lie outside it and be set to its limit


@dataclass(frozen=True)
class Layout:
    """What a folder holds, where the files do not say so themselves.

    Args:
        folder: where the files lie.
        names: variable -> its name: of the file (maps), in the file (fields).
        units: variable -> its unit.
        nodata: variable -> the value that stands for missing.
        crs: the CRS of files that have none.
        vertical_datum: what an elevation model's heights stand on: EGM96, EGM2008, AHD or WGS84 ellipsoid; where it is
            None the file's own tag says it.
    """

    folder: Path
    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    nodata: Mapping[str, float] = field(default_factory=dict)
    crs: str | None = None
    vertical_datum: str | None = None

    def conversion(self, variable: Variable, written: str | None, where: Path) -> tuple[float, float]:
        """Scale and offset from the file's unit (``layout.yaml`` comes first) to the canonical one.

        Raises:
            RasterError: the unit is unknown.
        """
        unit = self.units.get(variable.name, written)
        quantity = QUANTITIES[variable.units]
        found = quantity.conversion(str(unit))
        if found is None:
            raise RasterError(
                f"{variable.name} has the unit '{unit}'", where=where, expected=f"one of {', '.join(quantity.known)}",
                fix=f"say `units: {{{variable.name}: ...}}` in {FILE}",
            )  # fmt: skip
        return found


def read_layout(folder: Path, dataset: Dataset) -> Layout:
    """A folder of a dataset's files, and its ``layout.yaml`` if it has one.

    Raises:
        ConfigError: the layout says something unknown.
    """
    path = folder / FILE
    if not path.is_file():
        return Layout(folder)
    try:
        kept = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read as YAML ({error})", where=path) from None
    if not isinstance(kept, dict) or (
        unknown := sorted(set(kept) - {"names", "units", "nodata", "crs", "vertical_datum"})
    ):
        found = ", ".join(unknown) if isinstance(kept, dict) else str(kept)[:60]
        raise ConfigError(f"holds {found}", where=path, expected=", ".join(KEYS))
    for name in ("names", "units", "nodata"):
        _check(kept.setdefault(name, {}), name, dataset, path)
    return Layout(folder, kept["names"], kept["units"], kept["nodata"], kept.get("crs"), kept.get("vertical_datum"))


def within_range(values: np.ndarray, item: Variable, path: Path, layout: Layout, codes: Codes) -> np.ndarray:
    """``values`` (any shape), those just outside the variable's range set to its limit; ``codes`` has seen them.

    Raises:
        RasterError: values are physically impossible.
    """
    slack = SLACK * (item.high - item.low)
    with np.errstate(invalid="ignore"):
        wrong = (values < item.low - slack) | (values > item.high + slack)
    if wrong.any():
        raise RasterError(
            f"{item.name} is {values[wrong][0]:g} {item.units}" + _taken(item, layout), where=path,
            expected=f"{item.low:g} to {item.high:g} {item.units}",
            fix=f"check its unit (`units: {{{item.name}: ...}}` in {FILE}) and its nodata value",
        )  # fmt: skip
    codes.see(values)
    return np.clip(values, np.float32(item.low), np.float32(item.high))


def refuse_codes(codes: Codes, item: Variable, path: Path) -> None:
    """Raise a RasterError for a value of a file that stands apart from all others as codes for missing values do."""
    for code in codes.found():
        raise RasterError(
            f"{item.name} is {code.value:g} {item.units} in {code.count} places; the others are {codes.low:g} to "
            f"{codes.high:g}", where=path, expected="missing values that are marked",
            fix=f"mark {code.value:g} as nodata, or say `nodata: {{{item.name}: ...}}` in {FILE}",
        )  # fmt: skip


def _taken(item: Variable, layout: Layout) -> str:
    return f", read as {layout.units[item.name]}" if item.name in layout.units else ""


def _check(values: Any, key: str, dataset: Dataset, path: Path) -> None:
    kinds = (int, float) if key == "nodata" else str
    if not isinstance(values, dict):
        raise ConfigError(f"{key} is {values!r}", where=path, expected="variable: value")
    for name, value in values.items():
        if name not in dataset.variables:
            raise ConfigError(f"{key} names '{name}'", where=path, expected=f"one of {', '.join(dataset.variables)}")
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise ConfigError(
                f"{key} of {name} is {value!r}", where=path, expected="a number" if key == "nodata" else "text"
            )
