"""Streams of random numbers are named by their purpose."""

from __future__ import annotations

from loam.training.seeds import derive_seed


def test_seed_and_every_word_count_and_nothing_else():
    seeds = [
        derive_seed(1),
        derive_seed(2),
        derive_seed(1, "lstm"),
        derive_seed(1, "lstm", 2),
        derive_seed(1, "lstm", 3),
    ]
    assert len(set(seeds)) == 5
    assert seeds[3] == derive_seed(1, "lstm", 2)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_do_not_change_from_one_release_to_the_next():
    assert derive_seed(42, "folds") == 8638991526865178270
