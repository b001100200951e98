"""Plain values as typed sections: a whole one, checked, or the keys of one that a rule picked for its job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from loam.config.model import Section
from loam.config.wrong import Path, key_of_config, refusals, together

S = TypeVar("S", bound=Section)


def checked(
    model: type[S], raw: Mapping[str, Any], where: Callable[[Path], str] = key_of_config, whole: object = "config"
) -> S:
    """``raw`` as a section; keys that are not there have their defaults.

    Args:
        model: the section's.
        raw: as it was read.
        where: names a key by its path, for errors.
        whole: names all of ``raw``.

    Raises:
        ConfigError: all that is wrong.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise together(refusals(model, raw, error, where), whole) from None


def picked(model: type[S], values: Mapping[str, Any]) -> S:
    """The keys of a section that a rule picked (``loam.config.settings.pick``).

    A key that it did not pick has no value: to read it is an AttributeError, never the default of another run.

    Raises:
        ConfigError: a value that the section does not have.
    """
    section = checked(model, values)
    _forget_unset(section)
    return section


def _forget_unset(section: Section) -> None:
    for name in type(section).model_fields:
        if name not in section.model_fields_set and not section.sparse:
            del section.__dict__[name]
        elif isinstance(value := getattr(section, name), Section):
            _forget_unset(value)
