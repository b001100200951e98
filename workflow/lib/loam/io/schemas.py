"""Schemas of the tables that pass between stages (docs/reference/files.md describes the columns)."""

from __future__ import annotations

import pandera.pandas as pa

from loam.config.map_bands import LEVELS, STATISTICS

SCENARIOS = ["source", "target", "transfer", "both", "none"]
DOMAINS = ["source", "target"]
ROLES = ["training", "validation", "test", "unused"]
ROWS = ["training", "all"]  # whose rows of a fold fitted a system: those that train, or these and those that validate
METRICS = ["mae", "rmse", "ubrmse", "bias", "r", "ccc"]
INTERVALS = [f"{what}_{level:.0%}".rstrip("%") for level in LEVELS for what in ("within", "width")]  # of maps

_text = pa.Column(str, coerce=True)
_number = pa.Column(float, coerce=True, nullable=True)
_count = pa.Column(int, pa.Check.ge(0), coerce=True)
_number_from_1 = pa.Column(int, pa.Check.ge(1), coerce=True)
_date = pa.Column("datetime64[ns]", coerce=True)
_station = pa.Column(str, pa.Check.str_length(min_value=1), coerce=True)


def _with_limits(*names: str) -> dict[str, pa.Column]:
    """Numbers, each with the lower and upper limit of its interval behind it."""
    return {f"{name}{end}": _number for name in names for end in ("", "_low", "_high")}


# One row a (fold, station, span of days): what the station's rows of these days, both included, are for in the fold.
# size: stations that train, where the protocol asks how many are needed, else 0; draw: of a protocol that draws again.
FOLDS = pa.DataFrameSchema(
    {
        "protocol": _text,
        "size": _count,
        "draw": _number_from_1,
        "fold": _number_from_1,
        "domain": pa.Column(str, pa.Check.isin(DOMAINS), coerce=True),
        "station": _station,
        "role": pa.Column(str, pa.Check.isin(ROLES), coerce=True),
        "first_day": _date,
        "last_day": _date,
    },
    strict=True,
    unique=["protocol", "fold", "domain", "station", "first_day"],
)

# One row a held-out prediction; m3 m-3. rows: which of the fold's rows fitted the system; output: of a network before
# it is bounded to 0 to 1; spread, lower and upper of who gives them.
PREDICTIONS = pa.DataFrameSchema(
    {
        "protocol": _text,
        "size": _count,
        "draw": _number_from_1,
        "model": _text,
        "scenario": pa.Column(str, pa.Check.isin(SCENARIOS), coerce=True),
        "rows": pa.Column(str, pa.Check.isin(ROWS), coerce=True),
        "fold": _number_from_1,
        "domain": pa.Column(str, pa.Check.isin(DOMAINS), coerce=True),
        "station": _station,
        "date": _date,
        "layer": _text,
        "observed": pa.Column(float, coerce=True),
        "output": _number,
        "predicted": pa.Column(float, coerce=True),
        **dict.fromkeys(["spread", "lower", "upper"], _number),
    },
    strict=True,
    unique=["protocol", "model", "scenario", "fold", "station", "date", "layer"],
)

# The predictions of all systems together. dissimilarity: of the row's features to the rows that fitted the system;
# inside_area: 1 within its area of applicability, else 0.
MERGED = PREDICTIONS.add_columns(dict.fromkeys(["dissimilarity", "inside_area"], _number))

# One row a held-out (fold, station, day) and what a system may have learned from: rows of the target domain, of the
# source domain or of both, those of the target being the fold's that train, or all that it does not test.
DISSIMILARITY = pa.DataFrameSchema(
    {
        "protocol": _text,
        "fold": _number_from_1,
        "station": _station,
        "date": _date,
        "learned": pa.Column(str, pa.Check.isin([*DOMAINS, "both"]), coerce=True),
        "rows": pa.Column(str, pa.Check.isin(ROWS), coerce=True),
        **dict.fromkeys(["dissimilarity", "inside_area"], _number),
    },
    strict=True,
    unique=["protocol", "fold", "station", "date", "learned", "rows"],
)

