"""The scale of colours: from the probes, rounded outwards, or as the config says; never from a day's map."""

import numpy as np
import pandas as pd
import pytest
import scale_colours as script

from loam.config.map_bands import band_names
from loam.io.schemas import SCALES
from loam.io.tables import read_table
from loam.mapping.scale import scales

LAYERS = ["surface", "subsurface"]


def limits(observed, chosen=None):
    """Limits and origin of each band, of moisture that is spread evenly between the two values of each layer."""
    samples = pd.DataFrame({layer: np.linspace(*ends, 1001) for layer, ends in observed.items()})
    table = scales(samples, LAYERS, chosen or {})
    SCALES.validate(table)
    return {row.band: (row.low, row.high, row.origin) for row in table.itertuples()}


def test_moisture_goes_from_the_1st_to_the_99th_percentile_rounded_outwards_and_spread_to_an_eighth_of_it():
    found = limits({"surface": (0.06, 0.43), "subsurface": (0.21, 0.24)})
    assert list(found) == band_names(LAYERS), "as in the map"
    assert found["surface_lower90"] == found["surface_upper50"] == found["surface_mean"], "moisture too"
    assert found["surface_mean"] == (0.05, 0.45, "probes") and found["surface_std"] == (0.0, 0.05, "probes")
    assert found["subsurface_mean"] == (0.2, 0.25, "probes") and found["subsurface_std"] == (0.0, 0.00625, "probes")


def test_moisture_that_never_changes_still_has_a_scale():
    found = limits({"surface": (0.3, 0.3), "subsurface": (0.0, 0.0)})
    assert found["surface_mean"][:2] == (0.3, 0.35) and found["subsurface_mean"][:2] == (0.0, 0.05)


def test_a_layer_that_was_not_observed_has_an_assumed_scale():
    found = limits({"surface": (0.06, 0.43), "subsurface": (np.nan, np.nan)})
    assert found["subsurface_mean"] == (0.0, 0.5, "assumed") and found["subsurface_std"] == (0.0, 0.0625, "assumed")


def test_the_config_goes_first_and_its_moisture_sets_the_spread_that_it_does_not_name():
    found = limits(
        {"surface": (0.06, 0.43), "subsurface": (0.06, 0.43)},
        {"surface": {"mean": [0.1, 0.3]}, "subsurface": {"std": [0.0, 0.02]}},
    )
    assert found["surface_mean"] == (0.1, 0.3, "config") and found["surface_std"][1] == pytest.approx(0.025)
    assert found["subsurface_mean"] == (0.05, 0.45, "probes") and found["subsurface_std"] == (0.0, 0.02, "config")


def test_the_script_writes_the_scales_and_a_style_of_each_band(tmp_path):
    samples = pd.DataFrame({"surface": [0.11, 0.42], "subsurface": [0.31, np.nan], "rain": [0.0, 99.0]})
    samples.to_parquet(tmp_path / "target.parquet")
    paths = {"target": tmp_path / "target.parquet", "scales": tmp_path / "scales.csv"}
    paths["styles"] = [tmp_path / f"{band}.qml" for band in band_names(LAYERS)]
    script.stage(paths, {"layers": [{"name": layer} for layer in LAYERS], "mapping": {"scale": {}}})
    table = read_table(paths["scales"], SCALES)
    assert table["high"].tolist() == [0.45, 0.35, 0.04375, 0.00625] + [0.45, 0.35] * 4
    for number, path in enumerate(paths["styles"], start=1):
        assert f'band="{number}"' in path.read_text() and "singlebandpseudocolor" in path.read_text()
