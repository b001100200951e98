"""Declarations that the program brings along (datasets, variables): YAML, read when the workflow is parsed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster; PyYAML may be built without it


def read_declared(path: Path) -> Any:
    """What stands in a YAML file of the program's own, as plain values."""
    return yaml.load(path.read_bytes(), Loader=LOADER)
