"""What is wrong with a configuration, in words: the key, what stands there, what could, and what to write instead."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from loam.config.kinds import Kind, default_of, example_of, kind_of, leaves
from loam.config.model import Section
from loam.config.refusal import RefusalError
from loam.errors import ConfigError

SYNONYMS = {"gpu": "cuda", "csv": "table", "copernicus": "direct", "gee": "earthengine"}
MOST = 10  # errors that are said at once
Path = tuple[str | int, ...]


def key_of_config(path: Path) -> str:
    """A key of the config as errors name it."""
    return f"config key '{'.'.join(str(part) for part in path)}'"


def refusals(
    model: type[Section], raw: Mapping[str, Any], error: ValidationError, where: Callable[[Path], str] = key_of_config
) -> list[ConfigError]:
    """One error a wrong key of ``raw``, in the order of the model's keys.

    Args:
        model: what ``raw`` should be.
        raw: as it was read.
        error: what the model says of it.
        where: names a key by its path.
    """
    found: dict[Path, ConfigError] = {}
    items = error.errors(include_url=False)
    unknown = [_place(model, item["loc"])[0] for item in items if item["type"] == "extra_forbidden"]
    for item in items:
        path, kind, field = _place(model, item["loc"])
        misspelt = any(path[:-1] == other[:-1] and _close(str(other[-1]), [str(path[-1])]) for other in unknown)
        if path in found or (item["type"] == "missing" and misspelt):
            continue
        if item["type"] == "extra_forbidden":
            found[path] = _unknown(model, path, kind, where(path))
        elif item["type"] == "missing":
            found[path] = ConfigError(
                f"key '{path[-1]}' is missing", where=where(path[:-1]), expected=_like(path, field)
            )
        elif isinstance(refusal := item.get("ctx", {}).get("error"), RefusalError):
            key = (*path, refusal.key) if refusal.key else path
            found[path] = ConfigError(refusal.what, where=where(key), expected=refusal.expected, fix=refusal.fix)
        else:
            found[path] = _wrong(path, kind, field, _at(raw, path), where(path))
    return list(found.values())


def together(errors: Sequence[ConfigError], where: object = "config") -> ConfigError:
    """One error that says all of ``errors``, at most ``MOST`` of them."""
    if len(errors) == 1:
        return errors[0]
    more = f", the first {MOST} of which are" if len(errors) > MOST else ""
    return ConfigError(f"{len(errors)} things are wrong{more}", where=where, parts=errors[:MOST])


def nearest(name: str, known: Sequence[str]) -> str | None:
    """``did you mean 'training'?``, or None where no known name is like it."""
    close = _close(name, known)
    return f"did you mean '{close[0]}'?" if close else None


def _close(name: str, known: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, known, n=1)


def as_yaml(value: Any) -> str:
    """A value as it is written in a config, on one line."""
    if isinstance(value, float) and value and not 1e-3 <= abs(value) < 1e6:
        digits, power = f"{value:e}".split("e")
        digits = digits.rstrip("0")
        return f"{digits}{'0' if digits.endswith('.') else ''}e{int(power)}"
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return re.sub(r"'(\d{4}-\d\d-\d\d)'", r"\1", text.removesuffix("...\n").strip())  # a day needs no quotes


def _place(model: type[Section], loc: Sequence[str | int]) -> tuple[Path, Kind, FieldInfo | None]:
    """The key that ``loc`` is about, without the branches of a type that stand in it, what it takes, and its field."""
    path: list[str | int] = []
    kind, field = Kind(model, ""), None
    for part in loc:
        if part in kind.keys:
            field = kind.keys[str(part)]
            kind = kind_of(field)
        elif kind.item is not None and (isinstance(part, int) or kind.base is dict):
            kind = kind.item
        elif kind.section is None:
            break  # a branch
        path.append(part)
    return tuple(path), kind, field


def _at(raw: Any, path: Path) -> Any:
    for part in path:
        raw = raw[part]
    return raw


def _like(path: Path, field: FieldInfo | None) -> str | None:
    """A line of config that would be right; for an entry of a list, the whole list's."""
    example = example_of(field) if field is not None else None
    if example is None:
        return None
    if isinstance(example, dict) and not (field and field.examples):
        example = dict(list({key: value for key, value in example.items() if value is not None}.items())[:2])
    key = next(part for part in reversed(path) if isinstance(part, str))
    return f"{key}: {as_yaml(example)}"


