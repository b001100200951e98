"""Losses within stations by hand, and the batches that they are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from series import features_of_shape, series_of_inputs

from loam.samples.series import join_series
from loam.samples.windows import Windows
from loam.training.batches import StationBatches
from loam.training.losses import mse, within_station, within_station_nll

BATCH = {"stations": 8, "rows": 4, "target_share": 0.5}


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def everything(values):
    return torch.ones_like(values, dtype=torch.bool)


def test_errors_about_a_station_s_mean_and_a_little_of_that_mean_itself():
    # errors 1, 3 | -2, -2, -2: means 2 and -2; deviations -1, 1 | 0, 0, 0
    observed = column(0.5, 0.5, 0.5, 0.5, 0.5)
    predicted = observed + column(1, 3, -2, -2, -2)
    station = torch.tensor([0, 0, 1, 1, 1])
    loss = within_station(predicted, observed, everything(observed), of_station=station, level_weight=0.1)
    assert loss.item() == pytest.approx((1 + 1) / 5 + 0.1 * (4 + 4) / 2, abs=1e-15)


def test_a_station_of_one_row_tells_its_level_alone():
    observed, station = column(0.0, 0.0, 0.0), torch.tensor([0, 1, 1])
    predicted = column(7, 1, 3).requires_grad_()
    loss = within_station(predicted, observed, everything(observed), of_station=station, level_weight=0.5)
    assert loss.item() == pytest.approx((0 + 1 + 1) / 3 + 0.5 * (49 + 4) / 2, abs=1e-14)
    loss.backward()
    # the lone row: 0.5 / 2 x 2 x 7; the others: 2 / 3 x deviation + 0.5 / 2 x 2 x mean / 2
    torch.testing.assert_close(predicted.grad, column(3.5, -2 / 3 + 0.5, 2 / 3 + 0.5), rtol=0, atol=1e-14)


def test_weights_0_and_1_leave_the_variance_within_and_the_whole_error():
    generator = torch.Generator().manual_seed(0)
    predicted, observed = torch.rand(2, 12, 2, dtype=torch.float64, generator=generator)
    station = torch.arange(12) // 4
    mask = everything(observed)
    shifted = predicted + torch.tensor([0.3, -0.1, 0.7], dtype=torch.float64).repeat_interleave(4)[:, None]
    one, other = (
        within_station(values, observed, mask, of_station=station, level_weight=0.0) for values in (predicted, shifted)
    )
    torch.testing.assert_close(one, other, rtol=0, atol=1e-14)
    whole = within_station(predicted, observed, mask, of_station=station, level_weight=1.0)
    torch.testing.assert_close(whole, mse(predicted, observed, mask), rtol=0, atol=1e-14)


@pytest.mark.parametrize("loss", [within_station, within_station_nll])
def test_what_is_not_observed_has_no_part_in_value_or_gradient(loss):
    generator = torch.Generator().manual_seed(1)
    outputs = 2 if loss is within_station_nll else 1
    predicted = torch.rand(6, outputs, dtype=torch.float64, generator=generator).requires_grad_()
    observed = torch.rand(6, 1, dtype=torch.float64, generator=generator)
    mask, station = torch.tensor([1, 1, 0, 1, 0, 1]).bool()[:, None], torch.tensor([0, 0, 0, 1, 2, 1])
    gaps, kept = torch.where(mask, observed, torch.nan), mask[:, 0]
    value = loss(predicted, gaps, mask, of_station=station, level_weight=0.2)
    alone = loss(
        predicted[kept], observed[kept], mask[kept], of_station=torch.tensor([0, 0, 1, 1]), level_weight=0.2
    )  # fmt: skip
    assert value.item() == pytest.approx(alone.item(), abs=1e-15)
    value.backward()
    assert (predicted.grad[~kept] == 0).all() and (predicted.grad[kept] != 0).all()


def test_layers_count_alike_and_one_without_a_value_not_at_all():
    observed = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, torch.nan]], dtype=torch.float64)
    predicted = torch.tensor([[1.0, 2.0], [3.0, 2.0], [5.0, 9.0]], dtype=torch.float64)
    station = torch.tensor([0, 0, 0])
    mask = observed.isfinite()
    loss = within_station(predicted, observed, mask, of_station=station, level_weight=0.5)
    assert loss.item() == pytest.approx(((4 + 0 + 4) / 3 + 0.5 * 9 + 0 + 0.5 * 4) / 2, abs=1e-14)
    mask[:, 1] = False
    loss = within_station(predicted, observed, mask, of_station=station, level_weight=0.5)
    assert loss.item() == pytest.approx(8 / 3 + 4.5, abs=1e-14)


def test_each_member_has_a_loss_and_a_weight_of_its_own():
    predicted = torch.stack([column(1, 3), column(2, 2)])
    observed = torch.zeros_like(predicted)
    weight = torch.tensor([0.5, 0.25], dtype=torch.float64)
    loss = within_station(
        predicted, observed, everything(observed), of_station=torch.tensor([0, 0]), level_weight=weight
    )
    torch.testing.assert_close(loss, torch.tensor([1 + 0.5 * 4, 0.25 * 4], dtype=torch.float64))


def test_a_told_variance_weighs_the_deviations_and_leaves_the_level():
    # errors 1, 3: deviations -1, 1; logarithms of variances 0 and ln 4
    predicted = torch.tensor([[1.0, 0.0], [3.0, np.log(4.0)]], dtype=torch.float64)
    observed = column(0, 0)
    loss = within_station_nll(
        predicted, observed, everything(observed), of_station=torch.tensor([0, 0]), level_weight=0.1
    )
    density = (0.5 * (0 + 1) + 0.5 * (np.log(4) + 1 / 4)) / 2
    assert loss.item() == pytest.approx(density + 0.1 * 4, abs=1e-14)


@pytest.fixture
def windows():
    """Rows of two domains; near0 has one, near1 nine, near2 to near4 twenty; far0 four, the other three ten."""

    def domain(counts, first):
        series = series_of_inputs(np.zeros((len(counts), 1)), np.zeros((len(counts), 1)), (1, 0, 0))
        days = series.days[0] + np.arange(max(counts))
        moisture = np.full((1, len(counts), len(days), 1), np.nan)
        for station, count in enumerate(counts):
            moisture[0, station, :count] = 0.2
        names = [f"{first}{number}" for number in range(len(counts))]
        return series.__class__(
            names, days, series.variables, series.static, {}, series.layers, moisture, series.latitude,
            series.longitude,
        )  # fmt: skip

    joined = join_series(
        domain([4, 10, 10, 10], "far"), domain([1, 9, 20, 20, 20], "near"), {"source": 1.0, "target": 1.0}
    )
    return Windows(joined, features_of_shape((1, 0, 0)), ["l0"], "source and target")


def names_of(windows, drawn):
    return np.array(windows.series.stations)[windows.station[drawn]]


def test_only_training_rows_are_drawn_and_a_station_s_stand_together(windows):
    training = np.flatnonzero((windows.stations != "near2") & (windows.day % 2 == 0))
    drawn = StationBatches(windows, training, BATCH).draw(np.random.default_rng(0), 300)
    assert drawn.shape == (300, 32)
    assert set(drawn.flat) == set(training), "in 300 batches each row has its turn"
    of_each = windows.station[drawn].reshape(300, 8, 4)
    assert (of_each == of_each[..., :1]).all()


def test_half_of_the_stations_are_the_target_s_where_both_domains_train(windows):
    every = np.arange(len(windows))
    drawn = StationBatches(windows, every, BATCH).draw(np.random.default_rng(0), 50)
    of_target = windows.of_target[windows.station[drawn]].reshape(50, 8, 4)[..., 0]
    assert (of_target.sum(1) == 4).all()
    for own, share in ((windows.of_target, 1.0), (~windows.of_target, 0.0)):
        alone = StationBatches(windows, every[own[windows.station]], BATCH).draw(np.random.default_rng(0), 5)
        assert windows.of_target[windows.station[alone]].mean() == share


def test_a_station_is_drawn_by_the_square_root_of_its_rows(windows):
    drawn = StationBatches(windows, np.arange(len(windows)), BATCH).draw(np.random.default_rng(0), 4000)
    names, times = np.unique(names_of(windows, drawn)[:, ::4], return_counts=True)
    rows = dict(zip(*np.unique(windows.stations, return_counts=True), strict=True))
    for prefix in ("near", "far"):
        own = [name for name in names if name.startswith(prefix)]
        chance = np.sqrt([rows[name] for name in own])
        found = np.array([times[names == name][0] for name in own]) / 16_000
        assert found == pytest.approx(chance / chance.sum(), abs=0.015)  # four standard errors


def test_a_station_of_one_row_is_drawn_with_that_row(windows):
    drawn = StationBatches(windows, np.arange(len(windows)), BATCH).draw(np.random.default_rng(0), 100)
    (lone,) = np.flatnonzero(windows.stations == "near0")
    assert set(drawn[names_of(windows, drawn) == "near0"]) == {lone}


def test_the_seed_decides_the_batches_and_the_order_of_training_rows_does_not(windows):
    training = np.flatnonzero(windows.day > 1)
    batches = StationBatches(windows, training, BATCH)
    one, again, other = (batches.draw(np.random.default_rng(seed), 20) for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
