import copy
from datetime import date

import pytest

from loam.config.choices import FEATURES
from loam.config.covariates import covariate_names
from loam.config.kinds import example_of, leaves
from loam.config.run import Run
from loam.config.settings import load_config, pick
from loam.errors import ConfigError


def changed(config: dict, key: str, value: object) -> dict:
    config = copy.deepcopy(config)
    *parents, last = key.split(".")
    part = config
    for parent in parents:
        part = part.setdefault(parent, {})
    part[last] = value
    return config


@pytest.fixture
def table_config(default_config):
    """A run from two tables, with a map from rasters."""
    default_config["features"] |= {**copy.deepcopy(FEATURES), "sequence": {"variables": ["sm"], "lags": [0, 7]}}
    default_config["mapping"]["dates"] = ["2022-08-15"]
    names = covariate_names(default_config["features"])
    default_config["samples"] |= {"from": "table", "source": "source.csv", "target": "target.csv"}
    default_config["mapping"]["grid"]["like"] = "elevation.tif"
    default_config["mapping"]["inputs"] = [{"feature": name, "file": f"{name}_{{date}}.tif"} for name in names]
    return default_config


def test_the_default_run_is_the_sandbox_and_its_paths_name_the_run(default_config):
    config = load_config(changed(default_config, "run", "elsewhere"))
    assert config["samples"]["from"] == "cube"
    assert config["acquire"]["soil"] == {"dataset": "sandbox_soil", "back_end": "sandbox"}
    assert config["probes"]["source"] == {"format": "ismn", "path": "resources/probes/elsewhere/source"}
    assert config["mapping"]["truth"] == "results/elsewhere/truth/soil_moisture.nc"


def test_the_grid_and_the_days_follow_from_the_section_sandbox(default_config):
    default_config["sandbox"] |= {"rows": 100, "columns": 200, "corner": [500000, 5400000]}
    default_config["sandbox"]["period"]["target"] = ["2021-03-01", "2022-06-30"]
    default_config["sandbox"] |= {"drought_year": 2021, "scenes": {"sentinel1": None, "sentinel2": None}}
    config = load_config(default_config)
    assert config["mapping"]["grid"]["bounds"] == [500000, 5392000, 516000, 5400000]
    assert config["acquire"]["period"]["target"] == ["2021-03-08", "2022-06-30"]  # seven days of lags
    assert config["acquire"]["as_of"] == "2022-06-30"


def test_units_of_a_raster_are_one_or_one_a_feature(table_config):
    first, second, *_ = [item["feature"] for item in table_config["mapping"]["inputs"]]
    inputs = [{"feature": [first, second], "file": "both_{date}.tif"}, *table_config["mapping"]["inputs"][2:]]
    for unit in ("K", ["K", "mm"]):
        load_config(changed(table_config, "mapping.inputs", [{**inputs[0], "unit": unit}, *inputs[1:]]))
    with pytest.raises(ConfigError, match=r"both_\{date\}.tif has 1 units for 2 features"):
        load_config(changed(table_config, "mapping.inputs", [{**inputs[0], "unit": ["K"]}, *inputs[1:]]))


def test_a_run_that_names_tables_takes_nothing_from_the_sandbox(table_config):
    table_config["samples"]["from"] = None
    config = load_config(table_config)
    assert config["samples"]["from"] == "table" and config["mapping"]["truth"] is None
    assert not any(config["acquire"][kind] for kind in ("coarse_moisture", "soil", "sentinel1", "sentinel2"))
    assert config["probes"]["source"] is None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("acquire.soil", {"dataset": "slga", "back_end": "direct"}, "'acquire.soil'.*a run of the sandbox"),
        ("mapping.grid.like", "dem.tif", "'mapping.grid.like'.*a run of the sandbox"),
        ("sandbox.period.target", ["2020-01-15", "2022-12-31"], "'sandbox.period.target'.*first day of a month"),
        ("sandbox.period.source", ["2020-01-01", "2020-01-05"], "'sandbox.period.source'.*too short"),
        ("sandbox.period.source", ["2020-01-01", "2020-02-30"], "'sandbox.period.source.1': '2020-02-30' is not a day"),
        ("sandbox.coast", "reef", "'sandbox.coast': 'reef' is not one of"),
    ],
)
def test_what_the_sandbox_settles_cannot_be_set_otherwise(default_config, key, value, message):
    default_config["samples"]["from"] = "sandbox"
    with pytest.raises(ConfigError, match=message):
        load_config(changed(default_config, key, value))


