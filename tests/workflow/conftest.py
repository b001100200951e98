"""Run the workflow in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from pages import copy_compiled

PARTS = ["Snakefile", "config", "workflow", "envs", "profiles"]


@dataclass(frozen=True)
class Checkout:
    """A copy of the project with an overlay of the configuration."""

    folder: Path
    config: dict

    def snakemake(self, *arguments: str, config: dict | None = None) -> subprocess.CompletedProcess:
        """Run snakemake there on two cores with ``config`` (default: the checkout's own) laid over the default."""
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(config or self.config), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", str(overlay)]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def planned(self, config: dict | None = None) -> set[str]:
        """The rules that a dry run would execute, without `all`."""
        result = self.snakemake("--dry-run", config=config)
        assert result.returncode == 0, result.stderr + result.stdout
        return jobs_of(result)


def jobs_of(dry_run: subprocess.CompletedProcess) -> set[str]:
    """The rules that a dry run lists, without `all`."""
    return set(re.findall(r"^(\w+) +\d+$", dry_run.stdout + dry_run.stderr, flags=re.M)) - {"all", "total"}


def _copy_project(project: Path, folder: Path, config: dict) -> Checkout:
    """Copy what the workflow needs to ``folder``; ``config`` is the overlay."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = project / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    copy_compiled(project, folder)
    return Checkout(folder, config)


@pytest.fixture(scope="session")
def copy_project():
    """``copy_project(project, folder, config)`` gives a checkout of the project with an overlay."""
    return _copy_project
