"""What an edit of a module runs again, on the planned jobs of two runs: those whose code reaches it, and what follows.

``code_version`` gives the files that it would hash; that each of them counts, tests/unit/config/test_code.py says.
"""

import json
import subprocess
import sys

import pytest
import yaml

PLAN = """
import json, sys
sys.path.insert(0, "workflow/lib")
from loam.config import code
from loam.io import stale
from snakemake.cli import main

def files(script, *plugins):
    modules = [plugin.split(":")[0] for plugin in plugins]
    starts = {code.SCRIPTS / f"{script}.py", *(path for module in modules for path in code._files(module))}
    return " ".join(str(path.relative_to(code.LIBRARY.parent)) for path in sorted(code.closure(starts)))

def write(workflow):
    dag, jobs = workflow.dag, [job for job in workflow.dag.jobs if job.rule.script]
    number = {job: place for place, job in enumerate(jobs)}
    plan = [
        {"rule": job.rule.name, "wildcards": job.wildcards_dict, "files": job.params.code.split(),
         "values": job.params.get("values"), "inputs": sorted(job.input), "outputs": sorted(job.output),
         "then": [number[after] for after in dag.depending[job] if after in number]}
        for job in jobs
    ]
    with open("plan.json", "w") as file:
        json.dump(plan, file)

code.code_version, stale._force = files, write
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def plan_of(copy_project, project, tmp_path_factory):
    """``plan_of(config)``: the jobs of a run of which nothing is made."""
    checkout = copy_project(project, tmp_path_factory.mktemp("edits") / "loam", {})

    def plan(config: dict) -> list[dict]:
        (checkout.folder / "overlay.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [sys.executable, "-c", PLAN, "--dry-run", "--quiet", "--configfile", "overlay.yaml"]
        done = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((checkout.folder / "plan.json").read_text(encoding="utf-8"))

    return plan


@pytest.fixture(scope="module")
def default_run(plan_of):
    """Networks mlp and lstm, the sandbox's probes; no ICOS, no SILO."""
    return plan_of({})


@pytest.fixture(scope="module")
def real_run(plan_of, project):
    """A month of Tasmania with rain of SILO, moisture of Earth Engine and probes of the ISMN and of loggers."""
    config = yaml.safe_load((project / "config" / "tasmania.yaml").read_text(encoding="utf-8"))
    month = ["2020-03-01", "2020-03-31"]
    config["acquire"] |= {
        "period": {"source": month, "target": month}, "as_of": "2026-01-01",
        "weather": {"dataset": "silo", "back_end": "direct"},
    }  # fmt: skip
    config["mapping"]["dates"] = ["2020-03-15"]
    return plan_of(config)


def touched(plan: list[dict], module: str) -> list[dict]:
    """The jobs that an edit of a module of the library changes."""
    return [job for job in plan if f"lib/loam/{module}" in job["files"]]


def rerun(plan: list[dict], module: str) -> list[dict]:
    """These, and all that are made from what they make."""
    found, queue = [], touched(plan, module)
    while queue:
        job = queue.pop()
        if job not in found:
            found.append(job)
            queue += [plan[place] for place in job["then"]]
    return found


def rules(jobs: list[dict]) -> set[str]:
    return {job["rule"] for job in jobs}


def test_a_reader_that_no_domain_has_reruns_nothing(default_run, real_run):
    assert rerun(default_run, "probes/icos.py") == rerun(real_run, "probes/icos.py") == []
    assert rules(touched(real_run, "probes/ismn.py")) == {"prepare_probes"}
    assert [job["wildcards"]["domain"] for job in touched(real_run, "probes/ismn.py")] == ["source"]


def test_a_network_s_file_leaves_the_other_networks_alone(default_run):
    from loam.config.models import network_of

    lstm, mlp = (network_of(model).split(":")[0].removeprefix("loam.").replace(".", "/") for model in ("lstm", "mlp"))
    for edited, others in ((lstm, "mlp"), (mlp, "lstm")):
        jobs = rerun(default_run, f"{edited}.py")
        training = {"train_source", "train_target", "fine_tune", "predict_held_out"}
        assert training <= rules(jobs), edited
        assert others not in {job["wildcards"].get("model") for job in jobs}, edited