def test_the_default_config_holds_every_key_with_its_default(default_config):
    """The file is the models' defaults written out: a key or value that is only in one of them is an error."""
    model = Run().plain()
    assert default_config.keys() == model.keys()
    for section in model:
        assert yaml_plain(default_config[section]) == model[section], section


def yaml_plain(value):
    if isinstance(value, dict):
        return {key: yaml_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [yaml_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def test_every_key_is_described_and_has_an_example():
    assert [path for path, field in leaves(Run) if not field.description] == []
    without = [path for path, field in leaves(Run) if example_of(field) in (None, [], {})]
    assert without == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sed", 1, "config key 'sed': unknown key; .* did you mean 'seed'"),
        ("training.learning_rat", 1, "'training.learning_rat': unknown key; .* did you mean 'learning_rate'"),
        (
            "training.learning_rate",
            "fast",
            "config key 'training.learning_rate': 'fast' is not a number above 0; expected learning_rate: 1.0e-4",
        ),
        ("training.learning_rate", 0, "config key 'training.learning_rate': 0 is not a number above 0"),
        ("training.mlp.frozen", 5, "'training.mlp.frozen': 5 frozen layers of 4"),
        ("training.validation.training_dates", ["2016-01-01", "2020-06-01"], "overlap"),
        ("training.validation.training_dates", ["2016-12-01", "2016-06-01"], "first day after last day"),
        ("training.validation.training_dates", ["2016-13-01", "2016-06-01"], "'2016-13-01' is not a day"),
        ("features.sequence.lags", [7, 0], r"lags \[7, 0\] run backwards"),
        ("features.static", ["rain"], "'rain' is named twice"),
        ("evaluation.coarse", [{"layer": "deep", "feature": "x"}], "no layer 'deep'"),
        ("probes.source", {"format": "xls", "path": "x"}, "'probes.source.format': 'xls' is not one of"),
        ("probes.source", {"format": "uscrn", "path": "x", "bound": 1}, "'probes.source.bound': unknown key.*'bounds'"),
        ("probes.quality.exclude", ["frosty"], "'frosty' is not one of"),
        ("day_boundary", "9:00", "config key 'day_boundary'"),
        ("mapping.model", "lstm_9", "'lstm_9' is not trained in this run; expected one of mlp, lstm"),
        ("mapping.dates", ["2022-02-30"], "'2022-02-30' is not a day"),
        ("layers", [{"name": "a", "top_cm": 30, "bottom_cm": 0.5, "column": "x"}], "is not above bottom"),
    ],
)
def test_a_wrong_value_is_one_clear_line(default_config, key, value, message):
    with pytest.raises(ConfigError, match=message) as error:
        load_config(changed(default_config, key, value))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("features.static", ["aspect"], "no raster for feature aspect"),
        ("probes.target", {"format": "awra", "path": "x", "bounds": [10, 0, 5, 1]}, "is no region"),
        ("mapping.grid.like", None, "a map needs a grid"),
    ],
)
def test_a_run_from_tables_needs_rasters_and_probe_files(table_config, key, value, message):
    with pytest.raises(ConfigError, match=message):
        load_config(changed(table_config, key, value))


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ({"topsoil": {"mean": [0.1, 0.4]}}, "config key 'mapping.scale': no layer 'topsoil'"),
        ({"surface": {"mean": [0.4, 0.1]}}, "config key 'mapping.scale.surface.mean': 0.4 is not below 0.1"),
        ({"surface": {"std": [0.1, 0.1]}}, "config key 'mapping.scale.surface.std': 0.1 is not below 0.1"),
        ({"surface": {"spread": [0, 0.1]}}, "config key 'mapping.scale.surface.spread': unknown key"),
        ({"surface": {"mean": [5, 45]}}, "config key 'mapping.scale.surface.mean.0': 5 is not a number from 0 to 1"),
    ],
)
def test_a_scale_of_colours_that_is_none_is_refused(default_config, scale, message):
    assert load_config(changed(default_config, "mapping.scale", {"surface": {"mean": [0.1, 0.4]}}))
    with pytest.raises(ConfigError) as error:
        load_config(changed(default_config, "mapping.scale", scale))
    assert message in str(error.value)


