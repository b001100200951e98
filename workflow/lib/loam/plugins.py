"""What the config chooses by name: tables hold text, ``module:name``, which is imported when it is chosen.

A rule whose script loads one passes it to ``loam.config.code.code_version`` too, so that an edit of what a run does not
name reruns nothing of it. Nothing heavy is imported here, nor by the modules that hold tables.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_loaded: set[str] = set()


def load(plugin: str) -> Any:
    """What stands at ``module:name``, such as ``loam.probes.ismn:read_ismn``."""
    module, name = plugin.split(":")
    _loaded.add(module)
    return getattr(import_module(module), name)


def loaded_plugins() -> list[str]:
    """The modules of all that this process has loaded, sorted; written into the records beside products."""
    return sorted(_loaded)
