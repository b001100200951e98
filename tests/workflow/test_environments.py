"""Each rule's conda environment holds what its script's closure imports, in the versions of the lock."""

import ast
import re
import sys

import pytest
import yaml
from loam.config.code import SCRIPTS, closure

CONDA_NAME = {"torch": "pytorch", "yaml": "pyyaml", "sklearn": "scikit-learn", "rio_cogeo": "rio-cogeo", "odc": "odc-geo"}


def environments(project):
    for path in sorted((project / "workflow" / "rules").glob("*.smk")):
        for block in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            conda = re.search(r'"\.\./\.\./(envs/\w+\.yaml)"', block).group(1)
            yield re.search(r"scripts/(\w+)\.py", block).group(1), project / conda


def third_party(script):
    names = set()
    for path in closure(SCRIPTS / f"{script}.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    return {CONDA_NAME.get(name, name) for name in names - set(sys.stdlib_module_names) - {"loam"}}


def test_every_import_of_a_rule_is_in_its_environment(project):
    for script, environment in environments(project):
        packages = yaml.safe_load(environment.read_text(encoding="utf-8"))["dependencies"]
        names = {re.split(r"[=<>]", package)[0].lower() for package in packages}
        assert third_party(script) <= names, f"{script}: {third_party(script) - names} not in {environment.name}"


@pytest.mark.parametrize("name", ["geo", "torch", "report"])
def test_every_environment_is_pinned_to_the_lock(project, name):
    lock = {}
    for line in (project / "constraints.txt").read_text(encoding="utf-8").splitlines():
        package, version = line.split(";")[0].strip().split("==")
        lock.setdefault(package.lower(), set()).add(version)
    pip_name = {conda: pip for pip, conda in [("torch", "pytorch")]}
    for package in yaml.safe_load((project / "envs" / f"{name}.yaml").read_text(encoding="utf-8"))["dependencies"]:
        conda, _, version = package.partition("=")
        if conda != "python":
            assert version in lock[pip_name.get(conda, conda)], f"{package}: the lock has {lock[pip_name.get(conda, conda)]}"
