"""A hash of the code that a script reaches, so that a change in a module reruns exactly the rules that use it.

Snakemake does not follow imports. The hash is over the syntax trees of the script and of every local module it
imports, directly or not, with each package's ``__init__.py``: code counts; comments, docstrings and layout do not.
What the config chooses by name (``loam.plugins``) is no import: a rule names the plugins that its jobs load.

What a module's text gives is kept in ``__pycache__``, as Python keeps its bytecode, by path, time and size.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).resolve().parents[2]  # the folder that holds the package `loam`
SCRIPTS = LIBRARY.parent / "scripts"
KEPT = Path(__file__).parent / "__pycache__" / f"code-{sys.version_info[0]}{sys.version_info[1]}.json"
_new: set[Path] = set()  # hashed by this process and not yet written down
SETTLED = 2.0  # s; a file that has just been written may be written again within the resolution of its time
RELEASE = LIBRARY / "loam" / "RELEASE"  # no code: a new release makes nothing stale that its code would not


def code_version(script: str, *plugins: str) -> str:
    """Hash of ``workflow/scripts/<script>.py``, its closure of local imports and those of its plugins; 16 hex digits.

    Args:
        script: name of the script.
        plugins: what the job loads because the config names it, as ``module:name`` or ``file.py:name``.
    """
    return _version(script, frozenset(plugin.rsplit(":", 1)[0] for plugin in plugins))


@cache
def _version(script: str, modules: frozenset[str]) -> str:
    starts = {SCRIPTS / f"{script}.py", *(path for module in modules for path in _files(module))}
    digest = hashlib.sha256()
    for path in sorted(closure(starts)):
        digest.update(path.name.encode() + _tree(path)[0])
    if _new:
        _keep()
        _new.clear()
    return digest.hexdigest()[:16]


def release() -> str:
    """The version of loam, such as ``0.1.0``."""
    return RELEASE.read_text(encoding="utf-8").strip()


def closure(starts: Iterable[Path]) -> set[Path]:
    """``starts`` and every module of the library that they import, directly or through another."""
    found, queue = set(starts), [*starts]
    while queue:
        for path in _tree(queue.pop())[1]:
            if path not in found:
                found.add(path)
                queue.append(path)
    return found


@cache
def _tree(path: Path) -> tuple[bytes, frozenset[Path]]:
    """Hash of a module's code and the library's files that it imports."""
    about = path.stat()
    name = str(path.relative_to(LIBRARY.parent) if path.is_relative_to(LIBRARY.parent) else path)
    looks, kept = [about.st_mtime_ns, about.st_size], _kept().get(name)
    if kept is None or kept["looks"] != looks:
        tree = _without_docstrings(ast.parse(path.read_bytes(), filename=str(path)))
        digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
        kept = {"looks": looks, "code": digest, "imports": sorted(_imported(tree))}
        if time.time() - about.st_mtime > SETTLED:
            _kept()[name] = kept
            _new.add(path)
    return bytes.fromhex(kept["code"]), frozenset(file for name in kept["imports"] for file in _files(name))


@cache
def _kept() -> dict[str, dict[str, Any]]:
    """What earlier processes found: a file's time (ns) and size, the hash of its code, what it imports.

    By path, of the library's own from ``workflow/`` on, so that it holds in a copy of the clone too.
    """
    try:
        found = json.loads(KEPT.read_bytes())
    except (OSError, ValueError):
        found = {}
    return {
        path: kept
        for path, kept in (found.items() if isinstance(found, dict) else ())
        if isinstance(kept, dict) and kept.keys() == {"looks", "code", "imports"}
    }


def _keep() -> None:
    """Write it down for the next process; a folder that cannot be written to only makes that one slower."""
    with contextlib.suppress(OSError):
        KEPT.parent.mkdir(exist_ok=True)
        part = KEPT.with_name(f"{KEPT.name}.{os.getpid()}")
        part.write_text(json.dumps(_kept()), encoding="utf-8")
        part.replace(KEPT)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            del node.body[0]
    return tree


def _imported(tree: ast.AST) -> set[str]:
    """Dotted names of the library that a module imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ImportError(f"line {node.lineno}: relative import; the code hash follows absolute ones only")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in names if name.split(".")[0] == "loam"}


@cache
def _files(name: str) -> list[Path]:
    """The files that importing ``name`` executes: of the library, a module or something inside one; or its own file."""
    if name.endswith(".py"):
        return [Path(name)]
    parts, modules = name.split("."), _modules()
    return [modules[start] for count in range(len(parts)) if (start := ".".join(parts[: count + 1])) in modules]


@cache
def _modules() -> dict[str, Path]:
    """The library's files by the dotted name that they are imported by; a package's is its ``__init__.py``."""
    found = {}
    for folder, _, names in os.walk(LIBRARY / "loam"):
        package = ".".join(Path(folder).relative_to(LIBRARY).parts)
        for name in names:
            if name.endswith(".py"):
                found[package if name == "__init__.py" else f"{package}.{name[:-3]}"] = Path(folder, name)
    return found
