"""Groups, boxes and neighbourhoods are held out as wholes."""

import pytest
from held_out import stations_of

from loam.errors import TableError


@pytest.fixture
def samples(make_samples):
    return make_samples(dict.fromkeys("abcdef", 10))  # at latitudes -40 to -45


def test_each_group_is_tested_once_and_no_row_of_it_trains(samples, draw):
    folds, _ = draw(samples, "leave_group_out", group="landcover")
    assert stations_of(folds, "test") == {1: ["a", "c", "e"], 2: ["b", "d", "f"]}
    for fold, others in ((1, "bdf"), (2, "ace")):
        validation, training = (stations_of(folds, role)[fold] for role in ("validation", "training"))
        assert len(validation) == 1 and len(training) == 2 and {*validation, *training} == set(others)


def test_other_rows_of_a_station_whose_group_changes_are_not_used(samples, draw):
    samples.loc[(samples["station"] == "a") & (samples["date"] > "2020-01-04"), "landcover"] = "PAST"
    _, roles = draw(samples, "leave_group_out", group="landcover")
    own = samples["station"].to_numpy() == "a"
    assert roles[0][own].tolist() == ["test"] * 4 + ["unused"] * 6
    assert roles[1][own].tolist() == ["unused"] * 4 + ["test"] * 6


def test_a_row_without_a_group_and_a_single_group_are_named(samples, draw):
    with pytest.raises(TableError, match="all rows have landcover PAST"):
        draw(samples.assign(landcover="PAST"), "leave_group_out", group="landcover")
    samples.loc[12, "landcover"] = None
    with pytest.raises(TableError, match="station b has no landcover on 2020-01-03"):
        draw(samples, "leave_group_out", group="landcover")


def test_the_stations_of_each_box_are_tested_and_those_of_none_never(samples, draw):
    boxes = {"north": [145, -41.5, 147, -39], "south": [145, -46, 147, -44.5]}
    folds, _ = draw(samples, "regional_boxes", boxes=boxes)
    assert stations_of(folds, "test") == {1: ["a", "b"], 2: ["f"]}
    assert all(
        {*stations_of(folds, "training")[fold], *stations_of(folds, "validation")[fold]}
        == set("abcdef") - set(stations_of(folds, "test")[fold])
        for fold in (1, 2)
    )


def test_a_box_may_lie_across_180_degrees(samples, draw):
    samples["longitude"] = samples["station"].map({"a": 179.5, "b": -179.5}).fillna(170.0)
    folds, _ = draw(samples, "regional_boxes", boxes={"fiji": [179.0, -50, -179.0, -30]})
    assert stations_of(folds, "test") == {1: ["a", "b"]}


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ({"sea": [0, 0, 1, 1]}, "boxes.sea.*no station"),
        ({"all": [0, -80, 180, 0]}, "boxes.all.*every station"),
        ({"one": [145, -41.5, 147, -39], "two": [145, -42.5, 147, -40.5]}, "boxes.two.*station b lies in another"),
    ],
)
def test_boxes_that_cannot_be_held_out_are_named(samples, draw, boxes, words):
    with pytest.raises(TableError, match=words):
        draw(samples, "regional_boxes", boxes=boxes)


def test_no_station_within_the_distance_trains_or_validates(samples, draw):
    folds, _ = draw(samples, "buffered", distance_km=150)  # the stations lie 111 km apart in a row
    neighbours = {1: ["b"], 2: ["a", "c"], 3: ["b", "d"], 4: ["c", "e"], 5: ["d", "f"], 6: ["e"]}
    assert stations_of(folds, "unused") == neighbours
    assert stations_of(folds, "test") == {fold: [name] for fold, name in enumerate("abcdef", start=1)}


def test_a_distance_that_leaves_nobody_is_named(samples, draw):
    with pytest.raises(TableError, match="1 station.* more than 400 km from station b.*distance_km"):
        draw(samples, "buffered", distance_km=400)
