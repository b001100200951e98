"""What the operating system refuses (a full disk, a quota, no permission), as one line with the path and what to do."""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from loam.errors import LoamError, StorageError

TRIAL = 2**20  # bytes; a disk that does not take so many counts as full where a library does not say what stopped it
REFUSALS = {
    errno.ENOSPC: ("no space left on its disk", "free some space, or run in a folder on another disk"),
    errno.EDQUOT: ("your quota on its disk is used up", "remove files, or run in a folder on another disk"),
    errno.EACCES: ("no permission", "check its owner and mode (ls -ld), or run in a folder of your own"),
    errno.EPERM: ("no permission", "check its owner and mode (ls -ld), or run in a folder of your own"),
    errno.EROFS: ("its file system is read-only", "run in a folder that can be written to"),
}
SPACE = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def explained(path: Path, temporary: Path) -> Iterator[None]:
    """While ``path`` is written: an error that the operating system is the cause of becomes one that says so.

    Libraries that write netCDF and GeoTIFF do not tell, so the folder is tried while what was written is still there.
    An error of the program's own has said what it is about; only a folder that takes nothing overrules it.

    Args:
        path: what is to appear.
        temporary: the file or folder that is to become it; others whose names begin with its own count to it.

    Raises:
        StorageError: the disk or its permissions are the cause.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        refused, told = _refused(path.parent), None if isinstance(error, LoamError) else _cause(error)
        cause = refused or told  # netCDF's library tells of a read-only disk as of a lacking permission
        if cause is None:
            raise
        what, fix = REFUSALS[cause.errno or 0]
        if cause.errno in SPACE:
            written = sum(map(_bytes_in, path.parent.glob(f"{glob.escape(temporary.name)}*")))
            free = shutil.disk_usage(_existing(path.parent)).free
            what += f" ({_megabytes(written)} of it were written, {_megabytes(free)} are free)"
        elsewhere = not refused and cause.filename and not str(cause.filename).startswith(str(temporary))
        where = cause.filename if elsewhere and cause.errno not in SPACE else path
        raise StorageError(what, where=where, fix=fix) from error


def refusal(error: BaseException, outputs: Iterable[Path] = ()) -> str | None:
    """One line for an error that the operating system is the cause of; None if it is not.

    Args:
        error: what was raised; what it was raised from counts too.
        outputs: what was being written, for errors that name no path.
    """
    folders = [_existing(Path(path).parent) for path in outputs]
    if cause := _cause(error):
        where = cause.filename or (folders[0] if folders else Path.cwd())
    else:
        where, cause = next(((folder, found) for folder in folders if (found := _refused(folder))), (None, None))
    if cause is None:
        return None
    what, fix = REFUSALS[cause.errno or 0]
    return f"{where}: {what}; {fix}"


def _cause(error: BaseException | None) -> OSError | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in REFUSALS:
            return error
        error = error.__cause__ or error.__context__
    return None


def _refused(folder: Path) -> OSError | None:
    """What the operating system says to a file of a megabyte in ``folder``, if that is no."""
    trial = _existing(folder) / f".{os.getpid()}.trial.part"
    try:
        with trial.open("wb") as file:
            try:
                file.write(bytes(TRIAL))
                file.flush()
                os.fsync(file.fileno())
            finally:
                trial.unlink()
    except OSError as error:
        return error if error.errno in REFUSALS else None
    return None


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _bytes_in(path: Path) -> int:
    inside = path.rglob("*") if path.is_dir() else [path]
    return sum(512 * item.stat().st_blocks for item in inside if item.is_file())  # what it takes: files can have holes


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
