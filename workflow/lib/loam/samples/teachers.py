"""Teachers: what models learn moisture from. Most domains have one, their probes; a modelled moisture may be another.

A teacher's moisture is that of the layers' own columns or probes, or a daily column of the domain's table, or a daily
covariate of its cube or point tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loam.covariates.features import Feature, FeatureSet
from loam.covariates.read.derive import RowReader, Settings, Source
from loam.errors import ConfigError, TableError

OWN = "probes"  # what the layers' own columns, or the probes, are called


@dataclass(frozen=True)
class Teacher:
    """What one teacher of a domain says.

    Args:
        name: of the teacher.
        weight: in the loss.
        columns: column of a table, or covariate, by layer; empty for the layers' own.
    """

    name: str = OWN
    weight: float = 1.0
    columns: Mapping[str, str] | None = None

    @property
    def own(self) -> bool:
        """Whether it is the layers' own columns, or the probes."""
        return self.columns is None

    def label(self, layer: str) -> str:
        """A layer's column in the table of all teachers."""
        return layer if self.own else f"{self.name}: {layer}"


def teachers_of(domain: str, samples: Mapping[str, Any], layers: Sequence[str]) -> list[Teacher]:
    """The teachers of a domain that the config's ``samples.teachers`` names, or the layers' own columns.

    Raises:
        ConfigError: a teacher's column is of no layer, one column is to be several layers, or two have one name.
    """
    found = []
    for item in samples["teachers"]:
        if item["domain"] != domain:
            continue
        columns = item["column"]
        if isinstance(columns, str):
            if len(layers) > 1:
                raise ConfigError(
                    f"teacher '{item['name']}' has one column for {len(layers)} layers",
                    where="config key 'samples.teachers'", expected=f"one a layer, like {{{layers[0]}: {columns}}}",
                )  # fmt: skip
            columns = {layers[0]: columns}
        if unknown := sorted(set(columns or ()) - set(layers)):
            raise ConfigError(
                f"no layer '{unknown[0]}'", where=f"config key 'samples.teachers', '{item['name']}'",
                expected=f"one of {', '.join(layers)}",
            )  # fmt: skip
        if item["name"] in [other.name for other in found]:
            raise ConfigError(
                f"domain '{domain}' has two teachers '{item['name']}'", where="config key 'samples.teachers'",
                fix="give each a name of its own",
            )  # fmt: skip
        found.append(Teacher(item["name"], item["weight"], columns))
    return found or [Teacher()]


def columns_taught(samples: Mapping[str, Any]) -> dict[str, str]:
    """The columns and covariates that teachers say moisture in, and which teacher."""
    found = {}
    for item in samples["teachers"]:
        columns = [item["column"]] if isinstance(item["column"], str) else (item["column"] or {}).values()
        found |= dict.fromkeys(columns, item["name"])
    return found


def layers_to_read(teachers: Sequence[Teacher], layers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The columns of a table that hold the moisture of ``teachers``, as ``read_station_table`` takes its layers."""
    return [
        {
            "name": teacher.label(layer["name"]),
            "column": layer["column"] if teacher.own else teacher.columns[layer["name"]],
        }
        for teacher in teachers
        for layer in layers
        if teacher.own or layer["name"] in teacher.columns
    ]


def of_table(read: pd.DataFrame, teachers: Sequence[Teacher], layers: Sequence[str]) -> list[pd.DataFrame]:
    """What each teacher says: one column a layer, NaN where nothing, of the columns that ``layers_to_read`` named."""
    return [
        read.reindex(columns=[teacher.label(layer) for layer in layers]).set_axis(list(layers), axis=1).astype(float)
        for teacher in teachers
    ]


def combined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The first teacher's moisture that there is of each layer; ``parts`` share one index."""
    first, *others = parts
    for other in others:
        first = first.fillna(other)
    return first


def of_source(
    teacher: Teacher, layers: Sequence[str], source: Source, stations: Sequence[str], days: np.ndarray,
    settings: Settings, where: object,
) -> np.ndarray:  # fmt: skip
    """What a teacher says that is a daily covariate of a source: [station, day, layer], m3 m-3, NaN where nothing.

    Raises:
        TableError: it is outside 0 to 1.
        ConfigError: the source has no such covariate.
    """
    said = np.full((len(stations), len(days), len(layers)), np.nan)
    for layer, column in (teacher.columns or {}).items():
        feature = Feature(f"{column}_0", column, "daily")
        reader = RowReader(FeatureSet((feature,), ()), source, days, settings)
        values = reader.series(feature, len(stations))[1].astype(float)
        if (wrong := (values < 0) | (values > 1)).any():
            station, day = np.argwhere(wrong)[0]
            raise TableError(
                f"'{column}', moisture of teacher '{teacher.name}', is {values[station, day]:g} at station "
                f"'{stations[station]}' on {days[day]}", where=where, expected="0 to 1 m3 of water in m3 of soil",
            )  # fmt: skip
        said[:, :, list(layers).index(layer)] = values
    return said
