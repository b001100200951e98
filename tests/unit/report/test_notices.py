"""What stands before the scores: a synthetic world, networks that hardly trained."""

from loam.report.notices import notices, short_training


def card(*members, model="mlp", scenario="target", batch_size=128):
    """A card whose members have run so many epochs over so many rows."""
    return {
        "model": model, "scenario": scenario,
        "training": {"epochs": 150, "patience": 5, "batch_size": batch_size},
        "members": [
            {"fold": fold, "days": {"test": {f"K{fold}": []}}, "epochs": run, "training_rows": rows}
            for fold, (run, rows) in enumerate(members, start=1)
        ],
    }  # fmt: skip


def test_the_default_world_is_said_to_be_synthetic(load):
    (notice,) = notices(load(), [])
    assert notice.title == "This world is synthetic"
    assert "No score and no map here says anything about a real place." in notice.text


def test_real_probes_with_anything_made_up_are_synthetic_in_part(load):
    soil = {"soil": {"dataset": "sandbox_soil", "back_end": "sandbox"}}
    weather = {"weather": {"dataset": "era5_land", "back_end": "earthengine"}}
    probes = {"target": {"format": "uscrn", "path": "mine"}}
    (notice,) = notices(load(acquire=soil | weather, samples={"from": "cube"}, probes=probes), [])
    assert notice.title == "This world is synthetic in part"
    assert "loam made up soil; weather and probes came from elsewhere. No score" in notice.text


def test_the_sandbox_beside_real_vegetation_is_synthetic_in_part(load):
    vegetation = {"vegetation": {"dataset": "modis_ndvi", "back_end": "earthengine"}}
    (notice,) = notices(load(acquire=vegetation, samples={"from": "sandbox"}), [])
    assert "in part" in notice.title and "; vegetation came from elsewhere" in notice.text


def test_real_data_are_not_called_synthetic(load):
    probes = {"target": {"format": "uscrn", "path": "mine"}}
    assert notices(load(probes=probes), []) == []
    assert notices(load(samples={"source": "a.csv", "target": "b.csv"}, features={"static": ["clay"]}), []) == []


def test_members_that_stopped_early_are_named_with_what_to_change(load):
    config = load(probes={"target": {"format": "uscrn", "path": "mine"}})
    few, enough = card((20, 256), (100, 640), (150, 128)), card((100, 6400), model="lstm")
    (notice,) = notices(config, [few, enough])
    assert "fewer than 500 optimiser steps: MLP, target only (2 of 3 members)." in notice.text
    assert "raise training.patience (now 5 epochs)" in notice.text and "LSTM" not in notice.text
    assert short_training([few, enough]).rows == [
        ["MLP, target only", "2 of 3", "K1 (40), K3 (150)",
         "raise training.epochs (now 150), or raise training.patience (now 5 epochs), or lower training.batch_size "
         "(now 128)"],
    ]  # fmt: skip


def test_every_short_member_is_named_on_the_page(load):
    (row,) = short_training([card(*[(10, 128)] * 12)]).rows
    assert row[1] == "12 of 12" and all(f"K{fold} (10)" in row[2] for fold in range(1, 13))
