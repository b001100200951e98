"""Errors a user can act on: what is wrong, where, what was expected, what to do.

Every error that bad input can cause is one of these; anything else that escapes a stage is a defect of the
program and is shown with its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# What Python and libraries raise where a file does not hold what its form promises: text for a number, a list for a
# mapping, a key that is not there, a size that no memory holds.
NONSENSE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RuntimeError, MemoryError, EOFError,
)  # fmt: skip


class LoamError(Exception):
    """Something the user can mend. ``str()`` is one line: where, what, expected, fix; below it, what to paste.

    Args:
        what: what is wrong, in a few words.
        where: file, row, key, station or pixel it was found at.
        expected: what would have been right.
        fix: what to do about it.
        paste: lines of config that would do.
        parts: the errors that this one says together, a line each.
    """

    def __init__(
        self, what: str, *, where: object = None, expected: str | None = None, fix: str | None = None,
        paste: str | None = None, parts: Sequence[LoamError] = (),
    ) -> None:  # fmt: skip
        self.what, self.where, self.expected, self.fix, self.paste = what, where, expected, fix, paste
        text = f"{where}: {what}" if where is not None else what
        if expected:
            text += f"; expected {expected}"
        if fix:
            text += f"; {fix}"
        lines = [" ".join(text.split()), *(f"  {part}" for part in parts)]
        super().__init__("\n".join(lines) + (f"\n\n{paste}\n" if paste else ""))


class ConfigError(LoamError):
    """A key or value of the configuration is wrong."""


class TableError(LoamError):
    """A table (CSV, Parquet) does not hold what it should."""


class RasterError(LoamError):
    """A raster or gridded file does not hold what it should."""


class StorageError(LoamError):
    """The operating system refuses to write: the disk is full, or the permissions forbid it."""


class LeakageError(LoamError):
    """A held-out station had a part in training what is evaluated on it."""


class AcquireError(LoamError):
    """A server did not give what was asked for."""


class CredentialError(AcquireError):
    """Credentials, a project, a quota or accepted terms are missing."""


@contextmanager
def naming(
    kind: type[LoamError], what: str, *, where: object, expected: str | None = None, fix: str | None = None
) -> Iterator[None]:
    """Turn whatever is raised while a file is taken apart into an error of class ``kind`` that names the file.

    For the few places where content from outside becomes values of this program, not for computing with them.

    Raises:
        LoamError: of class ``kind``; an error of the program's own passes as it is.
    """
    try:
        yield
    except NONSENSE as error:
        raise kind(f"{what} ({type(error).__name__}: {error})", where=where, expected=expected, fix=fix) from error
