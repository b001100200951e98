"""The files that ``--configfile`` names, looked at before Snakemake reads them and ends in a traceback.

Called by ``profiles/default``: standard library and PyYAML only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml


def check_config_files(arguments: Sequence[str]) -> None:
    """End the program with one line if a file that ``--configfile`` names is missing or is no YAML.

    Args:
        arguments: the command line, without the program's name.

    Raises:
        SystemExit: with the line.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", dest="files", nargs="+", action="extend", default=[])
    known, _ = parser.parse_known_args([item for item in arguments if item != "--"])
    for name in known.files:
        if fault := _fault(Path(name)):
            raise SystemExit(f"ERROR {name}: {fault}")


class _Loader(yaml.SafeLoader):
    """YAML whose keys are there once, and whose days exist."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and seen.setdefault(key.value, line) != line:
                what = (
                    f"key '{key.value}' is there twice, first in line {seen[key.value]}; put what is below it together"
                )
                raise yaml.constructor.ConstructorError(None, None, what, key.start_mark)
        return super().construct_mapping(node, deep)

    def construct_day(self, node: yaml.ScalarNode) -> object:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            what = f"'{node.value}' is not a day that exists; expected year-month-day, like 2016-02-05"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_day)


def _fault(path: Path) -> str | None:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        return "no such config file; check the path of --configfile (it takes all names after it: put targets first)"
    except yaml.constructor.ConstructorError as error:
        mark = error.problem_mark
        return f"line {mark.line + 1}: {error.problem}" if mark else str(error.problem)
    except yaml.MarkedYAMLError as error:
        at, what = error.problem_mark or error.context_mark, error.problem or error.context
        return (f"line {at.line + 1}, column {at.column + 1}: " if at else "") + f"no YAML: {what}"
    except UnicodeDecodeError as error:
        return f"no UTF-8 text at byte {error.start}; save it as UTF-8"
    except yaml.YAMLError as error:
        return " ".join(f"no YAML: {error}".split())
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if content is not None and not isinstance(content, dict):
        return f"holds a {type(content).__name__}; expected keys with values (key: value)"
    return None