def _unknown(model: type[Section], path: Path, kind: Kind, where: str) -> ConfigError:
    name, known = str(path[-1]), sorted(kind.keys)
    paths = [other for other, _ in leaves(model)]
    others = [other for other in paths if other.rpartition(".")[2] == name]
    if name in paths:
        fix: str | None = f"write it nested: {': {'.join(name.split('.'))}: ...{'}' * name.count('.')}"
    else:
        fix = f"did you mean '{others[0]}'?" if others else nearest(name, known)
    return ConfigError("unknown key", where=where, expected=f"one of {', '.join(known)}", fix=fix)


def _wrong(path: Path, kind: Kind, field: FieldInfo | None, value: Any, where: str) -> ConfigError:
    if isinstance(value, float) and not math.isfinite(value):
        return ConfigError(f"{value} is no number", where=where, expected=_like(path, field))
    what = f"{_shown(value)} is not {kind.noun}"
    return ConfigError(what, where=where, expected=_like(path, field), fix=_fix(kind, field, value))


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value[:80]}'"
    text = as_yaml(value)
    return f"{text[:80]}..." if len(text) > 80 else text


def _fix(kind: Kind, field: FieldInfo | None, value: Any) -> str | None:
    """What to write instead, where the value shows what was meant."""
    if value is None:
        return None if field is None or default_of(field) is None else "leave the key out for its default"
    if kind.base is list and not isinstance(value, list):
        of_one = kind.noun.startswith("a list") and isinstance(value, dict) == (
            kind.item and kind.item.section is not None
        )
        return f"write a list: {as_yaml([value])}" if of_one else None
    if kind.base is not list and isinstance(value, list):
        return f"write one value: {as_yaml(value[0])}" if value and not isinstance(value[0], list | dict) else None
    if kind.choices:
        return nearest(SYNONYMS.get(str(value), str(value)), kind.choices)
    if kind.base is str and isinstance(value, bool):
        return "YAML reads yes, no, on and off as true or false: put the text in quotation marks"
    if kind.base is str and isinstance(value, int | float):
        return f'put it in quotation marks: "{as_yaml(value)}"'
    if kind.base is bool:
        return _switch(value)
    return _number(kind, value) if kind.base in (int, float) else None


def _switch(value: Any) -> str | None:
    said = {"true": "true", "yes": "true", "on": "true", "1": "true", "false": "false", "no": "false", "off": "false",
            "0": "false"}.get(str(value).strip().lower())  # fmt: skip
    return f"write {said}, without quotation marks" if said else None


def _number(kind: Kind, value: Any) -> str | None:
    if isinstance(value, float) and kind.base is int and value.is_integer():
        return f"write {int(value)}"
    if kind.most == 1 and isinstance(value, int | float) and 1 < value <= 100:
        return f"write {as_yaml(value / 100)} for {value} %"
    if not isinstance(value, str):
        return None
    text = value.strip()
    if found := re.fullmatch(r"([+-]?)(\d+)(?:\.(\d*))?[eE]([+-]?)(\d+)", text):
        sign, whole, decimals, power_sign, power = found.groups()
        number = f"{sign.strip('+')}{whole}.{decimals or '0'}e{power_sign or '+'}{int(power)}"
        return f"write {number}: YAML reads {text} as text"
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        return f"write {text.replace(',', '.')}, with a point"
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return f"write {text}, without quotation marks"
    if found := re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*%", text):
        return f"write {as_yaml(float(found[1]) / 100)}" if kind.most == 1 else f"write {found[1]}, without %"
    if found := re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*[^\d\s.,].*", text):
        return f"write {found[1]}, the number without its unit"
    return None
