"""kNNDM: a tested station is as far from what trains as the map is from its probes."""

import numpy as np
import pandas as pd
import pytest
from held_out import stations_of
from scipy.stats import wasserstein_distance

from loam.errors import TableError
from loam.protocols.nearest import lattice_of, matched_parts, to_nearest
from loam.raster.great_circle import distances

BOX = [146.0, -36.0, 148.0, -34.0]


def samples(latitude, longitude):
    names = [f"s{place:02}" for place in range(len(latitude))]
    rows = pd.DataFrame({"station": names, "latitude": latitude, "longitude": longitude})
    return rows.merge(pd.DataFrame({"date": pd.date_range("2020-01-01", periods=3)}), "cross").assign(
        surface=0.2, subsurface=0.3
    )


def clustered():
    """Four groups of five stations within some kilometres, near the corners of the box."""
    generator = np.random.default_rng(1)
    centres = [(-35.8, 146.2), (-35.8, 147.8), (-34.2, 146.2), (-34.2, 147.8)]
    places = np.concatenate([generator.normal(centre, 0.01, (5, 2)) for centre in centres])
    return places.T


def regular():
    """A station in the middle of each of 25 squares of the box."""
    north, east = np.meshgrid(np.linspace(-35.8, -34.2, 5), np.linspace(146.2, 147.8, 5))
    return north.ravel(), east.ravel()


def apart(latitude, longitude):
    return distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])


def test_groups_of_probes_are_held_out_whole_where_the_map_lies_as_far_as_they_are_apart():
    latitude, longitude = clustered()
    part, gap = matched_parts(
        apart(latitude, longitude), np.full(100, 145.0), latitude, longitude, 4, np.random.default_rng(1)
    )
    assert sorted(part[::5]) == [0, 1, 2, 3] and (part.reshape(4, 5) == part[::5, None]).all()
    assert gap < 40


def test_over_a_map_between_the_groups_the_folds_come_far_closer_than_a_random_deal(draw):
    latitude, longitude = clustered()
    folds, _ = draw(samples(latitude, longitude), "knndm", folds=4, box=BOX, points=400)
    part = np.empty(20, int)
    for fold, names in stations_of(folds, "test").items():
        part[[int(name[1:]) for name in names]] = fold
    between, (north, east) = apart(latitude, longitude), lattice_of(latitude, longitude, BOX, 400)
    of_map = distances(north[:, None], east[:, None], latitude[None], longitude[None]).min(1)
    random = np.random.default_rng(2).permutation(np.arange(20) % 4)
    matched, dealt = (wasserstein_distance(to_nearest(between, own), of_map) for own in (part, random))
    assert matched < 0.9 * dealt and np.bincount(part)[1:].sum() == 20


def test_the_same_probes_are_dealt_finely_where_the_map_is_the_groups_themselves():
    latitude, longitude = clustered()
    between = apart(latitude, longitude)
    near = np.full(100, np.where(between == 0, np.inf, between).min(1).mean())
    part, _ = matched_parts(between, near, latitude, longitude, 4, np.random.default_rng(1))
    assert all(len(set(part[first : first + 5])) > 1 for first in (0, 5, 10, 15))
    assert to_nearest(between, part).max() < 10


def test_evenly_spread_probes_are_as_near_as_the_map_allows():
    latitude, longitude = regular()
    between = apart(latitude, longitude)
    north, east = lattice_of(latitude, longitude, BOX, 400)
    of_map = distances(north[:, None], east[:, None], latitude[None], longitude[None]).min(1)
    part, gap = matched_parts(between, of_map, latitude, longitude, 5, np.random.default_rng(1))
    spacing = np.sort(between, axis=1)[:, 1].mean()
    assert np.median(to_nearest(between, part)) < 1.1 * spacing  # the neighbour of most stations trains
    blocks = np.arange(25) // 5
    assert gap <= wasserstein_distance(to_nearest(between, blocks), of_map)


@pytest.mark.parametrize("places", [clustered, regular])
def test_no_random_deal_comes_closer_to_the_map(places):
    latitude, longitude = places()
    between = apart(latitude, longitude)
    north, east = lattice_of(latitude, longitude, BOX, 400)
    of_map = distances(north[:, None], east[:, None], latitude[None], longitude[None]).min(1)
    generator = np.random.default_rng(1)
    _, gap = matched_parts(between, of_map, latitude, longitude, 4, generator)
    deals = [generator.permutation(np.arange(len(latitude)) % 4) for _ in range(50)]
    typical = np.median([wasserstein_distance(to_nearest(between, deal), of_map) for deal in deals])
    assert gap <= typical


def test_the_map_is_a_lattice_in_the_box_or_around_the_stations():
    north, east = lattice_of(np.array([-35.0, -36.0]), np.array([146.0, 147.0]), None, 100)
    assert 80 <= len(north) <= 100 and -36 < north.min() < north.max() < -35 and 146 < east.min() < east.max() < 147
    _, across = lattice_of(np.array([0.0]), np.array([0.0]), (179.0, -1.0, -179.0, 1.0), 100)
    assert across.min() > 179 and across.max() < 181
    alone = lattice_of(np.array([-35.0]), np.array([146.0]), None, 10)
    assert np.allclose(alone[0], -35) and np.allclose(alone[1], 146)


def test_too_few_stations_are_refused(draw):
    with pytest.raises(TableError, match="2 station"):
        draw(samples([-35.0, -35.1], [146.0, 146.1]), "knndm", folds=2, box=None, points=100)
    with pytest.raises(TableError, match="cannot be parted into 2 folds"):
        draw(samples([-35.0, -35.1, -35.2], [146.0] * 3), "knndm", folds=2, box=None, points=100)
