from pathlib import Path
from types import SimpleNamespace

import pytest

from loam.io.provenance import write_provenance
from loam.io.verify import check_when_done


class RunError(Exception):
    pass


@pytest.fixture
def workflow(tmp_path):
    """What Snakemake's object has of a run of two jobs, the second without a script."""

    def job(name, **params):
        files = {"output": [str(tmp_path / f"{name}.csv")], "input": [], "wildcards_dict": {}}
        return SimpleNamespace(rule=SimpleNamespace(name=name), params=params, **files)

    return SimpleNamespace(
        is_main_process=True, dryrun=False, touch=False, rerun_triggers=["mtime", "params"],
        persistence=SimpleNamespace(has_metadata=lambda job: True),
        dag=SimpleNamespace(jobs=[job("folds", code="c0de", values={"seed": 1}), job("all")]),
    )  # fmt: skip


def run(workflow, **written):
    """A run during which the product of the first job is written with ``written`` in place of what it should."""
    product = Path(workflow.dag.jobs[0].output[0])

    def execute():
        product.write_text("fold")
        write_provenance([product], [], **{"rule": "folds", "code": "c0de", "values": {"seed": 1}, **written})

    workflow.execute = execute
    check_when_done(workflow, RunError)
    workflow.execute()


def test_a_run_whose_products_are_its_own_ends_well(workflow):
    run(workflow)


@pytest.mark.parametrize(
    ("written", "words"),
    [({"values": {"seed": 3000}}, "seed is 3000, here 1"), ({"code": "d"}, "by other code")],
)
def test_what_an_orphan_wrote_while_the_run_went_on_is_named_and_the_run_fails(workflow, written, words):
    with pytest.raises(RunError, match=f"folds.csv: written by another job than this run's .{words}"):
        run(workflow, **written)


@pytest.mark.parametrize(
    "change", [{"dryrun": True}, {"touch": True}, {"rerun_triggers": ["mtime"]}, {"is_main_process": False}]
)
def test_nothing_is_checked_where_the_user_wants_times_alone_or_nothing_has_run(workflow, change):
    vars(workflow).update(change)
    run(workflow, values={"seed": 3000})
