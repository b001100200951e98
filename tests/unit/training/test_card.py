"""What is written is what is read, and files that do not belong together are refused."""

from __future__ import annotations

import json
import os

import pytest
import torch

from loam.errors import TableError
from loam.training.card import load_members, write_members
from loam.training.folds import draw_folds
from loam.training.scenarios import train_target
from loam.training.train_networks import write_result

LAYERS = ["surface", "subsurface"]


@pytest.fixture
def written(target, make_plan, by_stations, series_of, tmp_path):
    def write(model):
        folds = draw_folds(target, LAYERS, 3)
        result = train_target(make_plan(model, epochs=2), series_of(target), folds, "fold", None, by_stations)
        paths = [tmp_path / name for name in ("weights.safetensors", "card.json", "history.csv")]
        write_result(result, *paths)
        return result, *paths

    return write


@pytest.mark.parametrize("model", ["mlp", "lstm"])
def test_members_come_back_as_they_were(model, written):
    result, weights, card, _ = written(model)
    members = load_members(weights, card)
    assert len(members) == 5
    assert members.card == result.card
    (network,), (parameters,), (trained,) = members.networks, members.parameters, result.parameters
    assert list(parameters) == [name for name, _ in network.named_parameters()]
    assert set(parameters) == set(trained)
    for name, value in trained.items():
        assert torch.equal(parameters[name], value)
    for place, member in enumerate(result.card["members"]):
        assert members.scaler.mean[place].tolist() == member["scaler"]["mean"]
        assert members.scaler.std[place].tolist() == member["scaler"]["std"]


def test_a_member_s_network_is_its_own(written):
    _, weights, card, _ = written("lstm")
    members = load_members(weights, card)
    static, sequence = torch.randn(6, 4), torch.randn(6, 4, 2)
    found = [members.network_of(place) for place in range(5)]
    assert [scaler for _, scaler in found] == [0, 1, 2, 3, 4]
    outputs = [network({"static": static, "sequence": sequence}) for network, _ in found]
    assert not any(output.requires_grad for output in outputs)
    assert not torch.equal(outputs[0], outputs[1])
    assert torch.equal(found[3][0].output.bias, members.parameters[0]["output.bias"][3])


def test_a_card_of_another_network_is_refused(written):
    _, weights, card, _ = written("mlp")
    content = json.loads(card.read_text())
    content["network"]["hidden"][1] = 24
    card.write_text(json.dumps(content))
    with pytest.raises(TableError, match=r"hidden.1.bias has shape \(5, 16\).*\(5, 24\).*rerun"):
        load_members(weights, card)


def test_a_card_with_fewer_members_is_refused(written):
    _, weights, card, _ = written("mlp")
    content = json.loads(card.read_text())
    del content["members"][0]
    card.write_text(json.dumps(content))
    with pytest.raises(TableError, match="rerun the training"):
        load_members(weights, card)


@pytest.mark.parametrize("broken", [1, 2])
def test_a_broken_file_is_named(written, broken):
    files = written("mlp")
    files[broken].write_bytes(b"{ not what it should be")
    with pytest.raises(TableError, match="cannot be read"):
        load_members(files[1], files[2])


def test_history_has_a_row_for_each_fold_and_epoch(written):
    result, *_, history = written("mlp")
    text = history.read_text().splitlines()
    assert text[0] == "member,epoch,training_loss,validation_loss"
    assert len(text) - 1 == sum(member["epochs"] for member in result.card["members"])
    assert {line.split(",")[0] for line in text[1:]} == {"1", "2", "3", "4", "5"}


def spoil(card, *place, value):
    """Write ``value`` into a card at ``place``."""
    content = json.loads(card.read_text())
    *path, last = place
    part = content
    for key in path:
        part = part[key]
    part[last] = value
    card.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("members", 1, "scaler", "mean", 0), float("nan"), "scaler.mean of fold 2, feature clay, is nan"),
        (("members", 0, "scaler", "std", 1), 0.0, "scaler.std of fold 1, feature elevation, is 0.0"),
        (("members", 0, "scaler", "std", 1), float("inf"), "scaler.std of fold 1"),
        (("members", 0, "scaler", "mean", 2), "0.1", "scaler.mean of fold 1"),
        (("members", 0, "scaler", "mean"), [0.0], "scaler.mean of fold 1 has 1 values for 12 features"),
        (("range", "minimum", 0), float("nan"), "range.minimum, feature clay, is nan"),
        (("range", "maximum", 0), None, "range.maximum, feature clay, is None"),
        (("range", "maximum", 0), -1e9, "range of clay is .* to -1000000000.0"),
    ],
)
def test_a_card_with_numbers_that_are_none_is_refused(written, place, value, message):
    _, weights, card, _ = written("mlp")
    spoil(card, *place, value=value)
    with pytest.raises(TableError, match=rf"card.json: {message}.*rerun the training"):
        load_members(weights, card)


def test_limits_of_classes_are_checked_too(written):
    _, weights, card, _ = written("mlp")
    spoil(card, "range", "classes", value={"landcover": [float("nan"), 1]})
    with pytest.raises(TableError, match="range of classes.landcover is nan to 1"):
        load_members(weights, card)


def test_weights_that_are_no_numbers_are_refused(written):
    result, weights, card, _ = written("mlp")
    result.parameters[0]["output.bias"][2] = float("nan")
    write_members(result.parameters, result.card, weights, card)
    with pytest.raises(TableError, match=r"weights.safetensors: parameter output.bias is not finite"):
        load_members(weights, card)


@pytest.mark.parametrize("mask", [0o022, 0o027])
def test_weights_are_as_readable_as_the_card(written, mask):
    before = os.umask(mask)
    try:
        _, weights, card, history = written("mlp")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (weights, card, history)}
    assert modes == {0o666 & ~mask}
