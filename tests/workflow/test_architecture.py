"""Who may import what (docs/explanation/workflow.md)."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ORDER = [
    "acquire", "sentinel1", "sentinel2", "probes", "datasets", "covariates", "sandbox", "samples", "models",
    "protocols", "training", "evaluation", "rivals", "trust", "explain", "mapping", "report",
]  # fmt: skip
EVERYWHERE = {"raster", "config", "io", "errors", "units", "variables", "door", "codes", "plugins"}
TORCH = {"models", "training", "mapping", "explain"}
NETWORK = {"requests", "urllib", "http", "ee", "pystac_client", "cdsapi", "earthaccess", "asf_search", "sentineleof"}


def modules(project: Path) -> list[Path]:
    return sorted((project / "workflow" / "lib" / "loam").rglob("*.py"))


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def package(path: Path, project: Path) -> str:
    return path.relative_to(project / "workflow" / "lib" / "loam").parts[0].removesuffix(".py")


def test_packages_import_only_from_those_before_them(project):
    for path in modules(project):
        here = package(path, project)
        if here == "__init__":
            continue
        used = {name.split(".")[1] for name in imports(path) if name.startswith("loam.")} - {here} - EVERYWHERE
        if here in EVERYWHERE:
            assert not used, f"{path} imports {used}"
        else:
            late = {name for name in used if ORDER.index(name) >= ORDER.index(here)}
            assert not late and "sandbox" not in used, f"{path} imports {late or 'sandbox'}"


@pytest.mark.parametrize(("libraries", "allowed"), [({"torch"}, TORCH), (NETWORK, {"acquire"})])
def test_libraries_stay_in_their_rooms(project, libraries, allowed):
    for path in modules(project):
        used = {name.split(".")[0] for name in imports(path)} & libraries
        assert not used or package(path, project) in allowed, f"{path} imports {used}"


def test_package_files_are_empty(project):
    assert [str(path) for path in modules(project) if path.name == "__init__.py" and path.read_text()] == []


def test_only_the_sandboxs_own_scripts_import_it(project):
    for path in (project / "workflow" / "scripts").rglob("*.py"):
        if not path.stem.startswith("make_sandbox"):
            assert not any(name.startswith("loam.sandbox") for name in imports(path)), path.name


def test_every_module_says_what_it_is(project):
    for path in modules(project):
        text = path.read_text(encoding="utf-8")
        assert not text or ast.get_docstring(ast.parse(text)), path


def test_no_two_modules_bear_one_name(project):
    """A section's model (``config/sections``) bears the name of its section, as the file of what it configures may."""
    count = Counter(
        path.name for path in modules(project) if path.name != "__init__.py" and path.parent.name != "sections"
    )
    assert [name for name, times in count.items() if times > 1] == []
