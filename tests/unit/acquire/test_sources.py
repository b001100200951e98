import os
import subprocess
import sys

import pytest

from loam.acquire.access import CHOICES, Access
from loam.acquire.catalogue import FETCHED, catalogue
from loam.acquire.source import SceneSource, Source
from loam.acquire.sources import open_scenes, open_source
from loam.errors import ConfigError, CredentialError

HEAVY = ["ee", "earthaccess", "cdsapi", "pystac_client", "odc.stac", "asf_search", "eof"]
GIVEN = [(name, back_end) for name, entry in catalogue().items() for back_end in entry.back_ends if back_end in FETCHED]


@pytest.mark.parametrize(("name", "back_end"), GIVEN)
def test_every_back_end_of_the_catalogue_has_a_class(name, back_end, tmp_path, no_credentials):
    choice = CHOICES[name](dataset=name, back_end=back_end) if name in CHOICES else None
    access = Access(folders={name: str(tmp_path)}, choice=choice)
    scenes = catalogue()[name].form == "scenes"
    try:
        opened = open_scenes(name, back_end, access) if scenes else open_source(name, back_end, access, tmp_path)
    except CredentialError as error:
        assert "\n" not in str(error)
        return
    assert isinstance(opened, SceneSource if scenes else Source)
    assert opened.dataset.name == name
    if not scenes:
        assert opened.back_end == back_end and opened.workspace == tmp_path and opened.tile % 16 == 0


def test_a_back_end_that_does_not_have_the_dataset_is_named_with_those_that_do(tmp_path):
    with pytest.raises(ConfigError, match="'silo': back end 'earthengine' does not have it; expected one of direct"):
        open_source("silo", "earthengine", Access(), tmp_path)


def test_what_the_sandbox_makes_is_not_fetched(tmp_path):
    with pytest.raises(ConfigError, match="sandbox_soil.*is made, not fetched"):
        open_source("sandbox_soil", "sandbox", Access(), tmp_path)


def test_scenes_and_fields_are_not_mixed_up(tmp_path):
    with pytest.raises(ConfigError, match="sentinel2.*is a dataset of scenes"):
        open_source("sentinel2", "direct", Access(), tmp_path)
    with pytest.raises(ConfigError, match="silo.*is a dataset of fields"):
        open_scenes("silo", "direct", Access())


def test_no_client_is_loaded_before_a_back_end_is_opened(project):
    code = (
        "import sys, loam.acquire.sources\n"
        "from loam.acquire.steps import fetch_fields, fetch_maps, fetch_points\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow" / "lib")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