def test_a_client_s_file_asks_its_own_data_set_again_and_no_other(real_run, default_run):
    jobs = touched(real_run, "acquire/direct/silo.py")
    assert rules(jobs) == {"fetch_fields", "fetch_point_fields"}
    assert {job["wildcards"]["dataset"] for job in jobs} == {"silo"}
    assert rerun(default_run, "acquire/direct/silo.py") == []


def test_the_report_s_names_rerun_the_report(default_run):
    assert [job["rule"] for job in rerun(default_run, "report/names.py")] == ["build_report"]


def test_a_rival_s_file_reruns_its_own_job_and_trains_no_network(default_run):
    for edited, jobs in (
        ("climatology", {"quick"}), ("boosted_trees", {"boosted_trees", "boosted_trees_all", "within_station_trees"}),
        ("within_station_trees", {"within_station_trees"}), ("random_forest", set()),
    ):  # fmt: skip
        found = touched(default_run, f"rivals/{edited}.py")
        predicted = {job["wildcards"]["rival"] for job in found if job["rule"] == "predict_rivals"}
        assert predicted == jobs and rules(found) <= {"predict_rivals", "map_rival"}
        assert ("map_rival" in rules(found)) == (edited == "boosted_trees")
    assert not {"train_target", "predict_held_out"} & rules(rerun(default_run, "rivals/trial.py"))


def test_a_rival_that_is_named_in_one_line_adds_its_job_alone(plan_of, default_run):
    names = next(job["values"]["evaluation"]["rivals"] for job in default_run if job["rule"] == "build_report")
    more = plan_of({"evaluation": {"rivals": [*names, "random_forest"]}, "level": {"mix": {"models": ["mlp"]}}})
    before = {tuple(job["outputs"]): job for job in default_run}
    added = [job for job in more if tuple(job["outputs"]) not in before]
    assert {(job["rule"], job["wildcards"].get("rival") or job["wildcards"]["model"]) for job in added} == {
        ("predict_rivals", "random_forest"), ("mix_level", "mlp"),
    }  # fmt: skip
    same = ("wildcards", "files", "values", "inputs")
    changed = {
        job["rule"] for job in more if tuple(job["outputs"]) in before
        and any(job[key] != before[tuple(job["outputs"])][key] for key in same)
    }  # fmt: skip
    assert changed == {"merge_predictions", "build_report"}


def test_a_protocol_that_is_added_changes_no_job_of_another_and_trains_the_source_once(plan_of, default_run):
    more = plan_of({"training": {"protocols": ["leave_one_station_out", "k_fold"]}})
    now = {tuple(job["outputs"]): job for job in more}
    same = ("wildcards", "files", "values", "inputs")
    changed = {
        job["rule"] for job in default_run if any(job[key] != now[tuple(job["outputs"])][key] for key in same)
    }  # fmt: skip
    assert changed == {"merge_folds", "merge_predictions", "audit_leakage", "build_report"}
    before = {tuple(job["outputs"]) for job in default_run}
    added = [job for outputs, job in now.items() if outputs not in before]
    assert {job["wildcards"].get("protocol") for job in added} == {"k_fold"}
    assert rules(added) == {
        "draw_folds",
        "train_target",
        "train_both",
        "fine_tune",
        "predict_held_out",
        "predict_rivals",
        "measure_dissimilarity",
    }
    assert sorted(job["wildcards"]["model"] for job in more if job["rule"] == "train_source") == ["lstm", "mlp"]


def test_a_protocol_s_file_reruns_nothing_where_no_protocol_of_it_is_named(default_run):
    assert rerun(default_run, "protocols/times.py") == []
    assert rules(touched(default_run, "protocols/stations.py")) == {"draw_folds"}
