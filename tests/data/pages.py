"""Commands and files that README and docs print, and a fresh clone of the checkout to run them in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

WORDS = r"(?:\. \.venv|(?:make|snakemake|python3?|pip|conda|git) )"
COMMAND = re.compile(rf"{WORDS}|(?:echo|cp|mkdir) ")
IN_SENTENCE = re.compile(rf"`({WORDS}[^`]+)`")
FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.S | re.M)
LABELLED = re.compile(r"\*\*`([^`]+)`\*\*[^\n]*\n\n```\w*\n(.*?)```", re.S)


def pages(project: Path) -> list[str]:
    """README and every page of docs, as paths from the project's root."""
    return ["README.md", *(str(path.relative_to(project)) for path in sorted((project / "docs").rglob("*.md")))]


def printed_commands(text: str, *, sentences: bool = True) -> list[str]:
    """The commands in a page's text: lines of blocks that begin with one, then those between backticks in ``sentences``."""
    found = []
    for language, block in FENCE.findall(text):
        if language in ("", "sh", "bash", "console") and COMMAND.match(block.strip()):
            found += [re.sub(r"\s+#.*", "", line).strip() for line in block.splitlines() if line.strip()]
    if sentences:
        found += [" ".join(code.split()) for code in IN_SENTENCE.findall(FENCE.sub("", text))]
    return list(dict.fromkeys(found))


def labelled_files(text: str) -> Mapping[str, str]:
    """Name and content of each file that a page prints under its name in bold."""
    return dict(LABELLED.findall(text))


def blocks(text: str, language: str) -> list[str]:
    """The blocks of a page that are written in ``language``, in its order."""
    return [block for name, block in FENCE.findall(text) if name == language]


def copy_compiled(project: Path, folder: Path) -> None:
    """Give a copy of the workflow what Python and numba have compiled of it, which they take if the file is the same."""
    for cache in (project / "workflow").rglob("__pycache__"):
        place = folder / cache.relative_to(project)
        place.mkdir(exist_ok=True)
        for file in cache.iterdir():
            if file.suffix in (".pyc", ".nbi", ".nbc", ".json"):  # not what another process is writing
                shutil.copy2(file, place)


def fresh_clone(project: Path, folder: Path) -> Path:
    """Clone the checkout to ``folder`` as it stands, uncommitted changes too; ``.venv`` there is the Python that runs this."""
    if not (project / ".git").exists():
        pytest.skip(f"{project} is no git checkout, so it cannot be cloned")
    subprocess.run(["git", "clone", "--quiet", str(project), str(folder)], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).unlink(missing_ok=True)
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, folder / name)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    copy_compiled(project, folder)
    environment = folder / ".venv"
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "ready":
            (environment / part.name).symlink_to(part)
    (environment / "ready").touch()
    return folder


def run_as_printed(commands: Iterable[str], folder: Path) -> subprocess.CompletedProcess:
    """Type the commands one after the other into one shell in ``folder``; the first that fails ends it."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-ec", "\n".join(commands)], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "MAKEFLAGS": ""},
    )  # fmt: skip


def succeed(commands: Iterable[str], folder: Path) -> str:
    """What the commands say, all of which must end well."""
    done = run_as_printed(commands, folder)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


def changed_files(clone: Path) -> list[str]:
    """Tracked files of a clone that differ from how it was cloned."""
    done = subprocess.run(["git", "diff", "--name-only"], cwd=clone, capture_output=True, text=True, check=True)
    return done.stdout.split()
