"""A job ends with the snakemake that started it, so that none goes on unseen when that is killed (Linux).

An interrupt (Ctrl-C) reaches snakemake and its jobs at once; one that is sent to snakemake alone is passed on. A job
that is still importing takes it when it has a log to say so in, and takes the first only, so that it can tidy up.

Imported when the workflow is parsed: standard library only.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
from pathlib import Path
from typing import Any

HEAD = "LOAM_HEAD"  # the environment variable that holds the process number of the snakemake, and where it is one
SHOWN = "LOAM_TERMINAL"  # set while ``loam.io.terminal`` shows jobs' errors; "quiet" where progress is not to be shown

log = logging.getLogger("loam")


def name_head() -> None:
    """Let the jobs that this process starts know it."""
    os.environ[HEAD] = f"{os.getpid()} {_where_processes_count()}"


def end_with_head() -> None:
    """End this process when the snakemake that started it ends; nothing where that cannot be watched."""
    head, _, where = os.environ.get(HEAD, "").partition(" ")
    if not head.isdigit() or not where or where != _where_processes_count() or not hasattr(os, "pidfd_open"):
        return  # of another machine or container: there the batch system ends its jobs
    try:
        watched = os.pidfd_open(int(head))
    except ProcessLookupError:
        raise SystemExit(128 + signal.SIGTERM) from None
    threading.Thread(target=_wait, args=(watched,), daemon=True, name="end with snakemake").start()


def hold_interrupts() -> None:
    """In a job, let an interrupt wait for ``take_interrupts``."""
    if HEAD in os.environ:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def take_interrupts() -> None:
    """Raise KeyboardInterrupt for the first interrupt from here on, or now for one that waits."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _first)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _first(number: int, frame: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _where_processes_count() -> str:
    """What tells one machine, since it was started, and one container from another; empty where nothing does."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _wait(watched: int) -> None:
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.poll()
    log.error("ended, because the snakemake that started it is gone")
    os.kill(os.getpid(), signal.SIGTERM)
