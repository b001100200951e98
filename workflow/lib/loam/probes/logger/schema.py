"""Closed JSON schema of the description of a folder of logger files (docs/how-to/use-your-own-probes.md)."""

from __future__ import annotations

from typing import Any

from loam.probes.readings import VARIABLES

_TEXT = {"type": "string", "minLength": 1}
_NAME = {"type": ["string", "integer"], "minLength": 1}  # a column may be called 10
_LINE = {"type": "integer", "minimum": 1, "maximum": 1000}
_IN_COLUMN = {"column": _NAME}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    """A mapping with these keys and no other."""
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


SCHEMA = _object(
    ["station", "time", "columns"],
    files=_TEXT,
    delimiter={"enum": [",", ";", "\t", "|", " "]},
    decimal={"enum": [".", ","]},
    thousands={"enum": [",", ".", " ", "'", "\u00a0"]},
    encoding={"enum": ["auto", "utf-8", "latin-1"]},
    lines=_object([], names={**_LINE, "type": ["integer", "array"], "items": _LINE, "minItems": 1, "uniqueItems": True},
                  units=_LINE, data=_LINE),
    station=_object(["from"], **{"from": {"enum": ["file name", "header line", "column"]}},
                    pattern=_TEXT, line=_LINE, column=_NAME),
    time=_object(
        ["column", "format"],
        column={"type": ["string", "integer", "array"], "minLength": 1, "minItems": 1, "items": _NAME},
        format=_TEXT,
        zone={"type": ["string", "integer"]},
        ambiguous={"enum": ["refuse", "earlier", "later", "order"]},
        nonexistent={"enum": ["refuse", "shift"]},
    ),
    daily={"type": "boolean"},
    missing={"type": "array", "items": {"type": ["string", "integer", "null"]}},
    duplicates={"enum": ["refuse", "first", "last", "mean"]},
    columns={
        "type": "array",
        "minItems": 1,
        "items": _object(
            ["column", "variable", "unit"],
            **{"from": {"type": "string"}},
            column=_NAME,
            position={"type": "integer", "minimum": 1, "maximum": 100_000},
            variable={"enum": VARIABLES},
            depth={**_object(["column"], **_IN_COLUMN, unit=_TEXT), "type": ["string", "integer", "object"]},
            unit=_NAME,
            sensor={**_object(["column"], **_IN_COLUMN), "type": ["string", "integer", "object"], "minLength": 1},
            flag=_NAME,
            air_counts={"type": "number"},
            water_counts={"type": "number"},
            where={"type": "object", "minProperties": 1, "additionalProperties": _NAME},
            until={"type": "string"},
            optional={"type": "boolean"},
        ),
    },
)  # fmt: skip
