"""A run looks at its products before it calls itself done: each must come from the run's own config and code.

A job of an earlier run that went on after its snakemake was killed can replace a newer product where locks and process
watches do not reach (a cluster). Snakemake does not see it: its own record tells of the newer job. The JSON beside the
product tells of the one that wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from loam.io.provenance import hash_of_values, read_provenance

SHOWN = 5  # products that are named; the others are counted


class Job(NamedTuple):
    """What a job of the run should have written."""

    rule: str
    outputs: list[Path]
    inputs: list[Path]
    values: Mapping[str, Any]  # params.values and the wildcards
    code: str


def foreign_products(jobs: Iterable[Job]) -> list[str]:
    """A line for each product that another config or other code has written; products without provenance pass."""
    lines = []
    for job in jobs:
        for output in job.outputs:
            record = read_provenance(output)
            if record is not None and (difference := other_than(job, record)):
                lines.append(f"{output}: written by another job than this run's ({difference})")
    return lines


def first_of(lines: list[str]) -> list[str]:
    """The first few of ``lines``, and how many more there are."""
    return [*lines[:SHOWN], *([f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])]


def check_when_done(workflow: Any, failure: Callable[[str], Exception]) -> None:
    """Let ``workflow`` (Snakemake's object, being parsed) check the products of its jobs after it has executed.

    Args:
        workflow: its ``execute`` is wrapped, since ``onsuccess`` is not called where nothing is to be done.
        failure: makes of a message the exception that ends the run.
    """
    execute = workflow.execute

    def execute_and_check(*arguments: Any, **named: Any) -> None:
        execute(*arguments, **named)
        known = (job_of(job) for job in workflow.dag.jobs if has_record(workflow, job))
        ran = counts(workflow) and not workflow.dryrun
        if ran and (lines := foreign_products(job for job in known if job)):
            fix = "delete them, and see that no job of an earlier run is still at work; then run snakemake again"
            raise failure("\n".join([*first_of(lines), f"products of another run; {fix}"]))

    workflow.execute = execute_and_check


def counts(workflow: Any) -> bool:
    """Whether the user wants products to be judged by more than their times, and this process is the one to do it."""
    return workflow.is_main_process and not workflow.touch and "params" in map(str, workflow.rerun_triggers)


def has_record(workflow: Any, job: Any) -> bool:
    """Whether Snakemake knows of the products of ``job``; it knows nothing of results that were copied here."""
    return bool(job.output) and workflow.persistence.has_metadata(job)


def job_of(job: Any) -> Job | None:
    """Snakemake's ``job`` as far as provenance tells of it; None for a rule without a script."""
    parameters = dict(job.params.items())
    if "code" not in parameters or not job.output:
        return None
    values = {**parameters.get("values", {}), **job.wildcards_dict}
    outputs, inputs = ([Path(str(path)) for path in paths] for paths in (job.output, job.input))
    return Job(job.rule.name, outputs, inputs, values, parameters["code"])


def other_than(job: Job, record: Mapping[str, Any]) -> str | None:
    """How the config or code that ``record`` tells of differs from that of ``job``; None if it does not."""
    if not {"config_hash", "config", "code"} <= record.keys():
        return "its provenance cannot be read"
    if record["config_hash"] != hash_of_values(job.values):
        ours = _flat(json.loads(json.dumps(dict(job.values), default=str)))
        theirs = _flat(record["config"])
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                return f"{key} is {theirs.get(key)}, here {ours.get(key)}"
    return None if record["code"] == job.code else "by other code"


def _flat(values: Any, before: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {before: values}
    return {key: item for name in values for key, item in _flat(values[name], f"{before}.{name}".strip(".")).items()}
