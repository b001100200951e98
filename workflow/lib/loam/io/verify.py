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

from loam.io.provenance import hash_of_values, provenance_path

SHOWN = 5  # products that are named; the others are counted


class Job(NamedTuple):
    """What a job of the run should have written."""

    rule: str
    outputs: list[Path]
    values: Mapping[str, Any]  # params.values and the wildcards
    code: str


def foreign_products(jobs: Iterable[Job]) -> list[str]:
    """A line for each product that another config or other code has written; products without provenance pass."""
    lines = []
    for job in jobs:
        for output in job.outputs:
            if difference := _difference(job, output):
                lines.append(f"{output}: written by another job than this run's ({difference})")
    return lines


def check_when_done(workflow: Any, failure: Callable[[str], Exception]) -> None:
    """Let ``workflow`` (Snakemake's object, being parsed) check the products of its jobs after it has executed.

    Args:
        workflow: its ``execute`` is wrapped, since ``onsuccess`` is not called where nothing is to be done.
        failure: makes of a message the exception that ends the run.
    """
    execute = workflow.execute

    def execute_and_check(*arguments: Any, **named: Any) -> None:
        execute(*arguments, **named)
        ran = workflow.is_main_process and not workflow.dryrun and not workflow.touch
        if ran and "params" in map(str, workflow.rerun_triggers) and (lines := foreign_products(_jobs(workflow))):
            more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
            fix = "delete them, and see that no job of an earlier run is still at work; then run snakemake again"
            raise failure("\n".join([*lines[:SHOWN], *more, f"products of another run; {fix}"]))

    workflow.execute = execute_and_check


def _jobs(workflow: Any) -> Iterable[Job]:
    """The jobs whose products Snakemake has a record of; it knows nothing of results that were copied here."""
    for job in workflow.dag.jobs:
        parameters = dict(job.params.items())
        if "code" in parameters and job.output and workflow.persistence.has_metadata(job):
            values = {**parameters.get("values", {}), **job.wildcards_dict}
            yield Job(job.rule.name, [Path(str(path)) for path in job.output], values, parameters["code"])


def _difference(job: Job, output: Path) -> str | None:
    try:
        record = json.loads(provenance_path(output).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
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
