"""Section ``acquire``: which raw data are fetched."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, create_model

from loam.config.days import iso_day
from loam.config.model import AsText, Days, Percent, Section, Words
from loam.variables import kinds

BackEnd = Literal["earthengine", "direct", "local", "sandbox"]


def _today_or_day(text: str) -> str:
    return text if text == "today" else iso_day(text, expected="today, or year-month-day, like 2022-12-31")


class Periods(Section):
    """Days of each domain's samples."""

    source: Days | None = Field(None, description="Of the source domain.")
    target: Days | None = Field(None, description="Of the target domain; days to map lie in it.")


class EarthEngine(Section):
    """Access to Google Earth Engine."""

    project: str | None = Field(
        None,
        description="Google Cloud project that is registered for Earth Engine; needed by the back end earthengine.",
        examples=["my-project"],
    )
    high_volume: bool = Field(False, description="Use the high-volume endpoint.")
    requests: int = Field(8, ge=1, le=40, description="Requests that one job has under way at a time.")


class Choice(Section):
    """A dataset and where it comes from."""

    sparse: ClassVar[bool] = True

    dataset: str = Field(description="A dataset of docs/reference/datasets.md.", examples=["era5_land"])
    back_end: BackEnd = Field(
        description="Google Earth Engine, the provider itself, files of your own, or the synthetic world.",
        examples=["direct"],
    )


class Sentinel1Scenes(Section):
    """Which scenes of Sentinel-1, from where."""

    sparse: ClassVar[bool] = True

    dataset: str = Field(description="Dataset.", examples=["sentinel1"])
    back_end: BackEnd = Field(
        description="`direct`: products for the chain of loam itself; `local`: products of your own, SAFE folders or "
        "zips in the folder `acquire.local.sentinel1`; `earthengine`: backscatter as it is kept there; `sandbox`: "
        "products of the synthetic world.",
        examples=["direct"],
    )
    provider: str | None = Field(None, description="Provider of the products.", examples=["cdse"])
    relative_orbits: list[int] | None = Field(
        None, description="Only these relative orbits; all if left out.", examples=[[118, 45]]
    )
    direction: Literal["ascending", "descending"] | None = Field(
        None, description="Only this direction of flight; both if left out.", examples=["descending"]
    )
    polarisations: list[Literal["VV", "VH", "HH", "HV"]] | None = Field(
        None, description="Only scenes with all of these; with VV and VH if left out.", examples=[["VV", "VH"]]
    )
    gridded: bool | None = Field(
        None, description="`sandbox`: backscatter on the run's pixels in place of products.", examples=[True]
    )


class Sentinel2Scenes(Section):
    """Which scenes of Sentinel-2, from where."""

    sparse: ClassVar[bool] = True

    dataset: str = Field(description="Dataset.", examples=["sentinel2"])
    back_end: BackEnd = Field(
        description="Back end; `local`: products of your own, SAFE folders or zips in the folder "
        "`acquire.local.sentinel2`.",
        examples=["direct"],
    )
    catalogue: str | None = Field(
        None,
        description="STAC catalogue of the direct back end, one that docs/reference/datasets.md names.",
        examples=["earth_search"],
    )
    cloud_cover: Percent | None = Field(None, description="Scenes with more cloud, %, are left out.", examples=[60])
    crop: bool | None = Field(
        None, description="Fetch the pixels of the run's grid only instead of whole tiles.", examples=[True]
    )


class _When(Section):
    """Days and access."""

    period: Periods = Field(
        default_factory=Periods,
        description="First and last day of each domain's samples; null where none are fetched. Days before the first "
        "that lags and sums reach back to are fetched too.",
    )
    as_of: Annotated[str, AsText, AfterValidator(_today_or_day), Words("`today` or a day", "today")] = Field(
        "today",
        description="Day on which the data are asked for: `today` (UTC) or a fixed one. A month that is still open on "
        "it is fetched again when it changes; a closed one never is.",
    )
    earthengine: EarthEngine = Field(
        default_factory=EarthEngine,
        description="Access to Google Earth Engine. Credentials are a service account's key file named by the "
        "environment variable EARTHENGINE_SERVICE_ACCOUNT_KEY, or Google's application default credentials.",
    )
    scenes: str = Field(
        "resources/scenes",
        description="Folder of the list of the run's scenes, `<run>.csv`, which `snakemake scenes` writes and people "
        "may edit; `config/scenes` keeps it under version control, as those of the worlds that come with loam.",
    )
    local: dict[str, str] = Field(
        {},
        description="Folder of each dataset that is read from local files (docs/reference/local-files.md).",
        examples=[{"terrain_local": "my_data/dem"}],
    )


_CHOICES: Any = {  # a key for the fields and maps of each kind that variables.yaml declares
    kind.name: (Choice | None, Field(None, description=kind.about, examples=[kind.example]))
    for kind in kinds().values()
    if kind.form != "scenes"
}
_Kinds = create_model("_Kinds", __base__=_When, **_CHOICES)


class Acquire(_Kinds):
    """Raw data to fetch."""

    sentinel1: Sentinel1Scenes | None = Field(
        None, description=kinds()["sentinel1"].about, examples=[kinds()["sentinel1"].example]
    )
    sentinel2: Sentinel2Scenes | None = Field(
        None, description=kinds()["sentinel2"].about, examples=[kinds()["sentinel2"].example]
    )
    compare: list[Choice] = Field(
        [],
        description="Fields to compare the maps with, fetched for the target domain.",
        examples=[[{"dataset": "smap_l4", "back_end": "earthengine"}]],
    )
