"""What a key of the configuration takes, in words: read off its model's field, for messages and the reference page."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from loam.config.model import Section, Words

NOUNS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Kind:
    """What a key takes.

    Args:
        base: Python's type of it: str, int, float, bool, list, dict, a Section, or Literal for one of ``choices``.
        noun: in words, its limits included: ``a number above 0``.
        null: whether it may be null.
        choices: the texts that it may be.
        item: what the entries of a list and the values of a mapping are.
        words: where the type has a name of its own.
        most: its upper limit.
    """

    base: Any
    noun: str
    null: bool = False
    choices: tuple[str, ...] = ()
    item: Kind | None = None
    words: Words | None = None
    most: float | None = None

    @property
    def section(self) -> type[Section] | None:
        """The model of a mapping with known keys."""
        return self.base if isinstance(self.base, type) and issubclass(self.base, Section) else None

    @property
    def keys(self) -> dict[str, FieldInfo]:
        """The fields of that model, by key."""
        return fields_of(self.section) if self.section else {}


def fields_of(section: type[Section]) -> dict[str, FieldInfo]:
    """The fields of a section by the keys that the config has for them."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def kind_of(field: FieldInfo) -> Kind:
    """What the key of ``field`` takes."""
    return _kind(field.annotation, field.metadata)


def leaves(section: type[Section], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key below ``section`` with its dotted path, those of entries of lists as ``key[].name``; keys first."""
    for key, field in fields_of(section).items():
        yield f"{path}{key}", field
        kind = kind_of(field)
        within = kind.item if kind.item and kind.item.section else kind
        if within.section:
            yield from leaves(within.section, f"{path}{key}{_between(kind)}")


def _between(kind: Kind) -> str:
    return {list: "[].", dict: ".<name>."}.get(kind.base, ".")


def default_of(field: FieldInfo) -> Any:
    """The default of a key; None where it has to be given."""
    return None if field.is_required() else field.get_default(call_default_factory=True)


def example_of(field: FieldInfo) -> Any:
    """A right value: the default, or where that is null or empty the field's or the type's example."""
    default = default_of(field)
    if isinstance(default, Section):
        return default.plain()
    if default not in (None, [], {}):
        entries = default if isinstance(default, list) else []
        return [item.plain() for item in entries if isinstance(item, Section)] or default
    if field.examples:
        return field.examples[0]
    kind = kind_of(field)
    return kind.words.example if kind.words else kind.choices[0] if kind.choices else default


def _kind(annotation: Any, metadata: Sequence[Any]) -> Kind:
    metadata = [inner for item in metadata for inner in (item.metadata if isinstance(item, FieldInfo) else [item])]
    words = next((item for item in reversed(metadata) if isinstance(item, Words)), None)
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(parts[0], [*parts[1:], *metadata])
    if origin in (Union, types.UnionType):
        kinds = [_kind(part, metadata) for part in parts if part is not type(None)]
        noun = words.noun if words else " or ".join(kind.noun for kind in kinds)
        return replace(kinds[0], noun=noun, null=type(None) in parts, words=words or kinds[0].words)
    if origin is Literal:
        return Kind(Literal, f"one of {', '.join(parts)}", choices=parts)
    if origin is list:
        item = _kind(parts[0], [])
        noun = words.noun if words else _list_noun(item, _limits(metadata))
        return Kind(list, noun, item=item, words=words)
    if origin is dict:
        item = _kind(parts[1], [])
        return Kind(dict, f"names, each with {item.noun}", item=item)
    if annotation in NOUNS:
        limits = _limits(metadata)
        noun = words.noun if words else " ".join([NOUNS[annotation], *_bounds(limits)])
        return Kind(annotation, noun, words=words, most=limits.get("le", limits.get("lt")))
    return Kind(annotation, "keys with values")


def _limits(metadata: Sequence[Any]) -> dict[str, Any]:
    names = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length")
    return {name: getattr(item, name) for item in metadata for name in names if getattr(item, name, None) is not None}


def _bounds(limits: dict[str, Any]) -> Iterator[str]:
    if "ge" in limits and "le" in limits:
        yield f"from {limits['ge']} to {limits['le']}"
    else:
        words = {"gt": "above {}", "ge": "of {} or more", "lt": "below {}", "le": "up to {}"}
        said = [word.format(limits[name]) for name, word in words.items() if name in limits]
        yield from [" and ".join(said)] if said else []
    if "multiple_of" in limits:
        yield f"in steps of {limits['multiple_of']}"


def _list_noun(item: Kind, limits: dict[str, Any]) -> str:
    if item.section:
        of = "entries, each with keys"
    elif item.choices:
        of = f"any of {', '.join(item.choices)}"
    else:
        plural = {
            "text": "names",
            "a day": "days",
            "a name": "names",
            "text or a whole number": "names or whole numbers",
        }
        of = plural.get(item.noun, item.noun.removeprefix("a ").replace("number", "numbers", 1))
    least = limits.get("min_length", 0)
    return f"a list of {of}" + (f", at least {least}" if least else "")
