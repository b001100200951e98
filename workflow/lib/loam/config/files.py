"""The files that ``--configfile`` names, looked at before Snakemake reads them and ends in a traceback.

Called by ``profiles/default``: standard library and PyYAML only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

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


def _fault(path: Path) -> str | None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "no such config file; check the path of --configfile (it takes all names after it: put targets first)"
    except yaml.MarkedYAMLError as error:
        at, what = error.problem_mark or error.context_mark, error.problem or error.context
        return f"line {at.line + 1}, column {at.column + 1}: no YAML: {what}"
    except UnicodeDecodeError as error:
        return f"no UTF-8 text at byte {error.start}; save it as UTF-8"
    except yaml.YAMLError as error:
        return " ".join(f"no YAML: {error}".split())
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if content is not None and not isinstance(content, dict):
        return f"holds a {type(content).__name__}; expected keys with values (key: value)"
    return None
