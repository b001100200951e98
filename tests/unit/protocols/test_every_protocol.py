"""What holds for every protocol: nobody is tested twice in a draw, nobody trains on what it is tested on."""

import pandas as pd
import pytest

from loam.config.protocols import PROTOCOLS
from loam.config.run import Run
from loam.errors import LeakageError
from loam.io.schemas import FOLDS
from loam.protocols.fold import Fold
from loam.training.folds import draw_folds

LAYERS = ["surface", "subsurface"]
SETTINGS = {name: {} for name in PROTOCOLS} | Run().plain()["training"]["protocol_settings"]
SETTINGS["leave_group_out"] = {"group": "landcover"}
SETTINGS["regional_boxes"] = {"boxes": {"north": [145, -42.5, 147, -39], "south": [145, -50, 147, -45.5]}}
EVERY = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture
def samples(make_samples):
    return make_samples({name: 40 + 3 * place for place, name in enumerate("abcdefgh")})


@EVERY
def test_a_row_is_tested_at_most_once_in_a_size_and_draw(protocol, samples, draw):
    folds, roles = draw(samples, protocol, **SETTINGS[protocol])
    FOLDS.validate(folds)
    key = folds[["fold", "size", "draw"]].drop_duplicates().sort_values("fold")
    assert key["fold"].tolist() == list(range(1, len(roles) + 1))
    for _, same in key.groupby(["size", "draw"]):
        tested = (roles[same["fold"] - 1] == "test").sum(axis=0)
        assert tested.max() == 1


@EVERY
def test_every_fold_tests_validates_and_trains_and_a_row_has_one_role(protocol, samples, draw):
    folds, roles = draw(samples, protocol, **SETTINGS[protocol])
    for fold in roles:
        assert {"test", "validation", "training"} <= set(fold) <= {"test", "validation", "training", "unused"}
    days = folds.assign(day=folds.apply(lambda row: pd.date_range(row.first_day, row.last_day), axis=1)).explode("day")
    assert not days.duplicated(["fold", "station", "day"]).any()


@EVERY
def test_the_seed_decides_and_the_order_of_the_rows_does_not(protocol, samples, draw):
    once, _ = draw(samples, protocol, **SETTINGS[protocol])
    shuffled = samples.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(once, draw(shuffled, protocol, **SETTINGS[protocol])[0])


@EVERY
def test_what_is_tested_decides_no_other_role_by_its_values(protocol, samples, draw):
    """Other moisture, observed on the same days, gives the same folds."""
    folds, _ = draw(samples, protocol, **SETTINGS[protocol])
    other = samples.assign(surface=samples["surface"] + 0.1, subsurface=0.05)
    pd.testing.assert_frame_equal(folds, draw(other, protocol, **SETTINGS[protocol])[0])


def leaking(record, settings):
    yield Fold(record.at(["a"]), record.at(["b"]), record.at(["b", "c"]))


def twice(record, settings):
    yield Fold(record.at(["a"]), record.at(["b"]))
    yield Fold(record.at(["a"]), record.at(["c"]))


@pytest.mark.parametrize(
    ("name", "words"), [("leaking", "station b .* validates and trains"), ("twice", "station a .* is tested twice")]
)
def test_a_protocol_that_leaks_is_refused(name, words, samples, monkeypatch):
    monkeypatch.setattr("loam.training.folds.load", lambda plugin: {"leaking": leaking, "twice": twice}[plugin])
    with pytest.raises(LeakageError, match=words):
        draw_folds(samples, LAYERS, 1, name, {}, plugin=name)
