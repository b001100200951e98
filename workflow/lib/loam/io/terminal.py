"""What ``snakemake`` says on the terminal: a line when a job starts and ends, how much is left, and errors last.

A handler of Python's ``logging`` takes the place of the one by which Snakemake writes to the terminal. It needs no
installation, as a plugin of Snakemake would; with ``--logger`` (somebody else's plugin) or ``--verbose`` it stands
aside. What ``--quiet`` hides stays hidden; a dry run's list is Snakemake's own. Snakemake's file in ``.snakemake/log``
holds everything in full.

Imported when the workflow is parsed: standard library only.
"""

from __future__ import annotations

import csv
import logging
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from loam.io.messages import INTERRUPTED, error_text
from loam.io.parent import SHOWN
from loam.io.remaining import Remaining, duration

HIDDEN = {"group_error", "workflow_started", "resources_info", "job_started", "rulegraph", "debug_dag"}
NOISE = re.compile(
    r"Building DAG of jobs|Using shell|Select jobs to execute|Execute \d+ jobs|Conda environments: ignored|Exiting bec"
    r"|Singularity containers: ignored|Group jobs: inactive|Complete log|Elapsed time|Shutting down, this|Assuming unr"
    r"|Removing output files of failed job|Job failed, going on"
)
NAMED = 3  # interrupted jobs that are named; the others are counted
COMMAND = re.compile(r"Command '.*' (returned non-zero|died with)", flags=re.S)  # of a job, whose own error follows
MESSAGE = re.compile(r"^\S+ \S+ ERROR (.*)$", flags=re.M)


