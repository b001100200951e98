"""Members that stopped after a few dozen optimiser steps are named, with what to change."""

import logging

import pytest

from loam.training.folds import draw_folds
from loam.training.scenarios import train_target
from loam.training.steps import few_steps, steps_of


def card(*members, epochs=150, patience=5, batch_size=128):
    """A card whose members have run so many epochs over so many rows."""
    return {
        "model": "mlp", "scenario": "target",
        "training": {"epochs": epochs, "patience": patience, "batch_size": batch_size},
        "members": [
            {"fold": fold, "epochs": run, "training_rows": rows} for fold, (run, rows) in enumerate(members, start=1)
        ],
    }  # fmt: skip


def test_a_step_is_a_batch_and_the_last_one_of_an_epoch_counts():
    content = card((20, 257))
    assert steps_of(content["members"][0], content["training"]) == 20 * 3


def test_members_with_enough_steps_are_not_named():
    assert few_steps(card((100, 640), (20, 3200))) is None


def test_those_that_stopped_early_are_named_with_their_steps():
    text = few_steps(card((20, 256), (100, 640), (150, 128)))
    assert "2 of 3 members stopped after fewer than 500 optimiser steps (fold 1 after 40, fold 3 after 150)" in text
    assert "raise training.epochs (now 150), or raise training.patience (now 5 epochs)" in text
    assert "lower training.batch_size (now 128)" in text


def test_a_member_that_ran_all_epochs_is_not_told_to_be_more_patient():
    assert "patience" not in few_steps(card((150, 128)))
    assert "training.epochs" not in few_steps(card((20, 128)))


def test_many_members_are_counted():
    text = few_steps(card(*[(10, 128)] * 12))
    assert "12 of 12" in text and "fold 5 after 10 and 7 more" in text


@pytest.mark.parametrize("batch_size", [16, 1])
def test_training_warns_on_the_stages_logger(target, make_plan, by_stations, series_of, caplog, batch_size):
    plan = make_plan("mlp", epochs=2, batch_size=batch_size)
    with caplog.at_level(logging.WARNING, "loam"):
        folds = draw_folds(target, ["surface", "subsurface"], 3)
        result = train_target(plan, series_of(target), folds, "fold", None, by_stations)
    expected = few_steps(result.card)
    assert expected and [record.getMessage() for record in caplog.records] == [expected]
