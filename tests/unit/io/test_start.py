"""What a run lacks is said before its first job, and last in a dry run."""

import logging
from types import SimpleNamespace

import pytest

from loam.io.start import check_before_start

JOBS = ["fetch", "train"]


def workflow(*, main=True, dryrun=False):
    """Snakemake's object as far as it is used: ``execute`` plans, and calls ``onstart`` unless it is a dry run."""
    said = []
    fake = SimpleNamespace(is_main_process=main, dryrun=dryrun, said=said, started=None)
    fake.dag = SimpleNamespace(needrun_jobs=lambda exclude_finished: JOBS if not exclude_finished else [])
    fake.onstart = lambda function: setattr(fake, "started", function)

    def execute():
        said.append("planned")
        if not dryrun:
            fake.started("log")
            said.append("ran")

    fake.execute = execute
    return fake


@pytest.fixture
def warned(caplog):
    def warned() -> list[str]:
        return [record.getMessage() for record in caplog.records]

    with caplog.at_level(logging.WARNING, "snakemake.logging"):
        yield warned


def test_a_run_that_lacks_something_ends_before_its_first_job(warned):
    run = workflow()
    check_before_start(run, lambda jobs: f"{len(jobs)} jobs lack a key", RuntimeError)
    with pytest.raises(RuntimeError, match="2 jobs lack a key"):
        run.execute()
    assert run.said == ["planned"] and warned() == []


def test_a_dry_run_says_it_last_and_ends_well(warned):
    run = workflow(dryrun=True)
    check_before_start(run, lambda jobs: f"{len(jobs)} jobs lack 100% of a key", RuntimeError)
    run.execute()
    assert run.said == ["planned"] and warned() == ["2 jobs lack 100% of a key"]


@pytest.mark.parametrize("dryrun", [True, False])
def test_a_run_that_lacks_nothing_goes_on(warned, dryrun):
    run = workflow(dryrun=dryrun)
    check_before_start(run, lambda jobs: None, RuntimeError)
    run.execute()
    assert run.said == (["planned"] if dryrun else ["planned", "ran"]) and warned() == []


def test_the_process_of_a_job_asks_for_nothing():
    run = workflow(main=False)
    check_before_start(run, lambda jobs: "lacks", RuntimeError)
    run.execute()
    assert run.said == ["planned", "ran"]