_protocol = {"protocol": _text, "flatters": pa.Column(bool, coerce=True), "size": _count}
_key = {"model": _text, "scenario": pa.Column(str, pa.Check.isin(SCENARIOS), coerce=True), "layer": _text}

METRICS_TABLE = pa.DataFrameSchema(
    {**_protocol, "draw": _number_from_1, **_key, "station": _station, "n": _count, **dict.fromkeys(METRICS, _number)},
    strict=True,
)

SUMMARY = pa.DataFrameSchema(
    {
        **_protocol,
        **_key,
        "metric": pa.Column(str, pa.Check.isin(METRICS), coerce=True),
        "stations": _count,
        "n": _count,
        **_with_limits("median", "mean"),
        "pooled": _number,
    },
    strict=True,
)

# One row a (protocol, size, layer, system, rival, metric, statistic): the statistic over the stations that both have of
# the error of either, and of its difference (the system's - the rival's); n rows of either are scored there. unequal:
# in what the two did not answer the same question, "" where they did.
PAIRED = pa.DataFrameSchema(
    {
        **_protocol,
        **_key,
        "rows": pa.Column(str, pa.Check.isin(ROWS), coerce=True),
        "rival_model": _text,
        "rival_scenario": pa.Column(str, pa.Check.isin(SCENARIOS), coerce=True),
        "rival_rows": pa.Column(str, pa.Check.isin(ROWS), coerce=True),
        "n": _count,
        "rival_n": _count,
        "metric": pa.Column(str, pa.Check.isin(METRICS), coerce=True),
        "statistic": pa.Column(str, pa.Check.isin(["mean", "median"]), coerce=True),
        "stations": _count,
        "lower": _count,
        **dict.fromkeys(["ours", "theirs"], _number),
        **_with_limits("difference"),
        "verdict": _text,
        "unequal": pa.Column(str, coerce=True, nullable=True),
    },
    strict=True,
)

# One row a (protocol, size, system, layer, level, season), and of all seasons inside and outside the area of
# applicability: the share of observations within the intervals, mean over stations, at the worst station, the share of
# stations where it is below 80 %; width, crps and the error of the prediction (rmse) in m3 m-3.
COVERAGE = pa.DataFrameSchema(
    {
        **_protocol,
        **_key,
        "level": pa.Column(float, pa.Check.in_range(0, 1), coerce=True),
        "season": pa.Column(str, pa.Check.isin(["all", "DJF", "MAM", "JJA", "SON"]), coerce=True),
        "area": pa.Column(str, pa.Check.isin(["all", "inside", "outside"]), coerce=True),
        "stations": _count,
        "n": _count,
        **_with_limits("coverage"),
        "worst": _number,
        **_with_limits("under_80", "width", "crps", "rmse"),
    },
    strict=True,
)

# One row a (fold, station, layer, system): the weight of the system in a stacked level, and from how many stations.
LEVEL_WEIGHTS = pa.DataFrameSchema(
    {
        "fold": _number_from_1,
        "station": _text,
        "layer": _text,
        "system": _text,
        "weight": pa.Column(float, pa.Check.in_range(0, 1), coerce=True),
        "stations": _count,
    },
    strict=True,
)

# One row a (system, layer, way of choosing, number of days): median over stations of the error where so many days of
# the station were known; difference to none. level_sd: what the model says of the error that is left of the level.
ADAPTATION = pa.DataFrameSchema(
    {
        **_protocol,
        **_key,
        "chosen": pa.Column(str, pa.Check.isin(["random", "first"]), coerce=True),
        "days": _count,
        "stations": _count,
        **_with_limits("rmse", "bias"),
        "level_sd": _number,
        "lower": _count,
        **_with_limits("difference"),
        "verdict": pa.Column(str, coerce=True, nullable=True),
    },
    strict=True,
)

