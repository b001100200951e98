"""What the operating system refuses (a full disk, no permission), as one line with the path and what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

LEAST = 2**20  # bytes; a disk with less left counts as full where a library's error does not say why it could not write
FULL = ("no space left on its disk", "free some space, or run in a folder on another disk")
REFUSALS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: ("your quota on its disk is used up", "remove files, or run in a folder on another disk"),
    errno.EACCES: ("no permission", "check its owner and mode (ls -ld), or run in a folder of your own"),
    errno.EPERM: ("no permission", "check its owner and mode (ls -ld), or run in a folder of your own"),
    errno.EROFS: ("its file system is read-only", "run in a folder that can be written to"),
}


def refusal(error: BaseException, outputs: Iterable[Path] = ()) -> str | None:
    """One line for an error that the operating system is the cause of; None if it is not.

    Args:
        error: what was raised; what it was raised from counts too.
        outputs: what was being written, for errors that name no path.
    """
    folders = [_existing(Path(path).parent) for path in outputs]
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in REFUSALS:
            what, fix = REFUSALS[cause.errno]
            return f"{cause.filename or (folders[0] if folders else Path.cwd())}: {what}; {fix}"
    for folder in folders:
        if shutil.disk_usage(folder).free < LEAST:
            return f"{folder}: {FULL[0]}; {FULL[1]}"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
