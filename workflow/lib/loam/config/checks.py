"""Keys of several sections that contradict each other. Read when the workflow is parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from loam.config.covariates import covariate_names, kind_of
from loam.config.mapped import check_mapped
from loam.config.parts import domains_of, has_pixels, makes, origin, reads_source
from loam.config.raster_days import check_days_held, check_units
from loam.config.wrong import nearest
from loam.errors import ConfigError
from loam.variables import covariate_of

Config = Mapping[str, Any]
GEOGRAPHIC = ("EPSG:4326", "EPSG:4258", "EPSG:4269", "EPSG:4283", "EPSG:7844")  # the usual ones in degrees


def contradictions(config: Config) -> Iterator[ConfigError]:
    """The errors of a configuration whose sections are right one by one."""
    checks: list[Callable[[Config], None]] = [_check_features, _check_layers_named, _check_unit_of_grid, _check_zones]
    mapping = config["mapping"]
    if makes(config) == "scores":
        checks += [_check_patches] * bool(config["features"]["patch"]) + [_check_block] * (
            config["samples"]["block"] > 1
        )
    if mapping["dates"] and makes(config) == "scores":
        checks.append(check_mapped)
        if origin(config, "target") != "cube":  # whose grid and features are checked with what is acquired
            checks += [_check_grid, _check_inputs]
    for check in checks:
        try:
            check(config)
        except ConfigError as error:
            yield error


def _check_features(config: Config) -> None:
    _no_duplicates("features", covariate_names({**config["features"], "patch": []}))
    _no_duplicates("features.patch", config["features"]["patch"])


def _check_zones(config: Config) -> None:
    zones, layers = config["zones"], [layer["name"] for layer in config["layers"]]
    for key in ("thresholds", "wilting_point", "field_capacity"):
        for name in zones[key]:
            if name not in layers:
                raise ConfigError(
                    f"no layer '{name}'", where=f"config key 'zones.{key}'", expected=f"any of {', '.join(layers)}",
                    fix=nearest(name, layers),
                )  # fmt: skip
    for name, wilting in zones["wilting_point"].items():
        if wilting >= (most := zones["field_capacity"].get(name, 1)):
            raise ConfigError(
                f"{name}: {wilting:g} is not below the field capacity, {most:g}",
                where="config key 'zones.wilting_point'", expected="m3 m-3, below that of zones.field_capacity",
            )  # fmt: skip


def _check_patches(config: Config) -> None:
    """Patches are of pixels of the cube; what is trained or tested on anything else cannot read them."""
    training = config["training"]
    models = [name for name in training["models"] if (training[name]["window"] or {}).get("patch")]
    for name in config["features"]["patch"]:
        kind_of(name)
        if (variable := covariate_of(name)) and variable.classes:
            raise ConfigError(
                f"'{name}' holds classes, and a band of a patch is a number", where="config key 'features.patch'",
                expected=f"shares, with covariates.landcover: shares, such as {name}_share_PAST",
            )  # fmt: skip
    source = reads_source(training, models) or training["scaling"]["target"] == "source"
    for domain in domains_of(config) if source else ["target"]:
        if not has_pixels(config, domain):
            raise ConfigError(
                f"model {', '.join(models)} reads patches, and the {domain} domain has no pixels",
                where="config key 'training.models'",
                expected=f"samples.from: cube with covariates.domains.{domain}: cube, whose stations are pixels",
                fix="leave the model out, or train scenario target alone, scaled by the fold"
                if domain == "source" else "leave the model out",
            )  # fmt: skip


def _check_block(config: Config) -> None:
    """Blocks are of pixels of the cube, and what is the mean of a block has no patch."""
    if not any(has_pixels(config, domain) for domain in domains_of(config)):
        raise ConfigError(
            "no station of the run is a pixel of the cube", where="config key 'samples.block'", expected="block: 1",
            fix="or set covariates.domains.target to cube, in a run from the cube",
        )  # fmt: skip
    if config["features"]["patch"]:
        raise ConfigError(
            "stations are blocks, and models read patches of pixels", where="config key 'samples.block'",
            expected="block: 1", fix="leave out the models that declare a patch, or the block",
        )  # fmt: skip


def _check_layers_named(config: Config) -> None:
    layers = [layer["name"] for layer in config["layers"]]
    named = [("evaluation.coarse", item["layer"]) for item in config["evaluation"]["coarse"]]
    for key, layer in [*named, *(("mapping.scale", layer) for layer in config["mapping"]["scale"])]:
        if layer not in layers:
            raise ConfigError(
                f"no layer '{layer}'", where=f"config key '{key}'", expected=f"one of {', '.join(layers)}",
                fix=nearest(layer, layers),
            )  # fmt: skip


def _check_unit_of_grid(config: Config) -> None:
    """Degrees where the CRS is in metres, and the other way round; PROJ is asked only where bounds look like either."""
    grid = config["mapping"]["grid"]
    if not (grid["crs"] and grid["bounds"]):
        return
    west, south, east, north = grid["bounds"]
    like_degrees = max(abs(west), abs(east)) <= 360 and max(abs(south), abs(north)) <= 90
    if not like_degrees and grid["crs"] not in GEOGRAPHIC:
        return
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError

    try:
        in_degrees = CRS.from_user_input(grid["crs"]).is_geographic
    except CRSError:
        raise ConfigError(
            f"there is no {grid['crs']}", where="config key 'mapping.grid.crs'", expected="a code of the EPSG register"
        ) from None
    if in_degrees and not like_degrees:
        raise ConfigError(
            f"{grid['bounds']} are no degrees, and {grid['crs']} is in degrees",
            where="config key 'mapping.grid.bounds'", expected="[west, south, east, north] in degrees",
            fix="or name the CRS that they are in",
        )  # fmt: skip
    if not in_degrees:
        size = grid["resolution"] if grid["resolution"] and grid["resolution"] >= 1 else 80
        edges = Transformer.from_crs("EPSG:4326", grid["crs"], always_xy=True).transform_bounds(
            west, south, east, north
        )
        inside = [round(edge / size) * size for edge in edges]
        raise ConfigError(
            f"{grid['bounds']} look like degrees, and {grid['crs']} is in metres",
            where="config key 'mapping.grid.bounds'", expected="edges in units of the CRS",
            fix=f"write bounds: {inside}, the region around them",
        )  # fmt: skip


def _check_grid(config: Config) -> None:
    if not config["mapping"]["grid"]["like"]:
        raise ConfigError(
            "a map needs a grid", where="config key 'mapping.grid.like'", expected="like: my_data/elevation.tif",
            fix="name a raster",
        )  # fmt: skip


def _check_inputs(config: Config) -> None:
    mapping, features = config["mapping"], config["features"]
    given = [
        name for item in mapping["inputs"]
        for name in ([item["feature"]] if isinstance(item["feature"], str) else item["feature"])
    ]  # fmt: skip
    _no_duplicates("mapping.inputs", given)
    missing = sorted(set(covariate_names(features)) - set(given))
    if missing:
        raise ConfigError(
            f"no raster for feature {', '.join(missing)}", where="config key 'mapping.inputs'",
            fix="add a file for it, leave it out of features, or set mapping.dates to []",
        )  # fmt: skip
    check_days_held(mapping["inputs"], features, mapping["dates"])
    check_units(mapping["inputs"])


def _no_duplicates(key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"'{name}' is named twice", where=f"config key '{key}'", fix="name it once")
