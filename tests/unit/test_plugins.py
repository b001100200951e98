import subprocess
import sys

import pytest

from loam.acquire.catalogue import FETCHED, catalogue
from loam.acquire.clients import client_of, scene_clients
from loam.config.models import LOSSES, model_names, network_of
from loam.config.protocols import PROTOCOLS
from loam.plugins import load, loaded_plugins
from loam.probes.formats import FORMATS

CLIENTS = {
    client_of(name, back_end)
    for name, entry in catalogue().items()
    for back_end in entry.back_ends
    if back_end in FETCHED
}


@pytest.mark.parametrize(
    "plugin",
    sorted({*FORMATS.values(), *map(network_of, model_names()), *LOSSES.values(), *PROTOCOLS.values(), *CLIENTS}),
)
def test_every_plugin_of_every_table_can_be_loaded(plugin):
    assert callable(load(plugin))
    assert plugin.split(":")[0] in loaded_plugins()


def test_tables_load_no_plugin(project):
    code = (
        "import sys, loam.acquire.clients, loam.probes.formats, loam.config.models\n"
        "print(sorted(name for name in sys.modules if name in {'numpy', 'pandas', 'torch', 'xarray'}))"
    )
    path = str(project / "workflow" / "lib")
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_scenes_of_another_back_end_that_stand_in_the_list_are_counted(tmp_path):
    scenes = tmp_path / "scenes.csv"
    scenes.write_text("scene,dataset,back_end\nS2A,sentinel2,earthengine\nS1A,sentinel1,direct\n")
    acquire = {"sentinel1": None, "sentinel2": {"dataset": "sentinel2", "back_end": "direct"}}
    assert scene_clients(acquire, scenes, "sentinel1", "sentinel2") == {
        "loam.acquire.scenes.stac:StacScenes", "loam.acquire.earthengine.ee_scenes:EarthEngineScenes",
    }  # fmt: skip
    assert (
        scene_clients({"sentinel1": {"dataset": "sentinel1", "back_end": "sandbox"}}, tmp_path / "none", "sentinel1")
        == set()
    )