def test_a_map_of_a_model_that_is_not_trained_is_refused(default_config):
    default_config["mapping"]["model"] = "lstm"
    with pytest.raises(ConfigError, match=r"'lstm' is not trained in this run; expected one of mlp"):
        load_config(changed(default_config, "training.models", ["mlp"]))


def test_a_recurrent_network_without_a_sequence_is_refused(default_config):
    default_config["training"]["models"] = ["lstm"]
    with pytest.raises(ConfigError, match="model lstm reads a sequence"):
        load_config(changed(default_config, "features.sequence.variables", []))


def test_dates_may_be_written_with_or_without_quotes(default_config):
    assert load_config(changed(default_config, "mapping.dates", [date(2022, 8, 15)])) == load_config(
        changed(default_config, "mapping.dates", ["2022-08-15"])
    )


def test_a_rule_sees_only_what_it_picks_in_one_order(default_config):
    config = load_config(default_config)
    part = pick(config, "training.patience", "training.epochs", "seed")
    assert part == {"seed": 42, "training": {"epochs": 150, "patience": 5}}
    assert list(part) == ["seed", "training"] and list(part["training"]) == ["epochs", "patience"]


def test_the_order_of_keys_in_an_overlay_changes_nothing(default_config):
    turned = {key: default_config[key] for key in reversed(default_config)}
    turned["sandbox"] = {key: turned["sandbox"][key] for key in reversed(turned["sandbox"])}
    assert repr(load_config(turned)) == repr(load_config(default_config))


def test_a_window_of_lags_may_be_named(default_config):
    default_config["features"]["sequence"]["lags"] = "near_real_time"
    assert load_config(default_config)["features"]["sequence"]["lags"] == [3, 10]
    default_config["features"]["sequence"]["lags"] = "real_time"
    with pytest.raises(ConfigError, match="no window 'real_time'.*paper, near_real_time"):
        load_config(default_config)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused_by_its_key(default_config, value):
    default_config["probes"]["quality"]["maximum"] = value
    with pytest.raises(ConfigError, match="'probes.quality.maximum': (nan|inf|-inf) is no number"):
        load_config(default_config)


@pytest.mark.parametrize(
    ("depths", "says"),
    [
        (((0, 30), (20, 60)), "overlap"),
        (((30, 60), (0, 30)), "stand in reverse order"),
        (((0, 30), (0, 30)), "overlap"),
    ],
)
def test_layers_that_overlap_or_stand_in_reverse_order_are_refused(default_config, depths, says):
    for layer, (top, bottom) in zip(default_config["layers"], depths, strict=True):
        layer["top_cm"], layer["bottom_cm"] = top, bottom
    with pytest.raises(ConfigError, match=f"layers 'surface' .* and 'subsurface' .* {says}"):
        load_config(default_config)


def test_a_region_of_probes_may_lie_across_the_180th_meridian(table_config):
    settings = {"format": "awra", "path": "x", "bounds": [178, -20, -178, -14]}
    table_config["samples"]["from"] = "probes"
    table_config["probes"]["source"] = table_config["probes"]["target"] = settings
    with pytest.raises(ConfigError) as error:
        load_config(
            {**table_config, "probes": {**table_config["probes"], "target": {**settings, "bounds": [10, -20, 5, -14]}}}
        )
    assert "is no region" in str(error.value)
    assert load_config(table_config)["probes"]["target"]["bounds"] == [178, -20, -178, -14]


