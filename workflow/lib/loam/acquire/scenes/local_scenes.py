"""Scenes of products that users hold (``loam.acquire.scenes.local_products``): listed, and read where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from loam.acquire.scenes.local_products import products_in
from loam.acquire.scenes.scene_table import in_form, no_scenes
from loam.acquire.source import Bounds, SceneSource
from loam.errors import ConfigError


class LocalScenes(SceneSource):
    """The products of the folder ``acquire.local.<dataset>``."""

    back_end = "local"

    def clients(self) -> dict[str, str]:
        """Nothing talks to a server."""
        return {}

    def list_scenes(self, bounds: Bounds, first: date, last: date) -> pd.DataFrame:
        """All products of the period; where they lie is seen when they are read, since names do not say it."""
        folder = self.access.folder_of(self.dataset.name)
        rows = products_in(folder, self.dataset.name, first, last)
        return in_form(pd.DataFrame(rows), where=folder) if rows else no_scenes()

    def fetch_scene(self, scene: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Products of one's own are not fetched."""
        raise ConfigError("is read where it lies", where=f"scene '{scene['scene']}'")
