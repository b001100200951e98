"""The rules of the workflow (docs/explanation/workflow.md), asserted on the parsed workflow."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from loam.datasets.named import datasets_named

BY_WILDCARDS = {  # the data set, format or model of a job says which plugins it loads
    "fetch_maps", "fetch_fields", "fetch_point_maps", "fetch_point_fields", "prepare_probes",
    "draw_folds", "predict_rivals", "map_rival", "train_source", "train_target", "train_both", "fine_tune",
    "predict_held_out",
}  # fmt: skip
CHOSEN = {
    "map_soil_moisture": "loam.models.mlp:Network",
    "measure_levels": "loam.models.mlp:Network",
}
TARGETS = {"all", "scenes", "probes", "sentinel1", "sentinel2", "cube", "today"}

PARSE = """
import json
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.io import is_flagged
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
    workflow = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=Path("Snakefile"))._workflow
    rules = [
        {
            "name": rule.name,
            "script": rule.script,
            "run": bool(rule.run_func and not (rule.script or rule.shellcmd)) and not rule.norun,
            "shell": rule.shellcmd,
            "conda": str(rule.conda_env) if rule.conda_env else None,
            "output": [str(file) for file in rule.output],
            "update": [is_flagged(file, "update") for file in rule.output],
            "log": [str(log) for log in rule.log],
            "benchmark": str(rule.benchmark) if rule.benchmark else None,
            "resources": sorted(rule.resources),
            "params": sorted(rule.params.keys()),
            "code": "by wildcards" if callable(rule.params.get("code")) else rule.params.get("code"),
            "named": all(name for name, _ in rule.input._allitems()) and all(n for n, _ in rule.output._allitems()),
            "checkpoint": rule.is_checkpoint,
        }
        for rule in workflow.rules
    ]
print("JSON" + json.dumps({"rules": rules}))
"""


@pytest.fixture(scope="module")
def parsed(project) -> dict:
    result = subprocess.run([sys.executable, "-c", PARSE], cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.split("JSON", 1)[1])


@pytest.fixture(scope="module")
def rules(parsed) -> dict:
    return {rule["name"]: rule for rule in parsed["rules"] if rule["name"] not in TARGETS}


def test_targets_only_ask_for_files(parsed):
    targets = [rule for rule in parsed["rules"] if rule["name"] in TARGETS]
    assert len(targets) == len(TARGETS) and not any(rule["script"] or rule["output"] for rule in targets)


def test_every_rule_runs_a_script_of_its_own_name(rules):
    assert {name: Path(rule["script"]).stem for name, rule in rules.items()} == {name: name for name in rules}
    assert not [name for name, rule in rules.items() if rule["run"] or rule["shell"] or rule["checkpoint"]]


def test_every_script_belongs_to_a_rule(rules, project):
    assert {path.stem for path in (project / "workflow" / "scripts").glob("*.py")} == set(rules)


def test_every_rule_has_log_benchmark_environment_resources_and_names(rules):
    for name, rule in rules.items():
        assert rule["log"] and rule["benchmark"], name
        assert {"mem_mb", "runtime"} <= set(rule["resources"]), name
        assert rule["named"], name


def test_every_rule_carries_the_hash_of_its_code_and_at_most_one_dict_of_values(rules, project):
    from loam.config.code import code_version

    for name, rule in rules.items():
        expected = code_version(name, *filter(None, [CHOSEN.get(name)]))
        assert rule["code"] == ("by wildcards" if name in BY_WILDCARDS else expected), name
        replaces = {"attempts"} if any(rule["update"]) else set()
        assert replaces <= set(rule["params"]) <= {"code", "values", *replaces}, name


def test_every_environment_exists(rules, project):
    for name, rule in rules.items():
        assert rule["conda"], name
        assert (project / "workflow" / "rules" / rule["conda"]).resolve().is_file() or Path(rule["conda"]).is_file(), (
            name
        )


def test_parsing_imports_no_heavy_library(project):
    """What the Snakefile and the rule files import (of loam; Snakemake has imports of its own)."""
    lines = [
        line.strip()
        for path in [project / "Snakefile", *(project / "workflow" / "rules").rglob("*.smk")]
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"(from|import) ", line) and "snakemake" not in line
    ]
    heavy = ["numpy", "pandas", "torch", "rasterio", "xarray", "sklearn", "pandera", "scipy"]
    check = ["import sys", *lines, f"print([name for name in {heavy} if name in sys.modules])"]
    result = subprocess.run(
        [sys.executable, "-c", "\n".join(check)], env={"PYTHONPATH": str(project / "workflow" / "lib")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert any("loam" in line for line in lines)
    assert result.stdout.strip() == "[]"


def test_a_rule_is_short_and_names_its_place(project):
    for path in (project / "workflow" / "rules").rglob("*.smk"):
        text = path.read_text(encoding="utf-8")
        assert re.match(r"(# .*\n)+# Needs: .*\n# Gives: ", text), f"{path.name} opens with what it needs and gives"
        for block in re.split(r"^rule ", text, flags=re.M)[1:]:
            body = re.split(r"^\S", block.split("\n", 1)[1], maxsplit=1, flags=re.M)[0]
            values = [
                line for line in body.splitlines() if re.match(r" {8}\S", line) and not line.strip().startswith(")")
            ]
            assert len(values) <= 20, f"{path.name}: {block.split(':')[0]} has {len(values)} values"


def test_scripts_are_thin(project):
    for path in (project / "workflow" / "scripts").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^def stage\(paths: Paths, values: Values\) -> None:", text, flags=re.M), path.name
        assert text.endswith('if __name__ == "__main__":\n    run_stage(snakemake, stage)  # noqa: F821\n'), path.name
        assert len(text.splitlines()) <= 80, path.name


@pytest.mark.parametrize("name", ["murrumbidgee", "uscrn", "yanco"])
def test_a_data_set_s_rules_stand_apart_and_a_run_that_names_it_includes_them(project, rules, name):
    """Its scripts are of its own rules and make the tables that its config names; the default run has none of them."""
    text = (project / "workflow" / "rules" / "datasets" / f"{name}.smk").read_text(encoding="utf-8")
    samples = yaml.safe_load((project / "config" / f"{name}.yaml").read_text(encoding="utf-8"))["samples"]
    made = {domain: samples[domain] for domain in ("source", "target")}
    assert all(f'"{path}"' in text for path in made.values())
    named = {domain: path.format(run=name) for domain, path in made.items()}
    assert datasets_named({"run": name, "samples": named}) == [name]
    assert datasets_named({"run": name, "samples": {"source": None, "target": f"my_data/{name}.csv"}}) == []
    of_rules = re.findall(r"^rule (\w+):", text, flags=re.M)
    assert of_rules and re.findall(r"scripts/datasets/(\w+)\.py", text) == of_rules
    for rule in of_rules:
        assert (project / "workflow" / "scripts" / "datasets" / f"{rule}.py").is_file()
        assert f'code_version("datasets/{rule}")' in text and rule not in rules
