"""A training that is killed goes on where it was, and ends with the bits that it would have ended with."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace

import pytest
import torch

from loam.training.checkpoints import Checkpoints
from loam.training.folds import draw_folds
from loam.training.loop import Plain
from loam.training.members import train_members
from loam.training.scenarios import train_both, train_target
from loam.training.stacked import Stack
from loam.training.train_networks import write_result

from .conftest import LAYERS, SEEDS, SETTINGS

KINDS = {"stacked": Stack, "loop": Plain}


class KilledError(Exception):
    """The job has been killed."""


@pytest.fixture
def killed_after(monkeypatch):
    """``killed_after(engine, steps)``: the training dies before its next step; None: it only counts them."""

    def at(engine, steps):
        step, count = KINDS[engine].step, itertools.count()
        done = []

        def counted(self, *arguments):
            if steps is not None and next(count) >= steps:  # what another thread begins meanwhile dies too
                raise KilledError
            done.append(1)
            step(self, *arguments)

        monkeypatch.setattr(KINDS[engine], "step", counted)
        return done, lambda: monkeypatch.setattr(KINDS[engine], "step", step)

    return at


# Batches an epoch are 4, 4, 6 and 3 by member, so 6 steps side by side; one by one, the first member's last batch of a
# single row has no loss, so that it takes 3 steps in each of nine epochs, the second one 4.
@pytest.mark.parametrize(
    ("engine", "steps"),
    [("stacked", 15), ("stacked", 18), ("stacked", 37), ("loop", 10), ("loop", 12), ("loop", 27 + 14)],
    ids=["stacked mid-epoch", "stacked between", "stacked some stopped", "loop mid-epoch", "loop between",
         "loop second member"],
)  # fmt: skip
def test_a_killed_training_goes_on_and_ends_with_the_same_bits(
    engine, steps, rows, splits, start, scaler, tmp_path, killed_after, caplog
):
    network, parameters = start("lstm" if engine == "stacked" else "mlp")
    settings = replace(SETTINGS, engine=engine, patience=3 if engine == "stacked" else 9)

    def train(checkpoints=None):
        return train_members(
            network, parameters, rows.windows, splits, SEEDS, scaler, settings, dtype=torch.float64,
            checkpoints=checkpoints,
        )  # fmt: skip

    all_steps, mend = killed_after(engine, None)
    whole = train()
    mend()
    if steps == 37:
        assert min(whole.epochs) <= 6, "some member must have stopped when the training is killed"
    _, mend = killed_after(engine, steps)
    with pytest.raises(KilledError):
        train(Checkpoints(tmp_path, "key", seconds=0))
    mend()
    assert list(tmp_path.glob("*.pt"))
    steps_left, mend = killed_after(engine, None)
    with caplog.at_level(logging.INFO, "loam"):
        again = train(Checkpoints(tmp_path, "key", seconds=0))
    mend()
    assert "goes on from a checkpoint" in caplog.text
    assert len(steps_left) == len(all_steps) - steps, "no step is taken twice"
    for name, value in whole.parameters.items():
        assert torch.equal(value, again.parameters[name]), name
    assert whole.history.equals(again.history)
    assert (whole.best_epoch, whole.best_loss, whole.epochs) == (again.best_epoch, again.best_loss, again.epochs)


def test_the_mean_of_the_last_epochs_goes_on_too(rows, splits, start, scaler, tmp_path, killed_after):
    network, parameters = start("mlp")
    settings = replace(SETTINGS, epochs=5, stop={"stop": "average", "epochs": 3})
    arguments = network, parameters, rows.windows, splits, SEEDS, scaler, settings
    whole = train_members(*arguments)
    _, mend = killed_after("stacked", 20)
    with pytest.raises(KilledError):
        train_members(*arguments, checkpoints=Checkpoints(tmp_path, "key", seconds=0))
    mend()
    again = train_members(*arguments, checkpoints=Checkpoints(tmp_path, "key", seconds=0))
    for name, value in whole.parameters.items():
        assert torch.equal(value, again.parameters[name]), name


@pytest.mark.parametrize(("engine", "steps"), [("stacked", 50), ("stacked", 53), ("loop", 53)])
def test_batches_by_stations_go_on_where_they_were(
    engine, steps, source, target, plan_of_recipe, series_of, by_stations, tmp_path, killed_after, monkeypatch, caplog
):
    monkeypatch.setattr(Checkpoints, "due", lambda self: True)
    folds = draw_folds(target, LAYERS, 3).query("fold < 3")
    plan = plan_of_recipe("mlp_neighbours", absent=0.25, steps=55, anchor=0.1, engine=engine)

    def train(plan):
        return train_both(
            plan, series_of(source), series_of(target), folds, by_stations, {"source": 1.0, "target": 1.0}
        )

    whole = train(plan)
    plan = replace(plan, checkpoints=tmp_path)
    _, mend = killed_after(engine, steps)
    with pytest.raises(KilledError):
        train(plan)
    mend()
    left, mend = killed_after(engine, None)
    caplog.set_level(logging.INFO, "loam")
    again = train(plan)
    mend()
    assert "goes on from a checkpoint" in caplog.text
    assert len(left) == 55 * (2 if engine == "loop" else 1) - steps
    assert again.card == whole.card and again.history.equals(whole.history)
    for name, value in whole.parameters[0].items():
        assert torch.equal(value, again.parameters[0][name]), name


def a_part(folder, key="key", seconds=0.0):
    return Checkpoints(folder, key, seconds).part([0, 3])


def test_a_state_is_taken_up_by_the_training_it_belongs_to_alone(tmp_path):
    state = {"step": 3, "generator": {"state": 2**100 + 1}, "weights": torch.arange(3.0)}
    assert a_part(tmp_path).read() is None
    a_part(tmp_path).write(state)
    found = a_part(tmp_path).read()
    assert (found["step"], found["generator"]) == (3, state["generator"])
    assert torch.equal(found["weights"], state["weights"])
    assert a_part(tmp_path, "other").read() is None
    assert Checkpoints(tmp_path, "key").part([0, 2]).read() is None
    Checkpoints(tmp_path, "key").remove()
    assert not tmp_path.exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 torn"])
def test_a_damaged_state_is_told_and_the_training_begins_anew(tmp_path, content, caplog):
    a_part(tmp_path).write({"step": 1})
    (path,) = tmp_path.glob("*.pt")
    path.write_bytes(content)
    assert a_part(tmp_path).read() is None
    assert f"{path}: the checkpoint cannot be read and the training begins anew" in caplog.text


def test_a_state_is_due_when_the_last_is_so_many_seconds_old(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("loam.training.checkpoints.time.monotonic", lambda: now[0])
    checkpoints = a_part(tmp_path, seconds=300.0)
    for seconds, due in ((399.0, False), (400.0, True)):
        now[0] = seconds
        assert checkpoints.due() == due
    checkpoints.write({})
    assert not checkpoints.due()


def test_a_scenario_goes_on_from_its_own_state_and_leaves_none_behind(
    target, make_plan, by_stations, series_of, tmp_path, killed_after, monkeypatch, caplog
):
    monkeypatch.setattr(Checkpoints, "due", lambda self: True)
    files = [tmp_path / name for name in ("weights.safetensors", "card.json", "history.csv")]
    folds = draw_folds(target, LAYERS, 3)

    def train(**changes):
        plan = make_plan("mlp", checkpoints=tmp_path / "checkpoint", **changes)
        return train_target(plan, series_of(target), folds, "fold", None, by_stations)

    whole = train_target(make_plan("mlp"), series_of(target), folds, "fold", None, by_stations)
    _, mend = killed_after("stacked", 17)
    with pytest.raises(KilledError):
        train()
    mend()
    caplog.set_level(logging.INFO, "loam")
    other = train(learning_rate=0.011)
    assert "goes on from a checkpoint" not in caplog.text, "the state is of another training"
    assert not torch.equal(other.parameters[0]["output.bias"], whole.parameters[0]["output.bias"])
    _, mend = killed_after("stacked", 17)
    with pytest.raises(KilledError):
        train()
    mend()
    again = train()
    assert "goes on from a checkpoint" in caplog.text
    assert again.card == whole.card
    for name, value in whole.parameters[0].items():
        assert torch.equal(value, again.parameters[0][name]), name
    assert (tmp_path / "checkpoint").is_dir()
    write_result(again, *files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "history.csv", "weights.safetensors"]
