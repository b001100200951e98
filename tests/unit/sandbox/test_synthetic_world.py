"""The synthetic world: blocks are parts of it, a seed is a world, and its domains are as far apart as asked."""

from datetime import date, timedelta

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import maximum_filter

from loam.raster.grid import Tile, cells_at, tiles_of
from loam.sandbox.source_domain import SourceDomain
from loam.sandbox.truth import write_truth
from loam.sandbox.world import STATIC, World, depth_mean
from loam.sandbox.world_settings import WorldSettings

SETTINGS = WorldSettings(
    seed=7, rows=125, columns=143, spin_up_days=150,
    target_stations=20, source_stations=20,
)  # fmt: skip
WHOLE = Tile(0, 0, 125, 143)


def every_day(first, last):
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@pytest.fixture(scope="module")
def world():
    return World(SETTINGS)


@pytest.fixture(scope="module")
def static(world):
    return world.static(WHOLE)


@pytest.fixture(scope="module")
def year_days():
    return [date(year, month, 15) for year in (2020, 2022) for month in (1, 2, 7, 8)] + [date(2020, 11, 3)]


@pytest.fixture(scope="module")
def truth(world, year_days):
    """Moisture by day of the whole region, in one piece."""
    return {day.day: day for day in world.run(year_days, WHOLE)}


def test_maps_have_the_names_and_shapes_that_are_promised(static):
    assert set(static) == set(STATIC)
    for name, values in static.items():
        assert values.shape[-2:] == (125, 143), name
        assert values.dtype.kind in "ui" or values.dtype == np.float32
    land = static["water"] == 0
    for name in ("clay", "sand", "soc", "bulk_density", "awc", "porosity"):
        assert (np.isfinite(static[name]) == land).all(), name
    assert (np.isnan(static["elevation"]) == (static["water"] == 2)).all()


def test_blocks_are_the_whole_bit_for_bit(world, static, truth, year_days):
    """Blocks that neither begin nor end on hillslope cells, whole region covered."""
    days = sorted(year_days)[:3]
    for tile in tiles_of(world.geobox, 57):
        rows, cols = slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)
        for name, values in world.static(tile).items():
            assert np.array_equal(values, static[name][..., rows, cols], equal_nan=values.dtype.kind == "f"), name
        for day in world.run(days, tile):
            assert np.array_equal(day.moisture, truth[day.day].moisture[:, rows, cols], equal_nan=True)
            assert np.array_equal(day.leaves, truth[day.day].leaves[rows, cols], equal_nan=True)


def test_points_are_the_pixels_of_the_whole(world, truth, year_days):
    rows, cols = world.stations["row"].to_numpy(), world.stations["col"].to_numpy()
    for day in world.run_points(sorted(year_days), rows, cols):
        assert (day.moisture == truth[day.day].moisture[:, rows, cols]).all()


def test_weather_of_a_block_and_of_a_day_is_that_of_the_whole(world, static):
    days = every_day(date(2021, 5, 1), date(2021, 5, 20))
    whole = world.weather(days, WHOLE)
    part = world.weather(days[7:9], Tile(31, 40, 50, 61))
    for name, values in whole.items():
        assert (part[name] == values[7:9, 31:81, 40:101]).all(), name
    height = static["elevation"]
    high, low = height > np.nanquantile(height, 0.9), height < np.nanquantile(height, 0.3)
    assert whole["tmax"][:, high].mean() < whole["tmax"][:, low].mean() - 2


def test_the_balance_is_driven_by_the_weather_that_the_world_tells(world):
    """Rain that a cell's pixels have received adds up to ``weather_at`` of the same days."""
    cells = world.hillslopes(np.array([3]), np.array([6]))
    days = every_day(SETTINGS.start, SETTINGS.start + timedelta(days=200))
    list(cells.run(world._nodes(days[0], days[-1]), []))
    rain = world.weather_at(days, *np.divmod(np.arange(100), 10) + np.array([[30], [60]]))["rain"].sum(axis=0)
    land = cells.cover[0] > 0
    assert cells.totals[0, land, 0] == pytest.approx(rain[land], rel=1e-5)


