"""Scalers are the mean and standard deviation of training rows, and of nothing else."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from loam.errors import TableError
from loam.training.inputs import ScaledInputs, batches_of
from loam.training.rows import hash_of_samples, rows_of
from loam.training.scaling import Scaler, fit_scaler

LAYERS = ["surface", "subsurface"]


def test_scaler_sees_only_the_training_rows_of_its_member(target, features):
    inputs = rows_of(target, features, LAYERS, "target").inputs
    training = [np.arange(10), np.arange(20, 60)]
    scaler = fit_scaler(inputs, training, features)
    column = features.columns.index("rain_1")
    for member, rows in enumerate(training):
        assert scaler.mean[member, column] == pytest.approx(inputs[rows, column].mean(), abs=1e-14)
        assert scaler.std[member, column] == pytest.approx(inputs[rows, column].std(), abs=1e-14)
    absurd = inputs.copy()
    absurd[np.setdiff1d(np.arange(len(inputs)), training[1])] = 1e6
    again = fit_scaler(absurd, training, features)
    assert np.array_equal(again.mean[1], scaler.mean[1])
    assert np.array_equal(again.std[1], scaler.std[1])
    assert not np.array_equal(again.mean[0], scaler.mean[0])


def test_all_steps_of_a_sequence_variable_share_one_scale(target, features):
    inputs = rows_of(target, features, LAYERS, "target").inputs
    scaler = fit_scaler(inputs, [np.arange(30)], features)
    for variable in ("coarse", "deep"):
        columns = [features.columns.index(f"{variable}_{lag}") for lag in range(4)]
        values = inputs[:30][:, columns]
        np.testing.assert_allclose(scaler.mean[0, columns], values.mean(), rtol=0, atol=1e-14)
        np.testing.assert_allclose(scaler.std[0, columns], values.std(), rtol=0, atol=1e-14)


def test_a_feature_that_is_constant_in_training_becomes_zero_and_is_named(target, features, caplog):
    target.loc[:49, "clay"] = 0.1  # its computed standard deviation is 1e-17, not 0
    inputs = rows_of(target, features, LAYERS, "target").inputs
    with caplog.at_level(logging.WARNING, "loam"):
        scaler = fit_scaler(inputs, [np.arange(50), np.arange(len(inputs))], features)
    column = features.columns.index("clay")
    assert (scaler.mean[0, column], scaler.std[0, column]) == (0.1, 1.0)
    assert scaler.std[1, column] != 1.0
    assert "'clay' is constant in the training rows of 1 of 2 members" in caplog.text


def test_rows_are_read_with_each_member_s_scaler_in_the_features_order(target, features):
    rows = rows_of(target, features, LAYERS, "target")
    scaler = Scaler(np.stack([np.zeros(12), np.full(12, 2.0)]), np.stack([np.ones(12), np.full(12, 4.0)]))
    index = torch.tensor([[3, 1], [0, 3]])
    static, sequence = ScaledInputs(rows, scaler, "cpu", torch.float64).read(index)
    assert static.shape == (2, 2, 4)
    assert sequence.shape == (2, 2, 4, 2)
    row = target.iloc[3]
    assert static[0, 0].tolist() == row[["clay", "elevation", "rain_0", "rain_1"]].tolist()
    assert sequence[0, 0].tolist() == [[row[f"coarse_{lag}"], row[f"deep_{lag}"]] for lag in (3, 2, 1, 0)]
    torch.testing.assert_close(sequence[1, 1], (sequence[0, 0] - 2) / 4)


def test_batches_hold_each_row_once_and_are_filled_up_with_own_rows():
    own = [np.arange(100, 170), np.arange(30)]
    index, real = batches_of(own, 20)
    assert index.shape == real.shape == (2, 4, 32)
    for member, rows in enumerate(own):
        assert np.array_equal(index[member][real[member]], rows)
        assert set(index[member].flat) == set(rows)
    assert real[0].sum(1).tolist() == [20, 20, 20, 10]
    assert real[1].sum(1).tolist() == [20, 10, 0, 0]


def test_the_hash_of_samples_follows_everything_that_training_reads(target, features):
    first = hash_of_samples(target, features, LAYERS)
    assert hash_of_samples(target.assign(latitude=0.0, note="x"), features, LAYERS) == first
    for column, value in (("surface", 0.5), ("coarse_3", 9.0), ("station", "other"), ("date", target["date"][1])):
        changed = target.copy()
        changed.loc[0, column] = value
        assert hash_of_samples(changed, features, LAYERS) != first, column


def test_a_missing_column_or_number_is_an_error(target, features):
    with pytest.raises(TableError, match="no column rain_1"):
        rows_of(target.drop(columns="rain_1"), features, LAYERS, "target")
    target.loc[4, "coarse_2"] = np.nan
    with pytest.raises(TableError, match="row 4.*near0.*'coarse_2' is nan"):
        rows_of(target, features, LAYERS, "target")
