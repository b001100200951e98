"""docs/how-to/add-a-covariate.md: two files are touched, and the covariate is fetched, checked, built and described."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import rasterio
import zarr
from pages import blocks, labelled_files, printed_commands, run_as_printed, succeed

PAGE = "docs/how-to/add-a-covariate.md"
LIBRARY = "workflow/lib/loam"


@pytest.fixture(scope="module")
def followed(project, copy_project, tmp_path_factory):
    """A copy of the project in which somebody followed the page, and what its commands said."""
    page = (project / PAGE).read_text(encoding="utf-8")
    folder = copy_project(project, tmp_path_factory.mktemp("covariate") / "clone", {}).folder
    declaration, local, remote, _ = blocks(page, "yaml")
    paste(folder / LIBRARY / "variables.yaml", r"  clay: .*\n", declaration)
    datasets = folder / LIBRARY / "acquire" / "datasets.yaml"
    for name in ("soil_grids_local", "soilgrids"):
        paste(datasets, rf"(?s)\n{name}:.*?  variables:\n.*?    sand: [^\n]*\n", local)
    paste(datasets, r"(?s)\nsoilgrids:.*?earthengine:.*?      clay: [^\n]*\n", remote)
    for name, content in labelled_files(page).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    make, write, build = printed_commands(page, sentences=False)
    succeed([make], folder)
    (code,) = blocks(page, "python")
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, check=True)
    (folder / "docs" / "reference").mkdir(parents=True)
    for name in ("docs/generate_reference.py", "docs/default_config.py", "docs/reference/covariates.md"):
        if (project / name).is_file():
            (folder / name).write_text((project / name).read_text(encoding="utf-8"), encoding="utf-8")
    succeed([write], folder)
    return folder, succeed([build], folder)


def paste(path, anchor: str, text: str) -> None:
    """Put ``text`` after what ``anchor`` matches."""
    before = path.read_text(encoding="utf-8")
    place = re.search(anchor, before).end()
    path.write_text(before[:place] + text + before[place:], encoding="utf-8")


def test_the_covariate_is_built_from_its_map_and_no_other_is_fetched(followed):
    folder, said = followed
    assert sorted(re.findall(r"^rule (\w+)[^\n]*: started$", said, flags=re.M)) == [
        "build_grid", "build_static", "fetch_maps"]  # fmt: skip
    path = folder / "results/my_soil/covariates/static.zarr"
    held = {item.name for item in path.iterdir() if item.is_dir()} - {"x", "y"}
    assert held == {f"stones_{layer}" for layer in (1, 2, 3, 4)}
    store = zarr.open_group(path, mode="r")
    with rasterio.open(folder / "my_soil/maps/stones.tif") as file:
        given = file.read()[:, 5:55, 5:55]  # the grid begins five pixels inside
    for layer in range(4):
        assert np.allclose(store[f"stones_{layer + 1}"][:], given[layer], atol=1e-3)
    assert store["stones_1"].attrs["units"] == "%"


def test_the_pages_tell_of_it(followed):
    folder, _ = followed
    covariates = (folder / "docs/reference/covariates.md").read_text(encoding="utf-8")
    assert "| `stones_1` ... `stones_4` | % | soil | coarse fragments: mean over the pixel" in covariates
    assert "`stones` (%)" in (folder / "docs/reference/datasets.md").read_text(encoding="utf-8")


def test_a_map_that_changes_is_read_again_and_a_number_that_cannot_be_stops_the_run_with_its_file(project, followed):
    folder, _ = followed
    with rasterio.open(folder / "my_soil/maps/stones.tif", "r+") as file:
        file.write(np.full((60, 60), 7999, "float32"), 2)
    build = printed_commands((project / PAGE).read_text(encoding="utf-8"), sentences=False)[-1]
    done = run_as_printed([build], folder)
    assert done.returncode != 0
    assert "stones.tif: stones is 7999 %" in done.stdout + done.stderr
    assert "expected 0 to 100 %" in done.stdout + done.stderr
