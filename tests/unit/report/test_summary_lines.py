"""The run in lines of text: a map's scores stand in columns under their names."""

from pathlib import Path

import pytest

from loam.report.summary_lines import summary_text

FILES = [("Scores", Path("summary.csv"))]


@pytest.fixture
def lines(make_run, map_score):
    """The lines for the given maps."""
    run = make_run()

    def of(inside, scores, accuracy):
        told = summary_text(run["metrics"], run["summary"], inside, scores, FILES, run["values"], accuracy)
        return told.splitlines()

    return lambda **maps: of(maps.get("inside", {}), maps.get("scores", {}), maps.get("accuracy", ()))


def test_each_layer_of_a_map_has_a_block_of_its_groups(lines, map_score):
    text = lines(inside={"2022-08-15": 0.8}, scores={"2022-08-15": map_score})
    start = text.index("Map of 2022-08-15: 80.0 % of the pixels within the range of the training data")
    assert text[start + 1 : start + 4] == [
        "",
        "Map of 2022-08-15, surface, 0–30 cm             Scored    Masked    Share    RMSE    Bias       r  In 90 %",
        "  all pixels                                    62,500         0  100.0 %   0.042  −0.006    0.83   62.5 %",
    ]
    blocks = [line for line in text if line.startswith("Map of 2022-08-15, ")]
    assert [line.split("  ")[0] for line in blocks] == [
        "Map of 2022-08-15, surface, 0–30 cm", "Map of 2022-08-15, subsurface, 30–60 cm",
    ]  # fmt: skip
    assert (
        "  outside the range of the training data        12,500         0   20.0 %   0.062  −0.006    0.83        –"
        in text
    )
    assert any(line.startswith("In 90 %: ") for line in text)


def test_a_map_without_a_truth_has_one_line(lines):
    text = lines(inside={"2022-08-15": 0.8, "2022-02-15": 0.5})
    assert [line for line in text if "Map" in line] == [
        "Map of 2022-08-15: 80.0 % of the pixels within the range of the training data",
        "Map of 2022-02-15: 50.0 % of the pixels within the range of the training data",
    ]
    assert not any("In 90 %" in line for line in text)


def test_how_far_off_a_map_is_stands_above_it(lines):
    told = ["surface: expect ±0.060.", "subsurface: expect ±0.040."]
    text = lines(inside={"2022-08-15": 0.8}, accuracy=told)
    place = text.index("Map of 2022-08-15: 80.0 % of the pixels within the range of the training data")
    assert text[place - 2 : place] == told
    assert told[0] not in lines(accuracy=told)


def test_a_run_without_maps_says_nothing_of_them(lines):
    assert not any("Map" in line for line in lines())


def test_the_terminal_says_first_that_the_world_is_synthetic_and_credits_nobody(lines):
    text = lines()
    assert text[0].startswith("This world is synthetic. ") and text.index("") < 4
    assert "Data" not in text and not any("Copernicus" in line for line in text)


def test_data_of_others_are_credited_on_the_terminal_and_few_steps_told(make_run):
    run = make_run()
    chosen = {"terrain": {"dataset": "glo30", "back_end": "direct"}}
    config = run["values"] | {"acquire": run["values"]["acquire"] | chosen}
    run["cards"][0]["training"] |= {"batch_size": 1000}
    text = summary_text(run["metrics"], run["summary"], {}, {}, FILES, config, cards=run["cards"])
    assert text.startswith("This world is synthetic in part. ")
    assert "Copernicus DEM" in text[text.index("\nData\n") :] and "Networks that hardly trained. " in text
