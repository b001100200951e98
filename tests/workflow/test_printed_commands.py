"""Every command that README and docs print is run as printed, in their order, in a fresh clone; the rest say why not.

A page's command that stands in neither table fails the test, and so does one in a table that no page prints any more.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from pages import blocks, changed_files, fresh_clone, labelled_files, pages, printed_commands, succeed

BENCHMARK = "a measurement of minutes to hours; `make bench` is for those who change speed"
INSTALLS = "installs packages; `make setup`, which runs before every test, installs the same"
RECORD = "the record of a run that was made; how-to/get-the-real-data.md prints the command to type"
CLUSTER = "needs a scheduler; tests/workflow/test_environments.py reads the profiles"
LEFT_OUT = {
    "make test": "runs this test",
    "python3 -m venv .venv": INSTALLS,
    "pip install -r requirements.txt -c constraints.txt": INSTALLS,
    "pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu": INSTALLS,
    "python -m venv peers; peers/bin/pip install xarray-sentinel findpeaks": INSTALLS,
    "make bench": BENCHMARK,
    "python benchmarks/run_all.py <name>": BENCHMARK,
    "python benchmarks/training.py": BENCHMARK,
    "python benchmarks/mapping.py": BENCHMARK,
    "python benchmarks/spline.py": BENCHMARK,
    "python benchmarks/quality.py": BENCHMARK,
    "python benchmarks/covariates.py": BENCHMARK,
    "python benchmarks/sentinel1.py": BENCHMARK,
    "python benchmarks/sentinel1_terrain.py": BENCHMARK,
    "python benchmarks/domain_distance.py": BENCHMARK,
    "python benchmarks/recipe.py": BENCHMARK,
    "python benchmarks/recipe.py --levels benchmarks/levels.csv": BENCHMARK,
    "python docs/draw_sandbox.py": "draws the default world in minutes; tests/unit/sandbox makes small ones",
    "pip install snakemake-executor-plugin-slurm": CLUSTER,
    "pip install snakemake-executor-plugin-cluster-generic": CLUSTER,
    "snakemake --profile profiles/slurm": CLUSTER,
    "snakemake --profile profiles/pbs": CLUSTER,
    "snakemake --cores 2": RECORD,
    "snakemake --cores 2 --configfile config/murrumbidgee.yaml --config data_dir=...": RECORD,
    "snakemake --cores 2 --configfile config/yanco.yaml --config data_dir=...": RECORD,
    "snakemake --cores 2 --configfile config/uscrn.yaml --config data_dir=...": RECORD,
    "snakemake --cores 16 --configfile config/tasmania.yaml --config data_dir=/path/to/data": "downloads with accounts",
    "snakemake scenes --configfile config/tasmania.yaml --config data_dir=/path/to/data": "downloads with accounts",
    "snakemake today --cores 4 --configfile config/tasmania.yaml --config data_dir=/path/to/data": (
        "downloads with accounts; test_demo.py plans it for the demo"
    ),
}
ELSEWHERE = {  # run as printed by other tests
    "make demo": "test_demo.py",
    "pip install -e .": "test_environments.py",
    ". .venv/bin/activate": "test_demo.py",
    "snakemake --cores 2 --configfile config/demo.yaml": "test_demo.py",
    "snakemake --configfile config/demo.yaml": "test_demo.py",
    "snakemake --dry-run": "test_demo.py",
    "echo 'training: {patience: 6}' > patient.yaml": "test_demo.py",
    "snakemake --dry-run --configfile config/demo.yaml patient.yaml": "test_demo.py",
    "snakemake --cores 2 --configfile my_probes/config.yaml": "test_own_probes.py",
    "snakemake --cores 1 results/my_table/folds.csv --configfile my_data/my_table.yaml my_data/protocols.yaml": (
        "test_own_protocol.py"
    ),
    "snakemake --cores 2 --configfile my_data/my_table.yaml my_data/protocols.yaml": "test_own_protocol.py",
    "snakemake scenes --cores 1 --configfile my_scene/config.yaml": "test_own_scene.py",
    "snakemake sentinel1 --cores 1 --configfile my_scene/config.yaml": "test_own_scene.py",
    "snakemake cube --cores 1 --configfile my_scene/config.yaml": "test_own_scene.py",
    "mkdir -p my_soil/maps": "test_own_covariate.py",
    "snakemake cube --cores 1 --configfile my_soil/config.yaml": "test_own_covariate.py",
}
HERE = {
    "snakemake -F scenes",
    "snakemake scenes",
    "snakemake --unlock",
    "snakemake --cores 1 scenes --configfile far_and_dry.yaml",
    "python tests/data/tables.py my_data",
    "cp docs/how-to/bring-your-own-table.yaml my_data/my_table.yaml",
    "snakemake --cores 2 --configfile my_data/my_table.yaml",
    "snakemake --cores 2 --configfile my_data/my_table.yaml my_models/models.yaml",
    "snakemake --dry-run --configfile config/murrumbidgee.yaml --config data_dir=data",
    "snakemake --cores 16 --configfile config/murrumbidgee.yaml --config data_dir=data",
    "snakemake --cores 16 --configfile config/uscrn.yaml --config data_dir=data",
    "snakemake --cores 16 --configfile config/yanco.yaml --config data_dir=data",
    "snakemake -n --configfile config/tasmania.yaml --config data_dir=/path/to/data",
    "python docs/generate_reference.py",
    "python tests/data/logger_cases.py",
}


def commands_of(project: Path, page: str) -> list[str]:
    return printed_commands((project / page).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def clone(project, tmp_path_factory) -> Path:
    return fresh_clone(project, tmp_path_factory.mktemp("clone") / "loam")


def test_every_printed_command_is_run_or_says_why_not(project):
    printed = {command for page in pages(project) for command in commands_of(project, page)}
    accounted = {*LEFT_OUT, *ELSEWHERE, *HERE}
    assert printed - accounted == set(), "run them in a test"
    assert accounted - printed == set(), "no page prints them any more"


def test_scripts_that_are_left_out_are_there(project):
    for command in LEFT_OUT:
        for word in command.split():
            if word.endswith(".py"):
                compile((project / word).read_text(encoding="utf-8"), word, "exec")


def test_the_installation_without_make_is_what_make_does(project):
    recipe = (project / "Makefile").read_text(encoding="utf-8")
    assert "venv .venv" in recipe and "-r requirements.txt" in recipe and "-c constraints.txt" in recipe


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("docs/explanation/decisions.md", "snakemake -F scenes"),
        ("docs/reference/config.md", "snakemake scenes"),
        ("docs/how-to/run-on-a-cluster.md", "snakemake --unlock"),
        ("docs/reference/config.md", "python docs/generate_reference.py"),
        ("docs/reference/probe-errors.md", "python tests/data/logger_cases.py"),
    ],
)
def test_what_is_made_again_is_what_is_committed(project, clone, page, command):
    assert command in commands_of(project, page)
    succeed([command], clone)
    assert changed_files(clone) == []


def test_the_sandbox_page_s_other_world_lists_its_scenes(project, clone):
    text = (project / "docs/sandbox.md").read_text(encoding="utf-8")
    (config,) = [block for block in blocks(text, "yaml") if block.startswith("run: far_and_dry")]
    (clone / "far_and_dry.yaml").write_text(config, encoding="utf-8")
    succeed(["snakemake --cores 1 scenes --configfile far_and_dry.yaml"], clone)
    scenes = pd.read_csv(clone / "resources/scenes/far_and_dry.csv")
    assert set(scenes["dataset"]) == {"sentinel1", "sentinel2"}


def test_two_tables_and_the_page_s_config_give_scores_and_models_of_one_s_own_are_added(project, clone):
    *example, own = commands_of(project, "docs/how-to/bring-your-own-table.md")
    succeed([*example, own], clone)
    results = clone / "results" / "my_table"
    metrics = pd.read_csv(results / "evaluation/metrics.csv")
    assert metrics["station"].nunique() == 5
    assert {"mlp", "lstm", "boosted_trees", "same_day_mean"} <= set(metrics["model"])

    page = "docs/how-to/add-a-model.md"
    files = labelled_files((project / page).read_text(encoding="utf-8"))
    models = ("day_convolution", "step_lstm", "conv_lstm")
    assert set(files) == {"my_models/models.yaml", *(f"my_models/{model}.py" for model in models)}
    for name, text in files.items():
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(text, encoding="utf-8")
    said = succeed(commands_of(project, page), clone)
    trained = re.findall(r"^done (?:train|fine)_\w+ my_table (?:leave_one_station_out )?(\w+)", said, flags=re.M)
    assert sorted(trained) == ["day_convolution"] * 2 + ["step_lstm"] * 2, "and nothing of another model"
    predictions = pd.read_parquet(results / "predictions.parquet")
    for model in ("day_convolution", "step_lstm"):
        rows = predictions[predictions["model"] == model]
        assert rows["station"].nunique() == 5
        assert rows["predicted"].between(0, 1).all() and rows["output"].notna().all()
    card = json.loads((results / "models/source/step_lstm/card.json").read_text(encoding="utf-8"))
    assert card["network"] == {"units": 8, "dropout": 0.2}
    assert card["training"]["learning_rate"] == 3e-3 and card["training"]["loss"] == "rmse"
    assert "day_convolution" in (results / "report" / "index.html").read_text(encoding="utf-8")


def test_the_real_runs_say_what_lacks_and_are_ready_once_it_is_there(project, clone, shared_data):
    """Their training takes minutes each; test_real_runs.py makes them with fewer epochs."""
    dry_run, *commands = commands_of(project, "docs/how-to/get-the-real-data.md")
    assert len(commands) == 3 and "murrumbidgee/awral_s0_avg.csv" in succeed([dry_run], clone)
    (clone / "data").symlink_to(shared_data)
    for command in commands:
        assert "build_report" in succeed([f"{command} --dry-run"], clone)


def test_tasmania_s_dry_run_lists_its_jobs_and_says_what_is_missing(project, clone):
    command = "snakemake -n --configfile config/tasmania.yaml --config data_dir=/path/to/data"
    assert command in commands_of(project, "docs/how-to/tasmania.md")
    said = succeed([command], clone)
    assert "fetch_point_fields" in said and "/path/to/data/ismn/australia" in said
