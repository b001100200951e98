"""Scalers are the mean and standard deviation of training rows, and of nothing else."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from series import features_of_shape, series_of_inputs, windows_of_inputs

from loam.samples.series import join_series
from loam.samples.windows import Windows
from loam.training.device_inputs import ScaledInputs, batches_of
from loam.training.scaling import FAR, Scaler, fit_scaler, scaled

LAYERS = ["surface", "subsurface"]


@pytest.fixture
def windows_of(features, series_of):
    return lambda samples: Windows(series_of(samples), features, LAYERS, "target")


def test_scaler_sees_only_the_training_rows_of_its_member(target, features, series_of):
    series, inputs = series_of(target), target[features.columns].to_numpy()
    training = [np.arange(10), np.arange(20, 60)]
    scaler = fit_scaler(Windows(series, features, LAYERS, "target"), training)
    for member, rows in enumerate(training):
        for name in ("rain_0", "rain_1", *(["clay", "elevation"] if member else [])):  # the first has one station
            column = features.columns.index(name)
            assert scaler.mean[member, column] == pytest.approx(inputs[rows, column].mean(), abs=1e-14)
            assert scaler.std[member, column] == pytest.approx(inputs[rows, column].std(), abs=1e-14)
    trains = target.iloc[training[1]]
    station = np.array([name in set(trains["station"]) for name in series.stations])
    absurd = replace(
        series, static=np.where(station[:, None], series.static, 1e6),
        daily={name: np.where(read_by(trains, series, features, name), values, 1e6)
               for name, values in series.daily.items()},
    )  # fmt: skip
    again = fit_scaler(Windows(absurd, features, LAYERS, "target"), training)
    assert np.array_equal(again.mean[1], scaler.mean[1])
    assert np.array_equal(again.std[1], scaler.std[1])
    assert not np.array_equal(again.mean[0], scaler.mean[0])


def read_by(rows, series, features, name):
    """Whether any of ``rows`` reads covariate ``name`` of a station's day, by the features' lags: [station, day]."""
    read = np.zeros(series.daily[name].shape, bool)
    for row in rows.itertuples():
        day = (np.datetime64(row.date, "D") - series.days[0]).astype(int)
        for feature in features.all:
            if feature.name == name:
                read[series.stations.index(row.station), day - feature.lag] = True
    assert 0 < read.sum() < read.size
    return read


def test_all_steps_of_a_sequence_variable_share_one_scale(target, features, windows_of):
    scaler = fit_scaler(windows_of(target), [np.arange(30)])
    for variable in ("coarse", "deep"):
        columns = [features.columns.index(f"{variable}_{lag}") for lag in range(4)]
        values = target[features.columns].to_numpy()[:30][:, columns]
        np.testing.assert_allclose(scaler.mean[0, columns], values.mean(), rtol=0, atol=1e-14)
        np.testing.assert_allclose(scaler.std[0, columns], values.std(), rtol=0, atol=1e-14)


def test_limits_bring_each_training_row_between_0_and_1_and_all_steps_by_one_scale(target, features, windows_of):
    training = [np.arange(10), np.arange(20, 60)]
    scaler = fit_scaler(windows_of(target), training, "limits")
    inputs = target[features.columns].to_numpy()
    for member, rows in enumerate(training):
        rain = features.columns.index("rain_1")
        least, greatest = inputs[rows, rain].min(), inputs[rows, rain].max()
        assert (scaler.mean[member, rain], scaler.std[member, rain]) == (least, greatest - least)
        columns = [features.columns.index(f"coarse_{lag}") for lag in range(4)]
        least, greatest = inputs[rows][:, columns].min(), inputs[rows][:, columns].max()
        assert set(scaler.mean[member, columns]) == {least} and set(scaler.std[member, columns]) == {greatest - least}


def test_a_feature_that_is_constant_in_training_becomes_zero_and_is_named(target, features, windows_of, caplog):
    assert set(target["station"][:50]) == {"near0", "near1"}
    target.loc[target["station"].isin(["near0", "near1"]), "clay"] = 0.1  # its computed deviation is 1e-17, not 0
    assert 0 < target["clay"][:50].to_numpy().std() < 1e-15
    with caplog.at_level(logging.WARNING, "loam"):
        scaler = fit_scaler(windows_of(target), [np.arange(50), np.arange(len(target))])
    column = features.columns.index("clay")
    assert (scaler.mean[0, column], scaler.std[0, column]) == (0.1, 1.0)
    assert scaler.std[1, column] != 1.0
    assert "'clay' is constant in the training rows of 1 of 2 members" in caplog.text


def test_rows_are_read_with_each_member_s_scaler_in_the_features_order(target, windows_of):
    scaler = Scaler(np.stack([np.zeros(12), np.full(12, 2.0)]), np.stack([np.ones(12), np.full(12, 4.0)]))
    index = torch.tensor([[3, 1], [0, 3]])
    read = ScaledInputs(windows_of(target), scaler, "cpu", torch.float64).read(index)
    static, sequence = read["static"], read["sequence"]
    assert static.shape == (2, 2, 4)
    assert sequence.shape == (2, 2, 4, 2)
    row = target.iloc[3]
    assert static[0, 0].tolist() == row[["clay", "elevation", "rain_0", "rain_1"]].tolist()
    assert sequence[0, 0].tolist() == [[row[f"coarse_{lag}"], row[f"deep_{lag}"]] for lag in (3, 2, 1, 0)]
    torch.testing.assert_close(sequence[1, 1], (sequence[0, 0] - 2) / 4)


def test_members_that_go_on_keep_their_own_scaler(target, windows_of):
    scaler = Scaler(np.stack([np.full(12, value) for value in (0.0, 2.0, 0.0)]), np.ones((3, 12)))
    inputs = ScaledInputs(windows_of(target), scaler, "cpu", torch.float64)
    before = inputs.read(torch.tensor([[5], [5], [5]]))
    inputs.keep([1, 2])
    after = inputs.read(torch.tensor([[5], [5]]))
    for name, values in after.items():
        assert torch.equal(values, before[name][1:]), name
    assert not torch.equal(after["static"][0], after["static"][1])


def test_batches_hold_each_row_once_and_are_filled_up_with_own_rows():
    own = [np.arange(100, 170), np.arange(30)]
    index, real = batches_of(own, 20)
    assert index.shape == real.shape == (2, 4, 32)
    for member, rows in enumerate(own):
        assert np.array_equal(index[member][real[member]], rows)
        assert set(index[member].flat) == set(rows)
    assert real[0].sum(1).tolist() == [20, 20, 20, 10]
    assert real[1].sum(1).tolist() == [20, 10, 0, 0]


def fitted(*columns):
    """The scaler log_skewed of static features, all of whose rows train, each a station of its own."""
    inputs = np.stack(columns, 1).astype(float)
    windows = windows_of_inputs(inputs, np.full((len(inputs), 1), 0.2), (len(columns), 0, 0))
    return fit_scaler(windows, [np.arange(len(windows))], "log_skewed"), inputs


def test_a_skewed_feature_that_is_never_negative_is_read_as_a_logarithm_of_its_median_s_multiple():
    scaler, inputs = fitted([0, 1, 2, 3, 100], [-1, 1, 2, 3, 100], [0, 1, 2, 3, 4])
    assert scaler.median[0, 0] == 2.0
    assert np.isnan(scaler.median[0, 1:]).all(), "one is negative somewhere, the other not skewed"
    logarithms = np.log([1, 1.5, 2, 2.5, 51])
    for place, values in enumerate((logarithms, *inputs.T[1:])):
        assert scaler.mean[0, place] == pytest.approx(values.mean(), abs=1e-14)
        assert scaler.std[0, place] == pytest.approx(values.std(), abs=1e-14)
    z = (logarithms - logarithms.mean()) / logarithms.std()
    found = scaler.apply(0, slice(None), inputs)
    np.testing.assert_allclose(found[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=0, atol=1e-14)


def test_no_input_lies_beyond_three_standard_deviations_and_order_is_kept():
    scaler, _ = fitted([0, 1, 2, 3, 100], [-1, 1, 2, 3, 100])
    far = np.array([-1e12, -50.0, 0.0, 5.0, 1e3, 1e6, 1e12])
    found = scaler.apply(0, slice(None), np.stack([far, far], 1))
    assert (np.abs(found) <= FAR).all() and np.abs(found[-1, 1]) > 2.999
    assert (np.diff(found, axis=0) >= 0).all()
    assert found[0, 0] == found[2, 0], "what cannot be is read as the least that can"


def test_both_domains_weigh_alike_however_many_rows_they_have():
    near, far = np.array([0.0, 10.0]), np.arange(1.0, 9.0)
    of_each = [
        replace(series, stations=[f"{name}{station}" for station in series.stations])
        for name, values in (("far", far), ("near", near))
        for series in [series_of_inputs(values[:, None], np.full((len(values), 1), 0.2), (1, 0, 0))]
    ]
    joined = join_series(*of_each, {"source": 1.0, "target": 1.0})
    windows = Windows(joined, features_of_shape((1, 0, 0)), ["l0"], "both")
    scaler = fit_scaler(windows, [np.arange(10)], "log_skewed")
    mean = (near.mean() + far.mean()) / 2
    assert np.isnan(scaler.median).all()
    assert scaler.mean[0, 0] == pytest.approx(mean, abs=1e-14)
    variance = (np.mean((near - mean) ** 2) + np.mean((far - mean) ** 2)) / 2
    assert scaler.std[0, 0] == pytest.approx(np.sqrt(variance), abs=1e-14)


def test_a_constant_feature_is_zero_whether_logarithms_are_taken_or_not(caplog):
    with caplog.at_level(logging.WARNING, "loam"):
        scaler, inputs = fitted([0.1] * 5, [0, 1, 2, 3, 100])
    assert (scaler.mean[0, 0], scaler.std[0, 0]) == (0.1, 1.0) and np.isnan(scaler.median[0, 0])
    assert (scaler.apply(0, slice(None), inputs)[:, 0] == 0).all()
    assert "'s0' is constant in the training rows of 1 of 1 members" in caplog.text


def test_a_card_brings_the_medians_back_and_a_device_scales_as_training_does():
    scaler, inputs = fitted([0, 1, 2, 3, 100], [-1, 1, 2, 3, 100])
    back = Scaler.of_card(json.loads(json.dumps([scaler.described(0)])))
    for one, other in zip(scaler.parts, back.parts, strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    values = np.concatenate([inputs, [[-5.0, -5.0], [1e9, 1e9]]])
    on_device = scaled(torch.from_numpy(values), *(torch.from_numpy(part[0]) for part in back.parts))
    np.testing.assert_allclose(on_device, scaler.apply(0, slice(None), values), rtol=0, atol=1e-14)