def test_rain_falls_from_west_to_east(world):
    rain = world.weather(every_day(date(2021, 1, 1), date(2021, 12, 31)), Tile(0, 0, 20, 143))["rain"].sum(axis=0)
    assert rain[:, :20].mean() > 1.6 * rain[:, -40:].mean()


def test_truth_lies_within_the_pores_everywhere(static, truth):
    land = static["water"] == 0
    for day in truth.values():
        for layer in range(4):
            values = day.moisture[layer][land]
            assert (values >= static["residual"][layer][land] - 1e-6).all()
            assert (values <= static["porosity"][layer][land] + 1e-6).all()
        assert np.isnan(day.moisture[:, ~land]).all()


def test_the_drought_year_is_drier_than_the_wet_year_and_summer_than_winter(truth):
    def mean(*days):
        return np.mean([np.nanmean(depth_mean(truth[day].moisture, 0, 60)) for day in days])

    dry, wet = ([date(year, month, 15) for month in (7, 8)] for year in (2020, 2022))
    assert mean(*dry) < mean(*wet) - 0.02
    for year in (2020, 2022):
        assert mean(date(year, 2, 15)) < mean(date(year, 8, 15)) - 0.04


def test_irrigated_land_is_wetter_in_summer_and_not_in_winter(static, truth):
    irrigated = static["landcover"] == 5
    beside = (static["landcover"] == 1) & (static["peat"] == 0)
    surface = {day: depth_mean(truth[day].moisture, 0, 30) for day in truth}
    gap = {day: values[irrigated].mean() - values[beside].mean() for day, values in surface.items()}
    assert gap[date(2020, 2, 15)] > 0.05
    assert abs(gap[date(2020, 8, 15)]) < 0.04


def test_wet_places_gather_water_in_winter(static, truth):
    land = (static["water"] == 0) & (static["peat"] == 0)
    wetness = static["wetness"]
    hollow = land & (wetness > np.quantile(wetness[land], 0.9))
    filled = truth[date(2022, 8, 15)].moisture[3] / static["porosity"][3]
    assert filled[hollow].mean() > filled[land].mean() + 0.05


def test_no_probe_stands_in_peat_or_water_and_six_have_more_than_a_year(world, static):
    stations = world.stations
    place = stations["row"].to_numpy(), stations["col"].to_numpy()
    assert len(stations) == 20
    assert (static["peat"][place] == 0).all() and (static["water"][place] == 0).all()
    near_peat = maximum_filter(static["peat"], 5)
    assert (near_peat[place] == 0).all(), "a soil map that blurs two pixels shows no peat at a probe"
    assert (static["soc"][:, *place] < 15).all()
    assert not stations.duplicated(["row", "col"]).any()
    lengths = [(last - first).days for first, last in zip(stations["first_day"], stations["last_day"], strict=True)]
    assert sum(length > 365 for length in lengths) == 6
    assert (stations["first_day"] >= SETTINGS.first_day).all() and (stations["last_day"] <= SETTINGS.last_day).all()
    assert cells_at(world.geobox, stations["x"], stations["y"])[0].tolist() == place[0].tolist()


def test_the_same_seed_is_the_same_world_and_another_seed_another(world, static, truth):
    small = Tile(20, 30, 20, 20)
    again, other = World(SETTINGS), World(SETTINGS.model_copy(update={"seed": 8}))
    day = date(2020, 1, 15)
    assert next(again.run([day], small)).moisture.tobytes() == truth[day].moisture[:, 20:40, 30:50].tobytes()
    assert again.stations.equals(world.stations)
    assert (other.static(WHOLE)["elevation"] != static["elevation"]).mean() > 0.9
    assert (next(other.run([day], small)).moisture != truth[day].moisture[:, 20:40, 30:50]).all()


def test_days_before_the_period_are_refused(world):
    with pytest.raises(ValueError, match="before the first day"):
        next(world.run([date(2019, 12, 31)], WHOLE))


