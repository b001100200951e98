"""The one place where a rule's script meets the library: paths and values in, log and provenance out."""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loam.errors import LoamError
from loam.io.attempts import replacing
from loam.io.lock import sole_writer
from loam.io.messages import INTERRUPTED
from loam.io.parent import SHOWN, end_with_head, hold_interrupts, take_interrupts
from loam.io.progress import Paced
from loam.io.provenance import appearance, write_provenance
from loam.io.storage import refusal

Paths = dict[str, Any]  # name -> Path, or list of Paths where the rule gives a list
Values = dict[str, Any]

log = logging.getLogger("loam")
hold_interrupts()  # while the script imports the rest
end_with_head()


def run_stage(snakemake: Any, stage: Callable[[Paths, Values], None]) -> None:
    """Run ``stage(paths, values)`` with what a rule holds.

    ``paths`` has the rule's named inputs and outputs; ``values`` is ``params.values`` with ``threads`` added. The log
    goes to the rule's log file and to the terminal's standard error (warnings, errors and now and then how far the job
    is, each one line that names the rule); a ``LoamError`` ends the job with its one line, anything else with a
    traceback in the log. Provenance is written beside each output.
    """
    wildcards = dict(snakemake.wildcards.items())
    job = " ".join([snakemake.rule, *map(str, wildcards.values())])
    inputs, outputs = _named(snakemake.input), _named(snakemake.output)
    if both := inputs.keys() & outputs.keys():
        raise ValueError(f"rule {snakemake.rule}: {sorted(both)} names an input and an output")
    values = dict(snakemake.params.get("values", {}))
    written, read = _flat(outputs), _flat(inputs)
    try:
        _start_logging(Path(snakemake.log[0]), job)
        take_interrupts()
        log.info("rule %s %s", snakemake.rule, wildcards or "")
        started = time.perf_counter()
        with sole_writer(written), replacing(written):
            seen = {str(path): appearance(path) for path in read}
            stage({**inputs, **outputs}, {**values, **wildcards, "threads": snakemake.threads})
            _check_unchanged(seen)
            write_provenance(
                written, read, rule=snakemake.rule, code=snakemake.params.code, values={**values, **wildcards},
                seen=seen,
            )  # fmt: skip
    except LoamError as error:
        log.error("%s", error)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        log.error(INTERRUPTED)
        raise SystemExit(130) from None
    except BaseException as error:
        if reason := refusal(error, written):
            log.error("%s", reason)
            raise SystemExit(1) from None
        log.exception("failed (%s: %s); this is a defect of loam, not of your input", type(error).__name__, error)
        raise
    log.info("done in %.1f s", time.perf_counter() - started)


def _check_unchanged(seen: dict[str, list[int | str]]) -> None:
    for path, looked in seen.items():
        if not Path(path).exists() or appearance(path) != looked:
            raise LoamError(
                "was changed or removed while this job read it", where=path,
                fix="run snakemake again when nothing else writes to it",
            )  # fmt: skip


def _named(files: Any) -> Paths:
    return {
        name: Path(value) if isinstance(value, str) else [Path(item) for item in value] for name, value in files.items()
    }


def _flat(paths: Paths) -> list[Path]:
    return [item for value in paths.values() for item in (value if isinstance(value, list) else [value])]


class _OneLine(logging.Formatter):
    """Level, job and message in one line; the traceback stays in the log file."""

    def __init__(self, job: str) -> None:
        super().__init__()
        self.job = job

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name == "py.warnings":  # file, line and category, then the line of code
            message = message.rsplit("\n  ", 1)[0]
        level = "" if record.levelno < logging.WARNING else f"{record.levelname} "
        return f"{level}{self.job}: {' '.join(message.split())}"


def _start_logging(path: Path, job: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # an earlier job may still be writing to it
    to_file = logging.FileHandler(path, mode="w", encoding="utf-8")
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.addFilter(Paced(shown=os.environ.get(SHOWN) == "full"))
    to_terminal.setFormatter(_OneLine(job))
    if SHOWN in os.environ:  # there the error is said once, last
        to_terminal.addFilter(lambda record: record.levelno < logging.ERROR)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[to_file, to_terminal],
        force=True,
    )
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # of zarr's writes under way when one of them failed
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    for category in (DeprecationWarning, PendingDeprecationWarning):  # of libraries, not the user's to mend
        warnings.filterwarnings("ignore", category=category, module=r"(?!loam\b)")