def test_a_range_of_days_stands_for_its_days(default_config):
    entries = ["2022-02-27..2022-03-02", date(2022, 8, 15), "2022-03-01 .. 2022-03-20 every 7 days"]
    assert load_config(changed(default_config, "mapping.dates", entries))["mapping"]["dates"] == [
        "2022-02-27", "2022-02-28", "2022-03-01", "2022-03-02", "2022-08-15", "2022-03-08", "2022-03-15",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("2022-02-25..2022-02-30", "'2022-02-30' is not a day"),
        ("2022-13-01..2022-02-28", "'2022-13-01' is not a day"),
        ("20220815", "'20220815' is not a day"),
        ("2022-W33-1", "'2022-W33-1' is not a day"),
        ("2022-08-15..2022-08-01", "runs backwards"),
        ("2022-08-01..2022-08-15 every 0 days", "step of no days"),
        ("2022-08-01..2022-08-15 every week", "is not a day; expected .* every 7 days"),
        ("2022-12-25..2023-01-02", "2023-01-01 is outside the target domain's period"),
    ],
)
def test_a_range_that_is_none_is_one_clear_line(default_config, entry, message):
    from loam.acquire.acquire_plan import check_samples

    with pytest.raises(ConfigError, match=message) as error:
        check_samples(load_config(changed(default_config, "mapping.dates", [entry])))
    assert "mapping.dates" in str(error.value) and "\n" not in str(error.value)


def with_rain(config, dates, **entry):
    """Map ``dates`` with rain of the day alone from a file of its own."""
    config["features"]["daily"] = [{"name": "rain", "lags": entry.pop("lags", [0, 0])}]
    names = [name for name in covariate_names(config["features"]) if name != "rain"]
    config["mapping"]["inputs"] = [{"feature": name, "file": f"{name}_{{date}}.tif"} for name in names]
    config["mapping"]["inputs"].append({"feature": "rain", **entry})
    config["mapping"]["dates"] = dates
    return config


DAY = "2022-08-15"


@pytest.mark.parametrize(
    ("dates", "entry", "message"),
    [
        ([DAY], {"file": "rain.tif"}, "feature rain changes daily.*one file for every day.*say which: `date: YYYY"),
        ([DAY], {"file": "rain_{year}_{month}.tif"}, "feature rain changes daily"),
        ([DAY, "2022-08-16"], {"file": "r.tif", "date": DAY}, "r.tif holds 2022-08-15, and a map of 2022-08-16 reads"),
        ([DAY], {"file": "r.tif", "date": DAY, "lags": [0, 1]}, "holds 2022-08-15.* reads rain of 2022-08-14"),
        ([DAY], {"file": "r.tif", "date": "2022-02-30"}, "'2022-02-30' is not a day"),
        ([DAY], {"file": "r_{date}.tif", "date": DAY}, "leave one of the two out"),
    ],
)
def test_no_day_is_mapped_from_another_days_raster(table_config, dates, entry, message):
    with pytest.raises(ConfigError, match=message):
        load_config(with_rain(table_config, dates, **entry))


@pytest.mark.parametrize(
    "entry",
    [
        {"file": "r.tif", "date": date(2022, 8, 15)}, {"file": "r_{date}.tif"}, {"file": "rain.nc"},
        {"file": "r.tif", "date": "2022-08-14", "lags": [1, 1]},
    ],
)  # fmt: skip
def test_a_file_that_holds_the_day_serves_it(table_config, entry):
    assert load_config(with_rain(table_config, [DAY], **entry))["mapping"]["dates"] == [DAY]


def test_only_a_daily_feature_has_a_day(table_config):
    config = with_rain(table_config, [DAY], file="r_{date}.tif")
    config["mapping"]["inputs"][0]["date"] = DAY
    with pytest.raises(ConfigError, match="serves no daily feature"):
        load_config(config)


def test_a_settled_config_with_a_renamed_network_and_a_window_of_its_own_can_be_read_again(default_config):
    own = {"network": "mlp", "hidden": [8, 8, 8], "scenarios": ["target"], "window": {"length": 30}}
    default_config["training"] |= {"models": ["mlp", "small", "mlp_within"], "small": own}
    settled = load_config(default_config)
    assert settled["training"]["small"]["settings"]["hidden"] == [8, 8, 8]
    assert settled["training"]["small"]["scenarios"] == ["target"]
    assert settled["training"]["mlp_within"]["scenarios"] == ["both"]
    assert load_config(settled) == settled
