"""The default configuration as a file: every key with its default and what it does, from the models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import TextWrapper
from typing import Any

from pydantic.fields import FieldInfo

from loam.config.kinds import default_of, example_of, fields_of, kind_of
from loam.config.model import Section
from loam.config.wrong import as_yaml

WIDTH, COLUMN = 120, 32
HEAD = """\
# The default run: a synthetic world whose moisture is known everywhere, so that nothing needs to be downloaded and the
# map can be scored at every pixel (docs/sandbox.md).
#
#   snakemake --cores 16                                        this file
#   snakemake --cores 16 --configfile config/murrumbidgee.yaml  another run, laid over this file
#
# An overlay names only what it changes. Mappings are merged key by key, lists are replaced whole. Each key is described
# in full in docs/reference/config.md; a key that is not known is an error. This file is written from the models in
# loam.config.sections by `python docs/generate_reference.py`.
"""


def written(model: type[Section]) -> str:
    """The file's text: YAML of all defaults of ``model``, each with a comment."""
    return "\n".join([HEAD, *_lines(model(), "")]).rstrip() + "\n"


def _lines(section: Section, indent: str) -> Iterator[str]:
    for key, field in fields_of(type(section)).items():
        value = default_of(field)
        if isinstance(value, Section) and not indent:
            yield from ["", *_wrapped(field.description or "", "# ")]
            yield f"{key}:"
            yield from _lines(value, "  ")
        elif isinstance(value, Section):
            yield from _beside(f"{indent}{key}:", _first_sentence(field))
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list) and value and (isinstance(value[0], Section) or len(as_yaml(value)) > WIDTH - 40):
            yield from _beside(f"{indent}{key}:", _first_sentence(field))
            yield from (f"{indent}  - {as_yaml(_plain(item))}" for item in value)
        else:
            yield from _beside(f"{indent}{key}: {as_yaml(value)}", _comment(field, value))


def _plain(item: Any) -> Any:
    return item.plain() if isinstance(item, Section) else item


def _comment(field: FieldInfo, value: Any) -> str:
    choices, example = kind_of(field).choices, example_of(field)
    text = f"{' | '.join(choices)}: {_first_sentence(field)}" if choices else _first_sentence(field)
    open_to_all = value in (None, [], {}) and not choices
    return f"{text.rstrip('.')}, like {as_yaml(example)}" if open_to_all and example != value else text


def _first_sentence(field: FieldInfo) -> str:
    return re.split(r"(?<=[a-z0-9)`%])\. (?=[A-Z`])", field.description or "")[0].rstrip(".")


def _beside(text: str, comment: str) -> Iterator[str]:
    """``text`` with the comment beside it, which goes on below, or above it where there is no room."""
    column = COLUMN if len(text) < COLUMN - 1 else len(text) + 2
    if column > WIDTH - 40:
        margin = " " * (len(text) - len(text.lstrip()))
        yield from [*_wrapped(comment, f"{margin}# "), text]
        return
    first, *rest = _wrapped(comment, f"{'':<{column}}# ")
    yield from [f"{text:<{column}}{first[column:]}", *rest]


def _wrapped(text: str, margin: str) -> list[str]:
    return TextWrapper(WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False).wrap(text)
