"""Section ``training``: which networks are trained, and how (defaults are those of Widyastuti et al.)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from loam.config.model import Days, EachOnce, Name, Number, Section
from loam.config.refusal import RefusalError
from loam.config.sections.protocols import ProtocolSettings

Scenario = Literal["source", "target", "transfer", "both"]


class Validation(Section):
    """Which source rows validate."""

    by: Literal["dates", "stations"] = Field("dates", description="Split by date ranges or by a share of the stations.")
    training_dates: Days = Field(
        ["2016-01-01", "2019-12-31"], description="First and last training day, used by `dates`."
    )
    validation_dates: Days = Field(
        ["2020-01-01", "2020-12-31"], description="First and last validation day, used by `dates`."
    )
    station_share: Number = Field(
        0.2, gt=0, lt=1, description="Share of the stations that validates, used by `stations`."
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        first, last = zip(self.training_dates, self.validation_dates, strict=True)
        if self.by == "dates" and max(first) <= min(last):
            raise RefusalError("training and validation dates overlap", fix="rows that validate must not train")
        return self


class Scaling(Section):
    """Whose rows standardise the inputs."""

    target: Literal["source", "fold"] = Field(
        "fold", description="For scenario `target`: the source domain's training rows, or the fold's own."
    )
    transfer: Literal["source", "fold"] = Field(
        "source", description="For scenario `transfer`; the frozen layers were trained with `source`."
    )


class DomainWeights(Section):
    """What a domain counts in scenario ``both``."""

    source: Number = Field(1.0, gt=0, description="Of the source domain's rows in the loss.")
    target: Number = Field(1.0, gt=0, description="Of the target domain's rows in the loss.")


class Training(Section):
    """Which networks are trained, and how; ``<model>``: what is chosen for one of them (``loam.config.models``)."""

    model_config = ConfigDict(extra="allow")

    models: Annotated[list[str], EachOnce] | None = Field(
        None,
        min_length=1,
        description="Networks, by the names of their files; settings of each stand in a section of its name, "
        "`training.<model>` (models.md); a section with `network: mlp` is that network by another name, with choices "
        "of its own. Null is what `recipe` says.",
        examples=[["mlp", "lstm"]],
    )
    recipe: Annotated[list[Literal["paper", "ours"]], EachOnce] = Field(
        ["paper", "ours"],
        min_length=1,
        description="Which models are trained where `models` is null. `paper`: those of Widyastuti et al., word for "
        "word (`mlp`, and `lstm` with a sequence). `ours`: networks fitted within stations, on both domains at once "
        "(`mlp_within`, and `mlp_neighbours`, which also reads the other probes of the day).",
    )
    scenarios: Annotated[list[Scenario], EachOnce] | None = Field(
        None,
        min_length=1,
        description="Of the models that choose none of their own (those of `ours` train on `both`). Null is the first "
        "three, or `target` alone where the run has no source domain. `source`: trained on the source domain only; "
        "`target`: on the target's stations only; `transfer`: pretrained on the source, fine-tuned on the target; "
        "`both`: on the rows of both domains together.",
        examples=[["source", "target", "transfer"]],
    )
    learning_rate: Number = Field(1.0e-4, gt=0, description="The optimiser's learning rate.")
    batch_size: int = Field(128, ge=2, description="Rows a step.")
    epochs: int = Field(150, ge=1, description="At most so many passes over the training rows.")
    patience: int = Field(5, ge=1, description="Epochs without a better validation loss before training stops.")
    protocols: Annotated[list[Name], EachOnce] = Field(
        ["leave_one_station_out"],
        min_length=1,
        description="Who is held out from whom (docs/explanation/protocols.md). Networks and rivals are trained "
        "once for each; the first is the one whose scores stand first and whose networks make the map.",
    )
    protocol_path: str | None = Field(
        None,
        description="Folder of protocols of your own, one file each (docs/how-to/add-a-protocol.md).",
        examples=["my_protocols"],
    )
    protocol_settings: ProtocolSettings = Field(
        default_factory=ProtocolSettings, description="What each protocol is told, by name."
    )
    validation: Validation = Field(
        default_factory=Validation,
        description="Which rows of the source domain train the source model, and which validate it.",
    )
    scaling: Scaling = Field(
        default_factory=Scaling,
        description="Whose training rows give the mean and standard deviation that standardise the inputs.",
    )
    domain_weights: DomainWeights = Field(
        default_factory=DomainWeights, description="What each domain's rows count in the loss of scenario `both`."
    )
    model_path: str | None = Field(
        None,
        description="Folder of models of your own, one file each (docs/how-to/add-a-model.md), before loam's.",
        examples=["my_models"],
    )
    engine: Literal["stacked", "loop"] | None = Field(
        None,
        description="`stacked` trains members side by side, `loop` each by itself in plain PyTorch; both give the "
        "same. Null here and below is what the model's file declares.",
    )
    loss: (
        Literal["concordance", "rmse", "mse", "mae", "huber", "gaussian_nll", "within_station", "within_station_nll"]
        | None
    ) = Field(None, description="What training makes small; `concordance` where a model's file declares none.")
    optimiser: Literal["adam", "adamw", "adadelta"] | None = Field(
        None, description="`adam` where a model's file declares none."
    )
    schedule: Literal["constant", "cosine", "one_cycle", "triangular"] | None = Field(
        None, description="Of the learning rate; `constant` where a model's file declares none."
    )
    stop: Literal["early", "last"] | None = Field(
        None,
        description="Which weights a member ends with: those of the epoch with the least validation loss, or the last; "
        "a model's section can say `{average: 5}`, the mean over the last epochs.",
    )
    clip: Number | None = Field(
        None,
        gt=0,
        description="Greatest norm of a step's gradient; null where a model's file declares none.",
        examples=[1.0],
    )
    device: Literal["cpu", "cuda", "auto"] = Field(
        "cpu", description="Where networks are trained; `auto` takes a GPU if there is one."
    )
