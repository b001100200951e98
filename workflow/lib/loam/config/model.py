"""What the sections of the configuration are made of: a closed model of typed fields, and the types that they share.

A section is one file in ``loam.config.sections``. Its fields' types, limits, defaults and descriptions are the only
declaration of a key: messages (``loam.config.wrong``), docs/reference/config.md and config/config.yaml come from them.
Read when the workflow is parsed: the standard library and pydantic only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AllowInfNan, BaseModel, BeforeValidator, ConfigDict, Field, WrapValidator

from loam.config.days import iso_day
from loam.config.refusal import RefusalError

NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, eq=False)
class Words:
    """How a type is called in messages and on the reference page, with one right value."""

    noun: str
    example: Any


class Section(BaseModel):
    """A closed mapping of the configuration. Values are taken as written: no text becomes a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
    sparse: ClassVar[bool] = False  # keys that are null are left out of what rules see

    def plain(self) -> dict[str, Any]:
        """All keys and values as built-in types, as rules pass them to jobs."""
        fields = type(self).model_fields
        values = (((name in fields and fields[name].alias) or name, value) for name, value in self)
        return {name: _plain(value) for name, value in values if not (self.sparse and value is None)}


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.plain()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _as_written(value: Any, check: Callable[[Any], float]) -> Any:
    """A whole number stays one: 90 is not shown as 90.0."""
    check(value)
    return value


def _digits(value: Any) -> Any:
    """A whole number where text of a form stands, as text: the form's check says how it is written."""
    return str(value) if type(value) is int else value


def _each_once(values: list[Any]) -> list[Any]:
    for value in values:
        if values.count(value) > 1:
            raise RefusalError(f"'{value}' is named twice", fix="name it once")
    return values


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise RefusalError(
            f"{value} is not odd", expected="a window with a pixel in its middle", fix=f"write {value + 1}"
        )
    return value


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        made = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
        made = made if made[:1].isalpha() else f"run_{made}".rstrip("_")
        raise RefusalError(
            f"'{text}' is not a name", expected="small letters, digits and _, a letter first", fix=f"write {made}"
        )
    return text


def _forward(days: list[str]) -> list[str]:
    if days[0] > days[1]:
        raise RefusalError(
            f"[{days[0]}, {days[1]}]: first day after last day", expected="[first day, last day]", fix="exchange them"
        )
    return days


def _increasing(lags: list[int]) -> list[int]:
    if lags[0] > lags[1]:
        raise RefusalError(f"lags {lags} run backwards", expected="[first, last]", fix=f"write {lags[::-1]}")
    return lags


def _offset(text: str) -> str:
    written = re.fullmatch(r"([+-]\d\d):([0-5]\d)", text)
    if not written or not -12 * 60 <= int(written[1]) * 60 + int(f"{text[0]}{written[2]}") <= 14 * 60:
        raise RefusalError(
            f"'{text}' is not an offset from UTC",
            expected='sign, hours and minutes from -12:00 to +14:00 in quotation marks, like "+10:00"',
        )
    return text


Number = Annotated[float, AllowInfNan(False), WrapValidator(_as_written)]
Share = Annotated[Number, Field(gt=0, le=1)]
Percent = Annotated[Number, Field(ge=0, le=100)]
AsText = BeforeValidator(_digits)
Name = Annotated[str, AsText, AfterValidator(_name), Words("a name", "surface")]
Day = Annotated[str, AsText, AfterValidator(iso_day), Words("a day", "2016-02-05")]
Days = Annotated[
    list[Day], Field(min_length=2, max_length=2), AfterValidator(_forward),
    Words("[first day, last day]", ["2016-01-01", "2019-12-31"]),
]  # fmt: skip
Lags = Annotated[
    list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2), AfterValidator(_increasing),
    Words("[first, last] lag in days", [0, 3]),
]  # fmt: skip
Odd = Annotated[int, AfterValidator(_odd)]
Bounds = Annotated[
    list[Number], Field(min_length=4, max_length=4),
    Words("[west, south, east, north]", [146.0, -36.0, 148.0, -34.0]),
]  # fmt: skip
Offset = Annotated[str, AsText, AfterValidator(_offset), Words("an offset from UTC", "+10:00")]
Names = Annotated[str | list[str], Words("a name or a list of names", "tmin")]
EachOnce = AfterValidator(_each_once)
