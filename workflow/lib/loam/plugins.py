"""What the config chooses by name: tables hold text, ``module:name``, which is imported when it is chosen.

A rule whose script loads one passes it to ``loam.config.code.code_version`` too, so that an edit of what a run does not
name reruns nothing of it. Nothing heavy is imported here, nor by the modules that hold tables.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

_loaded: set[str] = set()


def load(plugin: str) -> Any:
    """What stands at ``module:name``, such as ``loam.probes.ismn:read_ismn``, or ``file.py:name``."""
    module, name = plugin.rsplit(":", 1)
    _loaded.add(module)
    return getattr(_of_file(module) if module.endswith(".py") else import_module(module), name)


def _of_file(path: str) -> ModuleType:
    name = f"loam_plugin_{path}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no module")
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def loaded_plugins() -> list[str]:
    """The modules of all that this process has loaded, sorted; written into the records beside products."""
    return sorted(_loaded)
