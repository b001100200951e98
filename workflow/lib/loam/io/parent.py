"""A job ends with the snakemake that started it, so that none goes on unseen when that is killed (Linux)."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading

HEAD = "LOAM_HEAD"  # the environment variable that holds the process number of the snakemake on this machine
SHOWN = "LOAM_TERMINAL"  # set while ``loam.io.terminal`` shows jobs' errors; "quiet" where progress is not to be shown

log = logging.getLogger("loam")


def name_head() -> None:
    """Let the jobs that this process starts know it."""
    os.environ[HEAD] = str(os.getpid())


def end_with_head() -> None:
    """End this process when the snakemake that started it ends; nothing where that cannot be watched."""
    head = os.environ.get(HEAD, "")
    if not head.isdigit() or not hasattr(os, "pidfd_open"):
        return
    try:
        watched = os.pidfd_open(int(head))
    except OSError:  # another machine's process or a container's: there the batch system ends its jobs
        return
    threading.Thread(target=_wait, args=(watched,), daemon=True, name="end with snakemake").start()


def _wait(watched: int) -> None:
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.poll()
    log.error("ended, because the snakemake that started it is gone")
    os.kill(os.getpid(), signal.SIGTERM)
