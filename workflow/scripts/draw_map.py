"""Draw a map as a picture, and write what QGIS and GDAL read beside the map: styles, and how far off the map is."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.atomic import write_text
from loam.io.schemas import ACCURACY, SCALES
from loam.io.tables import read_parquet, read_table
from loam.mapping.contents import TITLE
from loam.mapping.picture import MOISTURE, draw_map
from loam.mapping.qgis import classes_style, ramp_style
from loam.mapping.sidecar import sidecar
from loam.mapping.station_markers import readings_of_day
from loam.mapping.trust import CLASSES, TRUST_CLASSES


def stage(paths: Paths, values: Values) -> None:
    accuracy = read_table(paths["accuracy"], ACCURACY)
    scales = read_table(paths["scales"], SCALES)
    limits = {row.band: (row.low, row.high) for row in scales.itertuples()}
    title = f"{values['run']}, {values['date']}"
    told = accuracy["text"].tolist()
    layers = [layer["name"] for layer in values["layers"]]
    samples = read_parquet(paths["target"], ["station", "date", "latitude", "longitude", *layers])
    readings = readings_of_day(samples, values["date"], layers)
    zoom = values["mapping"]["zoom"]
    draw_map(paths["map"], paths["trust"], paths["picture"], values["layers"], title, limits, readings, told, zoom)
    tags = {"accuracy": " ".join(told), "TIFFTAG_IMAGEDESCRIPTION": f"{TITLE}. {' '.join(told)}"}
    tags |= {f"accuracy_{row.layer}": row.text for row in accuracy.itertuples()}
    write_text(sidecar(tags), paths["map_tags"])
    write_text(sidecar({}, CLASSES, TRUST_CLASSES), paths["trust_tags"])
    write_text(ramp_style(1, (scales["low"][0], scales["high"][0]), MOISTURE, "m3 m-3"), paths["map_style"])
    write_text(classes_style(2, TRUST_CLASSES), paths["trust_style"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
