"""What people write wrong, and the words that must come back: the key, what is wrong, what to write."""

import copy
import re

import pytest
import yaml
from snakemake.utils import update_config

from loam.acquire.acquire_plan import check_acquire
from loam.config.settings import load_config
from loam.errors import ConfigError

# Words of the machinery, which nobody who writes a config has to know.
INTERNAL = ("pydantic", "Input should", "regex", "pattern", "schema", "[type=", "instance of", "None", "True", "dict(")

WRONG = """
training: {learning_rate: 1e-3}
    > 'training.learning_rate': '1e-3' is not a number above 0
    > write 1.0e-3
training: {learning_rate: 5E4}
    > write 5.0e+4: YAML reads 5E4 as text
training: {learning_rate: "0,001"}
    > '0,001' is not a number
    > write 0.001, with a point
training: {learning_rate: 0}
    > 0 is not a number above 0; expected learning_rate: 1.0e-4
mapping: {zoom: [146.4, -35.05, 146.2, -34.9]}
    > 'mapping.zoom': west 146.4 is not below east 146.2
    > [west, south, east, north]
mapping: {zoom: [146.2, -34.9, 146.4, -35.05]}
    > south -34.9 is not below north -35.05
mapping: {zoom: [540000, 5336000, 564000, 5360000]}
    > are no degrees
mapping: {zoom: [146.2, -35.05, 146.4]}
    > mapping.zoom
training: {epochs: 10.0}
    > 10.0 is not a whole number of 1 or more
    > write 10
training: {epochs: 10.5}
    > 10.5 is not a whole number of 1 or more; expected epochs: 150
training: {epochs: "10"}
    > write 10, without quotation marks
training: {epochs: true}
    > true is not a whole number
training: {epochs: [10]}
    > [10] is not a whole number
    > write one value: 10
training: {epochs: null}
    > null is not a whole number
    > leave the key out for its default
training: {models: mlp}
    > 'training.models': 'mlp' is not a list of names
    > write a list: [mlp]
training: {models: [mpl]}
    > did you mean 'mlp'?
training: {models: []}
    > [] is not a list
    > at least 1
training: {models: [mlp, mlp]}
    > 'mlp' is named twice
training: {scenarios: [trasnfer]}
    > one of source, target, transfer
    > did you mean 'transfer'?
training: {device: gpu}
    > one of cpu, cuda, auto
    > did you mean 'cuda'?
training: {mlp: {hidden: 64}}
    > 'training.mlp.hidden': 64 is not a list of whole numbers
    > write a list: [64]
training: {mlp: {frozen: 7}}
    > 'training.mlp.frozen': 7 frozen layers of 4
    > from 0 to 4
training: 5
    > 'training': 5 is not keys with values; expected training: {recipe: [paper, ours]
epochs: 10
    > 'epochs': unknown key
    > did you mean 'training.epochs'?
"sentinel1.speckle.window": 10
    > 'sentinel1.speckle.window': unknown key
    > write it nested: sentinel1: {speckle: {window: ...}}
trainign: {epochs: 10}
    > 'trainign': unknown key
    > did you mean 'training'?
run: My Run
    > 'My Run' is not a name; expected small letters, digits and _
    > write my_run
run: 2024
    > write run_2024
run: yes
    > YAML reads yes, no, on and off as true or false: put the text in quotation
seed: -1
    > 'seed': -1 is not a whole number of 0 or more; expected seed: 42
data_dir: [data]
    > [data] is not text
    > write one value: data
day_boundary: "9:00"
    > '9:00' is not where a day begins
    > "00:00+10:00"
probes: {target: {format: ismm, path: x}}
    > 'probes.target.format': 'ismm' is not one of awra
    > did you mean 'ismn'?
probes: {target: {path: x}}
    > config key 'probes.target': key 'format' is missing; expected format: ismn
probes: {target: my_probes}
    > 'probes.target': 'my_probes' is not keys with values; expected target: {format:
probes: {target: {format: ismn, path: x, utc_offset: +10:00}}
    > is not an offset from UTC
    > in quotation marks, like "+10:00"
probes: {target: {format: ismn, path: x, bounds: [-36, 146, -34, 148]}}
    > is no region; expected west, south, east, north
probes: {minimum_share: 75}
    > 75 is not a number above 0 and up to 1
    > write 0.75 for 75 %
probes: {minimum_share: 75 %}
    > '75 %' is not a number
    > write 0.75
probes: {quality: {maximum: 0.6 m3/m3}}
    > write 0.6, the number without its unit
probes: {quality: {exclude: spike}}
    > 'spike' is not a list
    > write a list: [spike]
probes: {quality: {exclude: [frost]}}
    > 'frost' is not one of out_of_range
probes: {maps: [{column: bulk_density}]}
    > config key 'probes.maps.0': key 'file' is missing; expected file: my_data/soil.tif
layers: [{name: a, top_cm: 30, bottom_cm: 0, column: x}]
    > top 30 cm is not above bottom 0 cm
    > write {top_cm: 0, bottom_cm: 30}
layers: [{name: a, top_cm: 0, bottom_cm: 30 cm, column: x}]
    > write 30, the number without its unit
layers: [{name: a, top_cm: 0, bottom_cm: 30, column: x}, {name: b, top_cm: 20, bottom_cm: 60, column: y}]
    > 'a' (0-30 cm) and 'b' (20-60 cm) overlap
layers: [{name: a, top_cm: 0, bottom_cm: 30, column: x}, {name: a, top_cm: 30, bottom_cm: 60, column: y}]
    > 'a' is named twice
layers: [{name: Top Soil, top_cm: 0, bottom_cm: 30, column: x}]
    > 'layers.0.name': 'Top Soil' is not a name
    > write top_soil
layers: []
    > 'layers': [] is not a list of entries, each with keys, at least 1
mapping: {dates: 2022-08-15}
    > is not a list of days
    > write a list
mapping: {dates: [15/08/2022]}
    > '15/08/2022' is not a day
    > write 2022-08-15
acquire: {period: {target: [01/02/2020, 2020-03-01]}}
    > '01/02/2020' is not a day
    > write 2020-01-02 or 2020-02-01
acquire: {period: {target: ["2020-13-01", 2020-03-01]}}
    > '2020-13-01' is not a day that exists
acquire: {period: {target: [2020-03-01, 2020-02-01]}}
    > first day after last day
    > exchange them
acquire: {period: {target: [2020-01-01]}}
    > is not [first day, last day]; expected target: [
acquire: {as_of: yesterday}
    > 'yesterday' is not a day; expected today, or year-month-day
acquire: {weather: {dataset: era5land, back_end: earthengine}}
    > 'acquire.weather.dataset': no dataset 'era5land'
    > did you mean 'era5_land'?
acquire: {weather: {dataset: smap_l4, back_end: earthengine}}
    > dataset 'smap_l4' is coarse_moisture; expected one of era5_land
acquire: {weather: {dataset: silo, back_end: earthengine}}
    > dataset 'silo' does not come from 'earthengine'; expected one of direct
acquire: {weather: era5_land}
    > expected weather: {dataset: era5_land, back_end: earthengine}
mapping: {grid: {crs: 28355}}
    > is not an EPSG code
    > write EPSG:28355
mapping: {grid: {crs: EPSG:28355, bounds: [147, -43, 148, -42], resolution: 80}}
    > look like degrees, and EPSG:28355 is in metres
    > write bounds: [500000, 5238720, 582800, 5350240]
mapping: {grid: {crs: EPSG:4326, bounds: [540000, 5336000, 564000, 5360000], resolution: 80}}
    > are no degrees, and EPSG:4326 is in degrees
mapping: {grid: {bounds: [564000, 5336000, 540000, 5360000]}}
    > west 564000 is not below east 540000
mapping: {tile: 500}
    > 500 is not a whole number of 16 or more in steps of 16; expected tile: 512
mapping: {outside: no}
    > false is not one of clip, extrapolate, mask
mapping: {scale: {surfaces: {mean: [0.1, 0.4]}}}
    > no layer 'surfaces'; expected one of surface, subsurface
    > did you mean 'surface'?
mapping: {inputs: {feature: rain, file: x}}
    > write a list: [{feature: rain, file: x}]
features: {sequence: {lags: [7, 0]}}
    > lags [7, 0] run backwards
    > write [0, 7]
features: {sequence: {lags: real_time}}
    > no window 'real_time'
    > paper, near_real_time
features: {daily: [rain]}
    > expected daily: [{name: rain, lags: [0, 3]}]
features: {classes: [{name: landcover, values: [NO, FORE]}]}
    > 'features.classes.0.values.0': false is not text
sentinel1: {thermal_noise: "true"}
    > 'true' is not true or false
    > write true, without quotation marks
sentinel1: {speckle: {window: 8}}
    > 8 is not odd
    > write 9
sentinel2: {scl: [4, 12]}
    > 12 is not a whole number from 2 to 11
samples: {from: tables}
    > did you mean 'table'?
"""
CASES = [
    (case[1], case[2].split("\n    > ")[1:]) for case in re.finditer(r"(\S.*(?:\n  [^ ].*)*)((?:\n    > .*)+)", WRONG)
]


