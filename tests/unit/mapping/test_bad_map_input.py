"""A map that cannot be finished leaves what was there as it was, and says why."""

import errno
import os
import signal

import pytest

from loam.covariates.features import feature_set
from loam.errors import ConfigError, StorageError
from loam.mapping.day_map import map_day
from loam.mapping.engine import Engine
from loam.raster import cog
from loam.raster.grid import grid_like

from .conftest import DAY, FEATURES


def make(region, folder, drawn, **how):
    map_day(
        Engine(drawn, "cpu"), feature_set(FEATURES), region["inputs"], DAY, grid_like(region["land"], 16),
        folder / "map.tif", folder / "trust.tif", {}, **how,
    )  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
def test_a_disk_that_is_full_half_way_leaves_the_map_of_before(region, members, tmp_path, monkeypatch, threads):
    drawn = members("mlp", 2)
    make(region, tmp_path, drawn)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write, calls = cog.MapWriter.write, []

    def full(self, tile, pixel, values):
        calls.append(tile)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, tile, pixel, values)

    monkeypatch.setattr(cog.MapWriter, "write", full)
    drawn.parameters[0]["output.bias"] += 0.1
    with pytest.raises(StorageError, match="no space left on its disk"):
        make(region, tmp_path, drawn, threads=threads)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_job_that_is_killed_leaves_the_map_of_before_and_the_next_makes_it(region, members, tmp_path):
    drawn = members("mlp", 2)
    make(region, tmp_path, drawn)
    before = {name: (tmp_path / name).read_bytes() for name in ("map.tif", "trust.tif")}
    if (child := os.fork()) == 0:

        class Killed(Engine):
            def predict_checked(self, inputs, told=None):
                if self.members and inputs.pixel.size and getattr(self, "asked", 0) > 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.asked = getattr(self, "asked", 0) + 1
                return super().predict_checked(inputs, told)

        map_day(
            Killed(drawn, "cpu"), feature_set(FEATURES), region["inputs"], DAY, grid_like(region["land"], 16),
            tmp_path / "map.tif", tmp_path / "trust.tif", {},
        )  # fmt: skip
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    make(region, tmp_path, drawn)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before, "and is as it was"


def test_members_of_other_features_or_layers_are_refused_before_anything_is_read(members):
    drawn = members("mlp", 2)
    columns = feature_set(FEATURES).columns
    with pytest.raises(ConfigError, match="features are not those of this run; they differ in clay"):
        drawn.check([name for name in columns if name != "clay"], ["surface", "subsurface"])
    with pytest.raises(ConfigError, match="differ in the order"):
        drawn.check(columns[::-1], ["surface", "subsurface"])
    with pytest.raises(ConfigError, match="layers are not those of this run; they differ in subsurface"):
        drawn.check(columns, ["surface"])
