"""Random draws that depend on their purpose only: one seed of a run, as many independent streams as there are names.

A stream that is named by what it is for ("batches of the LSTM, target, fold 3") does not change when another fold,
model or scenario is added, left out or trained in another order.
"""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *purpose: object) -> int:
    """A 63-bit seed from the run's ``seed`` and the words that name what it is drawn for.

    The first 63 bits of the SHA-256 of the words, so that neighbouring seeds and names give unrelated streams.
    """
    text = "/".join(str(word) for word in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