# One row a layer: what the held-out residuals of the mapped model say of the error of its level (m3 m-3 squared, days,
# km). range_km is NaN where there is none; ratio: twice the logarithm of the likelihood ratio of one against none.
LEVEL_FIELDS = pa.DataFrameSchema(
    {
        "layer": pa.Column(str, coerce=True, unique=True),
        "stations": _count,
        **dict.fromkeys(["between", "within", "share", "length"], pa.Column(float, coerce=True)),
        **dict.fromkeys(["range_km", "ratio"], _number),
    },
    strict=True,
)

# One row a (pixel, day, layer) that a user has measured: the pixel's centre (degrees) and what the mapped model says of
# it, m3 m-3.
MEASURED = pa.DataFrameSchema(
    {
        "name": _text,
        "date": _date,
        "layer": _text,
        **dict.fromkeys(["measured", "latitude", "longitude", "predicted"], pa.Column(float, coerce=True)),
    },
    strict=True,
)

# One row a finding of the leakage audit. A table is written only where none failed.
AUDIT = pa.DataFrameSchema(
    {
        "check": _text,
        "result": pa.Column(str, pa.Check.isin(["failed", "warning", "note", "passed"]), coerce=True),
        "detail": _text,
    },
    strict=True,
)

# One row a layer: what is known of the error of the mapped model where no probe is; m3 m-3, millimetres over the layer.
ACCURACY = pa.DataFrameSchema(
    {
        "layer": pa.Column(str, coerce=True, unique=True),
        "protocol": _text,
        "model": _text,
        "scenario": pa.Column(str, pa.Check.isin(SCENARIOS), coerce=True),
        "stations": _count,
        "rmse": _number,
        "millimetres": _number,
        "rival_model": _text,
        "rival_scenario": _text,
        "rival_rmse": _number,
        **_with_limits("difference"),
        "verdict": _text,
        "text": _text,
    },
    strict=True,
)

# One row a band of the maps: limits of its colours on all days, in its units, and where they come from.
SCALES = pa.DataFrameSchema(
    {
        "band": pa.Column(str, coerce=True, unique=True),
        "layer": _text,
        "statistic": pa.Column(str, pa.Check.isin(STATISTICS), coerce=True),
        "low": pa.Column(float, coerce=True),
        "high": pa.Column(float, coerce=True),
        "origin": pa.Column(str, pa.Check.isin(["config", "probes", "assumed"]), coerce=True),
    },
    strict=True,
)

# One row a (layer, level of confidence): the interval of the mapped model at a place without a probe, mean +-
# half_width, m3 m-3, by the held-out residuals of so many stations; none where they are too few.
HALF_WIDTHS = pa.DataFrameSchema(
    {
        "protocol": _text,
        "model": _text,
        "scenario": _text,
        "layer": _text,
        "level": pa.Column(float, pa.Check.in_range(0, 1, include_min=False, include_max=False), coerce=True),
        "half_width": _number,
        "dissimilarity_to": pa.Column(float, pa.Check.gt(0), coerce=True),
        "stations": _count,
    },
    strict=True,
    unique=["layer", "level", "dissimilarity_to"],
)

# One row a (layer, group, value): a map against a known truth; m3 m-3 but for r, ccc and shares. n pixels are scored,
# masked ones are not, because the map has no value outside the range of the training data. within_ and width_ are of
# the map's intervals; members_90 is the share within the normal 90 % interval of the members' spread.
MAP_SCORES = pa.DataFrameSchema(
    {
        "layer": _text,
        "group": pa.Column(str, pa.Check.isin(["all", "landcover", "range", "area"]), coerce=True),
        "value": _text,
        "n": _count,
        "masked": _count,
        **dict.fromkeys([*METRICS, "std_mean", "members_90", *INTERVALS], _number),
    },
    strict=True,
    unique=["layer", "group", "value"],
)
