"""Before a run starts its first job it says all that its jobs lack, at once; a dry run says it last.

Imported when the workflow is parsed: standard library only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

Lacking = Callable[[Any], str | None]  # of Snakemake's planned jobs that are to run: what lacks, None for nothing


def check_before_start(workflow: Any, lacking: Lacking, failure: Callable[[str], Exception]) -> None:
    """Let ``workflow`` (Snakemake's object, being parsed) look at what its jobs lack once they are planned.

    Args:
        workflow: ``onstart`` is set and ``execute`` wrapped, since ``onstart`` is not called in a dry run.
        lacking: asked once.
        failure: makes of a message the exception that ends the run.
    """
    execute = workflow.execute

    def planned() -> Any:
        return workflow.dag.needrun_jobs(exclude_finished=False)

    def stop(log: str) -> None:
        if workflow.is_main_process and (text := lacking(planned())):
            raise failure(text)

    def execute_and_say(*arguments: Any, **named: Any) -> None:
        execute(*arguments, **named)
        if workflow.is_main_process and workflow.dryrun and (text := lacking(planned())):
            logging.getLogger("snakemake.logging").warning(text)

    workflow.onstart(stop)
    workflow.execute = execute_and_say