class Failure(NamedTuple):
    """A job that failed: its name and log files."""

    job: str
    logs: list[str]

    def last_error(self) -> tuple[str, Path] | None:
        """The last error in its logs, and the log that it is in."""
        for path in map(Path, self.logs):
            found = MESSAGE.findall(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else []
            if found:
                return found[-1], path
        return None

    def text(self) -> str:
        """One line: the job, the last error in its log, and where that is."""
        if found := self.last_error():
            return f"ERROR {self.job}: {found[0]} (log: {found[1]})"
        logs = f"; its log: {', '.join(self.logs)}" if self.logs else ""
        return f"ERROR {self.job}: ended without a message: killed, or out of memory{logs}"


class Terminal(logging.Handler):
    """Writes a run's events to the stream of ``plain``, the handler that it takes the place of.

    Args:
        plain: Snakemake's handler; its filters (``--quiet``) hold, and what is not changed here is its to write.
        quiet: nothing is shown, not even failures (``--quiet all``).
        dryrun: only errors are changed.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        plain: logging.StreamHandler[Any],
        *,
        quiet: bool,
        dryrun: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.plain, self.quiet, self.dryrun = plain, quiet, dryrun
        self.remaining = Remaining(clock)
        self.failures: list[Failure] = []
        self.interrupted = self.told_to_end = False
        self.stopped: list[str] = []  # jobs that an interrupt ended

    def emit(self, record: logging.LogRecord) -> None:
        """Show ``record``, in other words or not at all."""
        event = str(getattr(record, "event", None) or "")
        if event == "error":
            self._error(record)
        elif self.dryrun:
            self.plain.handle(record)
        elif handle := getattr(self, f"_{event}", None) if event else None:
            handle(record, bool(self.plain.filter(record)))
        elif str(record.msg).startswith("Terminating processes on user request"):
            self.interrupted = True
            interrupt_jobs()
        elif str(record.msg).startswith("Will exit after finishing"):
            if not self.told_to_end and self.plain.filter(record):
                self._say("told to end: the jobs that run are finished, no other starts")
            self.told_to_end = True
        elif event not in HIDDEN and not NOISE.match(str(record.msg or "")):
            self.plain.handle(record)

    def close(self) -> None:
        """Say last what failed."""
        if self.interrupted:
            self.failures = []
            self._say(f"ERROR interrupted{self._stopped()}; what is done stays, the same command again makes the rest")
        elif self.told_to_end and not self.failures:
            self._say("ERROR ended before all was done; the same command again makes the rest")
        for failure in self.failures if not self.quiet else []:
            self._say(failure.text())
        self.failures = []
        self.plain.close()
        super().close()

    def _stopped(self) -> str:
        jobs = [*self.stopped, *(job.name for job in self.remaining.running.values())]
        more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
        return f": {', '.join(jobs[:NAMED])}{more} had begun" if jobs else ""

    def _say(self, text: str) -> None:
        self.plain.stream.write(text + "\n")
        self.plain.flush()

    def _error(self, record: logging.LogRecord) -> None:
        text = error_text(str(record.msg), getattr(record, "exception", ""))
        told = (self.failures or self.interrupted or self.told_to_end) and "At least one job did not complete" in text
        if self.plain.filter(record) and not told and not COMMAND.search(text):
            self._say(text)

    def _run_info(self, record: Any, shown: bool) -> None:
        self.remaining.planned = {rule: count for rule, count in record.stats.items() if rule not in ("all", "total")}
        if shown:
            self._say(f"{self.remaining.total} jobs to do")

    def _job_info(self, record: Any, shown: bool) -> None:
        job = " ".join([record.rule_name, *map(str, record.wildcards.values())])
        self.remaining.start(record.jobid, record.rule_name, job)
        if shown and record.output:
            self._say(f"rule {job}: started")

    def _job_finished(self, record: Any, shown: bool) -> None:
        if (done := self.remaining.finish(record.job_id)) and shown and done.rule in self.remaining.planned:
            left = self.remaining.seconds_left()
            time_left = "" if left is None else f", about {duration(left)} left"
            count = f"{self.remaining.done} of {self.remaining.total} jobs"
            self._say(f"done {done.name} in {duration(done.seconds)}; {count}{time_left}")

    def _progress(self, record: logging.LogRecord, shown: bool) -> None:
        """Snakemake's own count; it comes with each job that finished."""

    def _job_error(self, record: Any, shown: bool) -> None:
        begun = self.remaining.drop(record.jobid)
        failure = Failure(begun.name if begun else record.rule_name, list(record.log))
        if self.interrupted or (failure.last_error() or ("",))[0] == INTERRUPTED:
            self.interrupted = True
            self.stopped.append(failure.job)
        else:
            self._failed(failure, shown)

    def _failed(self, failure: Failure, shown: bool) -> None:
        self.failures.append(failure)
        if shown and self.remaining.running:
            self._say(failure.text() + "; waiting for the jobs that run")


def map_lines(workflow: Any, accuracy: str | Path) -> list[str]:
    """What a run that drew maps says last: how far off they are, a line a layer; nothing with ``--quiet``.

    Args:
        workflow: Snakemake's object.
        accuracy: the run's table of it, schema ACCURACY.
    """
    drawn = any(job.rule.name == "draw_map" for job in workflow.dag.jobs)
    if not drawn or workflow.output_settings.quiet or not Path(accuracy).is_file():
        return []
    with Path(accuracy).open(encoding="utf-8", newline="") as file:
        return [f"map of {row['text']}" for row in csv.DictReader(file)]


def interrupt_jobs() -> None:
    """Pass an interrupt on to the jobs of this snakemake that have not had it."""
    import psutil  # of Snakemake's own; only when it is needed

    for process in psutil.Process().children(recursive=True):
        try:
            process.send_signal(signal.SIGINT)
        except psutil.NoSuchProcess:
            continue


def speak(workflow: Any) -> None:
    """Let a run of ``workflow`` (Snakemake's object, being parsed) speak through ``Terminal``."""
    settings, logger = workflow.output_settings, logging.getLogger("snakemake.logging")
    plain = next((handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"), None)
    if (
        not isinstance(plain, logging.StreamHandler)
        or settings.verbose
        or settings.debug_dag
        or not workflow.is_main_process
    ):
        return
    quiet = {str(choice).lower() for choice in settings.quiet or []}
    logger.removeHandler(plain)
    logger.addHandler(Terminal(plain, quiet="all" in quiet, dryrun=settings.dryrun))
    os.environ[SHOWN] = "quiet" if quiet & {"all", "progress"} else "full"
