"""A hash of the code that a script reaches, so that a change in a module reruns exactly the rules that use it.

Snakemake does not follow imports. The hash is over the syntax trees of the script and of every local module it
imports, directly or not, with each package's ``__init__.py``: code counts; comments, docstrings and layout do not.
What the config chooses by name (``loam.plugins``) is no import: a rule names the plugins that its jobs load.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[2]  # the folder that holds the package `loam`
SCRIPTS = LIBRARY.parent / "scripts"
RELEASE = LIBRARY / "loam" / "RELEASE"  # no code: a new release makes nothing stale that its code would not


def code_version(script: str, *plugins: str) -> str:
    """Hash of ``workflow/scripts/<script>.py``, its closure of local imports and those of its plugins; 16 hex digits.

    Args:
        script: name of the script.
        plugins: what the job loads because the config names it, as ``module:name``.
    """
    return _version(script, frozenset(plugin.split(":")[0] for plugin in plugins))


@cache
def _version(script: str, modules: frozenset[str]) -> str:
    starts = {SCRIPTS / f"{script}.py", *(path for module in modules for path in _files(module))}
    digest = hashlib.sha256()
    for path in sorted(closure(starts)):
        digest.update(path.name.encode() + _tree(path)[0])
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
    tree = _without_docstrings(ast.parse(path.read_bytes(), filename=str(path)))
    return hashlib.sha256(ast.dump(tree).encode()).digest(), frozenset(_imported(tree))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            del node.body[0]
    return tree


def _imported(tree: ast.AST) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ImportError(f"line {node.lineno}: relative import; the code hash follows absolute ones only")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {path for name in names for path in _files(name)}


def _files(name: str) -> list[Path]:
    """The library's files that importing ``name`` (a module, or something inside one) executes."""
    parts, files = name.split("."), []
    if parts[0] != "loam":
        return files
    for count in range(1, len(parts) + 1):
        base = LIBRARY.joinpath(*parts[:count])
        files += [path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()]
    return files
