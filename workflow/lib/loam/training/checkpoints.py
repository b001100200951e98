"""The state of a training, kept at least every five minutes, so that one that was killed goes on where it was.

A state is taken up only by the training that left it: the same data, settings, seeds, code and groups of members.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from loam.io.atomic import atomic_path

log = logging.getLogger("loam")

SECONDS = 300.0


class Checkpoints:
    """Where a training keeps its state.

    Args:
        folder: one file a group of members; it is removed when the training is done.
        key: what the state belongs to; another key's is not taken up.
        seconds: from one to the next.
        name: of the file.
    """

    def __init__(self, folder: Path, key: str, seconds: float = SECONDS, name: str = "") -> None:
        self.folder, self.key, self.seconds, self._name = folder, key, seconds, name
        self._last = time.monotonic()

    def part(self, places: Iterable[int]) -> Checkpoints:
        """Those of a group of members."""
        text = ",".join(map(str, places))
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        return Checkpoints(self.folder, f"{self.key}/{text}", self.seconds, f"{name}.pt")

    def due(self) -> bool:
        """Whether the last one is long ago."""
        return time.monotonic() - self._last >= self.seconds

    def write(self, state: dict[str, Any]) -> None:
        """Keep ``state``."""
        with atomic_path(self.folder / self._name) as temporary:
            torch.save({"key": self.key, "state": state}, temporary)
        self._last = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """The state that was kept last; None where there is none of this training."""
        path = self.folder / self._name
        if not path.is_file():
            return None
        try:
            found = torch.load(path, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            log.warning("%s: the checkpoint cannot be read and the training begins anew (%s)", path, error)
            return None
        return found["state"] if found["key"] == self.key else None

    def remove(self) -> None:
        """The training is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
