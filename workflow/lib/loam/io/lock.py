"""One job at a time writes a product: a lock beside it, held by the operating system for the life of the job.

A lock of ``flock(2)`` dies with its process, however that ends, so none is ever stale. A file system without such locks
(some of clusters) gives a warning, and the check at the end of a run (``loam.io.verify``) stands alone.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loam.errors import LoamError

log = logging.getLogger("loam")
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def sole_writer(paths: Iterable[Path]) -> Iterator[None]:
    """While this process alone writes ``paths``; what a killed job left half-built beside them is removed first.

    Raises:
        LoamError: another process is writing one of them.
    """
    paths = list(paths)
    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(_locked(path))
        for path in paths:
            _remove_leftovers(path)
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    handle = _open_locked(lock, path)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def _open_locked(lock: Path, path: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode(errors="replace") or "another process"
            os.close(handle)
            raise LoamError(
                f"{holder} is writing it, a job of an earlier run that has not ended", where=path,
                fix="wait for that job or end it, then run snakemake again",
            ) from None  # fmt: skip
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(handle)
                raise
            log.warning("%s: this file system has no locks (%s); two jobs can write one file", path, error.strerror)
            return handle
        try:
            if os.path.samestat(os.fstat(handle), lock.stat()):
                return handle
        except FileNotFoundError:
            pass  # its last holder has just removed it: make another
        os.close(handle)


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files and folders of ``loam.io.atomic`` and ``loam.covariates.store`` beside ``path``."""
    file = rf"\.{re.escape(path.stem)}\.\d+\.part{re.escape(path.suffix)}.*"  # with those of libraries beside it
    store = rf"\.{re.escape(path.name)}\.\d+\.(part|old|scratch\..*)"
    record = rf"\.{re.escape(path.name)}\.provenance\.\d+\.part\.json"
    for item in path.parent.iterdir():
        if re.fullmatch(f"{file}|{store}|{record}", item.name):
            log.info("removed %s, which a job that was killed had left", item)
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()