def test_the_truth_file_holds_both_layers_of_the_days_asked_for_and_the_land_cover(world, static, truth, tmp_path):
    days = [date(2020, 2, 15), date(2020, 1, 15)]
    write_truth(world, days, tmp_path / "truth.nc", block=80)
    with xr.open_dataset(tmp_path / "truth.nc") as file:
        assert file["time"].dt.strftime("%Y-%m-%d").values.tolist() == ["2020-01-15", "2020-02-15"]
        for name, depths in (("surface", (0, 30)), ("subsurface", (30, 60))):
            expected = np.stack([depth_mean(truth[day].moisture, *depths) for day in sorted(days)])
            assert np.array_equal(file[name].to_numpy(), expected, equal_nan=True)
            assert file[name].attrs["units"] == "m3 m-3"
        assert float(file["x"][0]) == SETTINGS.corner[0] + 40
        assert file["crs"].attrs["crs_wkt"]
        cover = file["landcover"]
        assert np.array_equal(cover.fillna(0), static["landcover"]) and cover.isnull().any()
        codes = dict(zip(cover.attrs["flag_meanings"].split(), cover.attrs["flag_values"].tolist(), strict=True))
        assert codes == {"PAST": 1, "FORE": 2, "AGRI": 3, "SAVA": 4, "IRRI": 5}
        assert (cover.notnull() == file["surface"][0].notnull()).all()


def test_depth_means_weigh_layers_by_thickness():
    layers = np.array([[0.1], [0.2], [0.3], [0.4], [0.5]])
    assert depth_mean(layers, 0, 30) == pytest.approx((0.1 * 5 + 0.2 * 10 + 0.3 * 15) / 30)
    assert depth_mean(layers, 30, 60) == pytest.approx(0.4)
    assert depth_mean(layers, 0, 100) == pytest.approx((0.1 * 5 + 0.2 * 10 + 0.3 * 15 + 0.4 * 30 + 0.5 * 40) / 100)


def source_of(distance, stations=20):
    period = SETTINGS.period.model_copy(update={"source": ["2016-01-01", "2016-12-31"]})
    changed = {"domain_distance": distance, "source_stations": stations, "period": period, "spin_up_days": 90}
    return SourceDomain(SETTINGS.model_copy(update=changed))


def record(source):
    days = every_day(date(2016, 1, 1), date(2016, 12, 31))
    return list(source.run(days)), source.weather(days)


def test_domains_are_alike_at_distance_zero_and_ever_further_apart(world):
    rows, cols = world.stations["row"].to_numpy(), world.stations["col"].to_numpy()
    at_target = world.static_at(rows, cols)
    physics = world.physics
    gaps = []
    for distance in (0.0, 1.0, 2.0):
        source = source_of(distance, 30)
        days, weather = record(source)
        static = source.static
        if distance == 0:
            assert source.physics == physics
        gaps.append([
            np.mean([depth_mean(day.moisture, 0, 30) for day in days]), static["awc"].mean(),
            np.log(static["soc"][0]).mean(), -weather["tmax"].mean(), -static["clay"].mean(),
        ])  # fmt: skip
    gaps = np.array(gaps)
    assert (np.diff(gaps, axis=0) < 0).all()  # drier, less water at hand, less carbon, warmer, more clay
    assert at_target["awc"].mean() == pytest.approx(gaps[0, 1], abs=1.0)
    assert np.log(at_target["soc"][0]).mean() == pytest.approx(gaps[0, 2], abs=0.25)
    assert gaps[0, 0] - gaps[1, 0] > 0.02


def test_source_stations_have_places_soils_and_a_wider_land_around_them():
    source = source_of(1.0)
    stations = source.stations
    assert len(stations) == 20 and stations["landcover"].nunique() >= 4
    assert np.ptp(stations["longitude"]) > 10
    assert (source.static["water"] == 0).all() and (source.static["peat"] == 0).all()
    days, weather = record(source)
    own, area = (np.array([getattr(day, name)[0] for day in days]) for name in ("moisture", "area"))
    assert own.shape == area.shape == weather["rain"].shape == (366, 20)
    assert np.median([np.corrcoef(own[:, station], area[:, station])[0, 1] for station in range(20)]) > 0.7
    assert (own != area).all()


def test_the_source_is_the_same_for_the_same_seed():
    first, again = (next(source_of(1.0, 6).run([date(2016, 2, 1)])) for _ in range(2))
    assert first.moisture.tobytes() == again.moisture.tobytes()
    assert first.area.tobytes() == again.area.tobytes()
