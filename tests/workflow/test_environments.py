"""Each rule's conda environment holds what its script's closure imports, in the versions of the lock."""

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache

import pytest
import yaml

from loam.config.code import LIBRARY, SCRIPTS, closure

CONDA_NAME = {  # of a module, or of a part of a namespace that several packages share
    "torch": "pytorch",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "rio_cogeo": "rio-cogeo",
    "odc.geo": "odc-geo",
    "odc.stac": "odc-stac",
    "ee": "earthengine-api",
    "google.auth": "google-auth",
    "google.oauth2": "google-auth",
    "googleapiclient": "google-api-python-client",
    "ecmwf.datastores": "ecmwf-datastores-client",
    "eof": "sentineleof",
    "netCDF4": "netcdf4",
    "pystac_client": "pystac-client",
}
SHARED = {name.split(".")[0] for name in CONDA_NAME if "." in name}
NOT_IN_LOCK = {"python", "proj-data"}  # what pip does not install
OPTIONAL = {"s2cloudless"}  # asked for where it is needed, with a line that says how to install it

PIP_NAME = {
    conda: pip for pip, conda in [("torch", "pytorch"), ("tzdata", "python-tzdata"), ("asf-search", "asf_search")]
}


def packages(path) -> dict[str, str]:
    """Names and pins of an environment, those that pip installs (conda-forge lacks them) included."""
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
    flat = [name for item in listed for name in (item["pip"] if isinstance(item, dict) else [item])]
    return {re.split(r"[=<>]", item)[0].lower(): item.rpartition("=")[2] for item in flat if item != "pip"}


def environments(project):
    """Script and environment of every rule that has a script."""
    for path in sorted((project / "workflow" / "rules").rglob("*.smk")):
        for block in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            if script := re.search(r"scripts/([\w/]+)\.py", block):
                yield script.group(1), project / re.search(r'"[./]+/(envs/\w+\.yaml)"', block).group(1)


def module(name):
    """The part of a dotted name that says which package it is of."""
    return ".".join(name.split(".")[: 2 if name.split(".")[0] in SHARED else 1])


@cache
def plugins_named(path):
    """The modules that stand as text in a module's tables of plugins."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    names = [text.split(":")[0] for text in texts if re.fullmatch(r"loam(\.\w+)+:\w+", text)]
    return {LIBRARY.joinpath(*name.split(".")).with_suffix(".py") for name in names}


def with_plugins(starts):
    """All modules that the files reach, those too that stand as text in a table of plugins."""
    reached = closure(starts)
    plugins = set().union(*map(plugins_named, reached))
    return reached if plugins <= reached else with_plugins(reached | plugins)


@cache
def imported(path):
    """The packages that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {module(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(module(node.module))
    return names


def third_party(script):
    names = set().union(*map(imported, with_plugins([SCRIPTS / f"{script}.py"])))
    return {CONDA_NAME.get(name, name) for name in names - set(sys.stdlib_module_names) - {"loam"} - OPTIONAL}


def test_every_import_of_a_rule_is_in_its_environment(project):
    for script, environment in environments(project):
        names = set(packages(environment))
        assert third_party(script) <= names, f"{script}: {third_party(script) - names} not in {environment.name}"


@pytest.mark.parametrize("environment", ["acquire", "geo", "probes", "report", "torch"])
def test_every_environment_is_pinned_to_the_lock(project, environment):
    lock = {}
    for line in (project / "constraints.txt").read_text(encoding="utf-8").splitlines():
        package, version = line.split(";")[0].strip().split("==")
        lock.setdefault(package.lower(), set()).add(version)
    for name, version in packages(project / "envs" / f"{environment}.yaml").items():
        if name not in NOT_IN_LOCK:
            known = {in_channel(locked) for locked in lock[PIP_NAME.get(name, name)]}
            assert version in known, f"{name} {version}: the lock has {known}"


def in_channel(version: str) -> str:
    """The version that conda-forge has of a locked one: releases, without PyPI's post releases and local builds."""
    return re.sub(r"\.post\d+$|\+.*$", "", version)


@pytest.mark.parametrize("environment", ["acquire", "geo", "probes", "report", "torch"])
def test_no_environment_asks_for_what_the_channel_cannot_have(project, environment):
    for name, version in packages(project / "envs" / f"{environment}.yaml").items():
        assert name in NOT_IN_LOCK or re.fullmatch(r"\d+(\.\d+)*", version), f"{name}={version}"


def test_the_clone_can_be_installed_for_a_notebook(project, tmp_path):
    """As `pip install -e .` does, without asking an index: the library, its files of declarations and its version."""
    clone, site = tmp_path / "clone", tmp_path / "site"
    shutil.copytree(project / "workflow" / "lib", clone / "workflow" / "lib", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(project / name, clone / name)
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "--target", str(site), "-e", str(clone)], check=True, capture_output=True)
    code = f"""
import site
from importlib.metadata import distribution
site.addsitedir({str(site)!r})
import loam
from loam.config.code import release
from loam.samples.series import open_samples
from loam.variables import variables
found = distribution("loam")
assert loam.__file__.startswith({str(clone)!r}) and found.version == release(), (loam.__file__, found.version)
assert "zarr" in found.requires and len(variables()) > 30
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