@pytest.fixture
def refused(default_config):
    """The message that an overlay of the default config ends in."""

    def refused(overlay: str) -> str:
        config = copy.deepcopy(default_config)
        update_config(config, yaml.safe_load(overlay))
        with pytest.raises(ConfigError) as error:
            check_acquire(load_config(config))
        return str(error.value)

    return refused


@pytest.mark.parametrize(("overlay", "words"), CASES, ids=[case[0][:50] for case in CASES])
def test_a_wrong_value_comes_back_in_words_with_what_to_write(refused, overlay, words):
    message = refused(f"samples: {{from: cube}}\n{overlay}" if not overlay.startswith("samples") else overlay)
    assert message.startswith("config key '") and "\n" not in message
    for part in words:
        assert part in message
    assert not [word for word in INTERNAL if word in message]


def test_the_table_is_read_whole():
    assert len(CASES) == len(re.findall(r"^\S", WRONG, flags=re.M)) > 60


def test_all_that_is_wrong_is_said_at_once(refused):
    message = refused("run: A b\nepochs: 1\ntraining: {batch_size: 1}\nmapping: {tile: 3, outside: crop}\n")
    first, *lines = message.splitlines()
    assert first == "config: 5 things are wrong"
    keys = ["run", "training.batch_size", "mapping.tile", "mapping.outside", "epochs"]
    assert [line.split("'")[1] for line in lines] == keys


def test_contradictions_between_sections_are_said_together_too(refused):
    message = refused(
        "samples: {from: table, target: t.csv}\nfeatures: {static: [rain, rain]}\n"
        "evaluation: {coarse: [{layer: deep, feature: x}]}\n"
        "mapping: {dates: [2022-08-15], model: lstm}\ntraining: {models: [mlp]}"
    )
    assert "'rain' is named twice" in message and "no layer 'deep'" in message and "'lstm' is not trained" in message


def test_of_many_errors_ten_are_said_and_all_are_counted(refused):
    message = refused("\n".join(f"nonsense_{number}: 1" for number in range(14)))
    first, *lines = message.splitlines()
    assert first == "config: 14 things are wrong, the first 10 of which are" and len(lines) == 10
