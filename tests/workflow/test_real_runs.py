"""Short versions of the runs on real data, through the workflow."""

import pandas as pd
import pytest
import rasterio
import yaml
from rio_cogeo.cogeo import cog_validate

from loam.io.schemas import METRICS_TABLE
from loam.io.tables import read_table


def short_run(copy_project, project, folder, name, data):
    """Run ``config/<name>.yaml`` with two epochs and without the slow tree ensembles' many trees."""
    config = yaml.safe_load((project / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    config["data_dir"] = str(data)
    config.setdefault("training", {}).update(epochs=2, patience=1, batch_size=1024)
    config["evaluation"] = {**config.get("evaluation", {}), "bootstrap": 100}
    checkout = copy_project(project, folder, config)
    result = checkout.snakemake()
    assert result.returncode == 0, result.stderr[-4000:]
    return checkout.folder / "results" / name


@pytest.fixture(scope="module")
def murrumbidgee(copy_project, project, shared_data, tmp_path_factory):
    return short_run(
        copy_project, project, tmp_path_factory.mktemp("murrumbidgee") / "loam", "murrumbidgee", shared_data
    )


@pytest.fixture(scope="module")
def yanco(copy_project, project, shared_data, tmp_path_factory):
    return short_run(copy_project, project, tmp_path_factory.mktemp("yanco") / "loam", "yanco", shared_data)


@pytest.mark.xdist_group("murrumbidgee")
def test_murrumbidgee_holds_out_thirteen_stations_in_two_layers(murrumbidgee):
    metrics = read_table(murrumbidgee / "evaluation" / "metrics.csv", METRICS_TABLE)
    assert set(metrics["layer"]) == {"surface", "subsurface"}
    assert metrics.query("model == 'lstm' and scenario == 'transfer' and layer == 'surface'")["station"].nunique() == 13
    assert set(metrics["station"].str[0]) == {"Y"}
    source = read_table(murrumbidgee / "samples" / "source.parquet")
    assert set(source["station"].str[0]) == {"M", "A", "K"}


@pytest.mark.xdist_group("yanco")
def test_yanco_maps_the_day_on_the_rasters_grid(yanco, shared_data):
    path = yanco / "maps" / "2016-02-05" / "soil_moisture.tif"
    valid, errors, warnings = cog_validate(path)
    assert valid and not errors and not warnings
    with rasterio.open(path) as raster, rasterio.open(shared_data / "yanco/rasters/DEM_100m_resampled.tif") as dem:
        assert raster.descriptions == ("surface_mean", "surface_std")
        assert (raster.crs, raster.transform, raster.shape) == (dem.crs, dem.transform, dem.shape)
        mapped = (~raster.read(1, masked=True).mask).mean()
    assert 0.9 < mapped < 1, "pixels without a soil value are not mapped"


@pytest.mark.xdist_group("yanco")
def test_yanco_has_no_repeated_probe(yanco):
    stations = pd.unique(read_table(yanco / "predictions.parquet")["station"])
    assert len(stations) == 12
    source = read_table(yanco / "samples" / "source.parquet")
    assert source["station"].nunique() == 14 and not {"y8", "y9"} & {*source["station"], *stations}
