"""What Snakemake takes for up to date although it was made from something else: such a job runs again.

Snakemake goes by times, and by a record that it also writes of a job that failed: the run after it then finds the old
products of later rules, a product missing that nobody asked for, and nothing to do. Nor does it see that an input was
replaced by an older file. The JSON beside a product (which stays when the product is removed) tells what it was made
from: config, code, and the size, time and SHA-256 of every input.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from loam.errors import StorageError
from loam.io.atomic import write_text
from loam.io.provenance import appearance, hash_of_input, provenance_path, read_provenance
from loam.io.verify import Job, counts, first_of, has_record, job_of, other_than

log = logging.getLogger("snakemake.logging")


def check_when_planned(workflow: Any) -> None:
    """Let ``workflow`` (Snakemake's object, being parsed) run again what ``made_from_other`` finds."""
    build = workflow._build_dag

    def build_and_check() -> None:
        plan = workflow.dag.update_needrun

        async def check_and_plan(*arguments: Any, **named: Any) -> None:
            workflow.dag.update_needrun = plan
            _compare_without_pandas(workflow.persistence)
            if counts(workflow):
                _force(workflow)
            await plan(*arguments, **named)

        workflow.dag.update_needrun = check_and_plan
        build()

    workflow._build_dag = build_and_check


def _compare_without_pandas(persistence: Any) -> None:
    """Snakemake imports pandas, most of a second, to tell tables among the params of jobs; loam's are plain values."""
    kind = type(persistence)
    if hasattr(kind, "_serialize_param_builtin"):
        kind._serialize_param = property(lambda self: self._serialize_param_builtin)


def made_from_other(job: Job, *, refresh: bool = False) -> str | None:
    """What differs between ``job`` and what its products were made from, by the records beside them; None if nothing.

    An input is hashed only where it looks otherwise than it did (``appearance``) and has the same size.

    Args:
        job: it, as it would run now.
        refresh: write down how an input looks now where only that has changed, so that it is not hashed again.
    """
    for output in job.outputs:
        record = read_provenance(output)
        if record is None:
            continue
        if difference := other_than(job, record) or _other_inputs(job, record):
            return difference
        if refresh:
            _refresh(output, record)
    return None


def _force(workflow: Any) -> None:
    """Let the jobs run whose products were made from something else, and say which Snakemake would have left out."""
    lines = []
    for job in workflow.dag.jobs:
        ours = job_of(job)
        if ours and (has_record(workflow, job) or not all(path.exists() for path in ours.outputs)):
            difference = made_from_other(ours, refresh=not workflow.dryrun)
            if difference and not workflow.persistence.params_changed(job):
                workflow.dag.forcefiles.update(job.output)
                lines.append(f"{ours.outputs[0]}: is made again, because {difference}")
    for line in first_of(lines):
        log.info(line)


def _refresh(output: Path, record: Mapping[str, Any]) -> None:
    seen = {name: appearance(name) if Path(name).exists() else looked for name, looked in record["seen"].items()}
    if seen != record["seen"]:
        with suppress(StorageError):  # results that cannot be written to: hashed again the next time
            write_text(json.dumps({**record, "seen": seen}, indent=1), provenance_path(output))


def _other_inputs(job: Job, record: Mapping[str, Any]) -> str | None:
    hashes, seen = record.get("inputs"), record.get("seen")
    if not isinstance(hashes, dict) or not isinstance(seen, dict):
        return "its provenance cannot be read"
    for path in job.inputs:
        if str(path) not in hashes:
            return f"{path} was not among what it was made from"
        if path.exists() and _changed(path, hashes[str(path)], seen.get(str(path))):
            return f"{path} is not what it was made from"
    gone = sorted(hashes.keys() - set(map(str, job.inputs)))
    return f"{gone[0]} was among what it was made from" if gone else None


def _changed(path: Path, digest: str, seen: list[int | str] | None) -> bool:
    looks = appearance(path)
    if looks == seen:
        return False
    return (seen is not None and looks[0] != seen[0]) or _hash(str(path), tuple(looks)) != digest


@cache
def _hash(path: str, looks: tuple[int | str, ...]) -> str:
    """The hash of an input, once for all jobs that read it while it looks like this."""
    return hash_of_input(path)
