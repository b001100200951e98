"""The page on protocols, as printed: a file and a few lines of config give folds, and networks of its own."""

import re

import pandas as pd
import pytest
from pages import fresh_clone, labelled_files, printed_commands, succeed

PAGE = "docs/how-to/add-a-protocol.md"


@pytest.fixture
def clone(project, tmp_path):
    return fresh_clone(project, tmp_path / "loam")


def test_a_protocol_of_the_user_s_own_is_one_file(project, clone):
    text = (project / PAGE).read_text(encoding="utf-8")
    *example, draw, train = printed_commands(text)
    succeed(example, clone)
    for name, content in labelled_files(text).items():
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(content, encoding="utf-8")
    succeed([draw], clone)
    folds = pd.read_csv(clone / "results/my_table/folds.csv", parse_dates=["first_day", "last_day"])
    own = folds[folds["protocol"] == "parts_of_year"]
    tested = own[own["role"] == "test"]
    assert tested.groupby("fold")["first_day"].min().dt.month.tolist() == [1, 3]
    assert set(tested["first_day"].dt.month.where(tested["fold"] == 1, 1)) == {1}
    assert tested["station"].nunique() == folds["station"].nunique() == 5
    assert set(folds["protocol"]) == {"leave_one_station_out", "parts_of_year"}

    planned = succeed([f"{train} --dry-run"], clone)
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", planned, flags=re.M)}
    assert {rule: counts[rule] for rule in ("train_source", "train_target", "fine_tune", "predict_rivals")} == {
        "train_source": 2, "train_target": 4, "fine_tune": 4, "predict_rivals": 8,
    }  # fmt: skip
    assert "draw_folds" not in counts and "models/parts_of_year/mlp/transfer" in planned
