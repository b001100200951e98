"""What a probe stands in: the world's moisture at its pixel, by depth, on the days of its record."""

import numpy as np
import pytest
from made_sites import SITES

from loam.sandbox.instruments.sites import source_sites, target_sites
from loam.sandbox.source_domain import SourceDomain
from loam.sandbox.world import World, depth_mean
from loam.sandbox.world_settings import settings_of

SETTINGS = settings_of(
    4,
    {
        "rows": 120, "columns": 120, "spin_up_days": 5, "target_stations": 3, "source_stations": 3, "long_records": 1,
        "period": {"source": ["2019-06-01", "2019-06-20"], "target": ["2021-06-01", "2021-07-31"]},
    },
)  # fmt: skip


def test_a_sites_moisture_is_the_worlds_at_its_pixel():
    world = World(SETTINGS)
    for site, row in zip(target_sites(world), world.stations.itertuples(), strict=True):
        assert (site.days[0].date(), site.days[-1].date()) == (row.first_day, row.last_day)
        pixel = np.array([row.row]), np.array([row.col])
        for day in world.run_points([site.days[0].date(), site.days[-1].date()], *pixel):
            place = (day.day - row.first_day).days
            expected = depth_mean(day.moisture[:, 0], 0, 30)
            assert site.at_depth(0, 30)[place] == pytest.approx(expected, abs=1e-6)
        assert site.moisture.max() < site.porosity


def test_a_site_of_the_source_has_its_own_moisture_and_not_its_surroundings():
    domain = SourceDomain(SETTINGS)
    sites = source_sites(domain)
    day = next(iter(domain.run([sites[0].days[3].date()])))
    for place, site in enumerate(sites):
        np.testing.assert_allclose(site.moisture[3], day.moisture[:, place], atol=1e-6)


def test_a_uniform_profile_reads_the_same_at_every_depth():
    site = SITES[0]
    uniform = type(site)(**{**vars(site), "moisture": np.full_like(site.moisture, 0.27)})
    for depth in ((5, 5), (30, 30), (0, 30), (30, 60), (95, 95)):
        np.testing.assert_allclose(uniform.at_depth(*depth), 0.27)


def test_an_interval_is_the_mean_of_its_layers_by_thickness():
    site = SITES[0]
    expected = site.moisture[:, :3] @ np.array([5, 10, 15]) / 30
    np.testing.assert_allclose(site.at_depth(0, 30), expected)
    np.testing.assert_allclose(site.at_depth(10, 10), site.moisture[:, 1])


def test_soil_is_calmer_than_the_air_and_calmer_the_deeper():
    site = SITES[0]
    air = (site.tmin + site.tmax) / 2
    spread = [np.diff(series).std() for series in (air, site.soil_temperature(5.0), site.soil_temperature(50.0))]
    assert spread[0] > spread[1] > spread[2]
    assert site.daily_wave(5.0).mean() > 2 * site.daily_wave(20.0).mean()
