"""Section ``training``: which networks are trained, and how (defaults are those of Widyastuti et al.)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from loam.config.model import Days, EachOnce, Name, Number, Section
from loam.config.refusal import RefusalError
from loam.config.sections.protocols import ProtocolSettings

Model = Literal["mlp", "lstm"]
Scenario = Literal["source", "target", "transfer"]


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


class Dense(Section):
    """Dense layers."""

    hidden: list[Annotated[int, Field(ge=1)]] = Field(
        [128, 64, 32, 16], min_length=1, description="Neurons of the hidden layers."
    )
    frozen: int = Field(3, ge=0, description="So many of the first hidden layers stay as pretrained when fine-tuning.")
    output: Literal["logistic", "linear"] = Field(
        "linear",
        description="What the last layer passes through; predictions outside 0 to 1 m3 m-3 become the bound either "
        "way.",
    )

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if self.frozen > len(self.hidden):
            raise RefusalError(
                f"{self.frozen} frozen layers of {len(self.hidden)}",
                expected=f"a number from 0 to {len(self.hidden)}, the hidden layers",
                key="frozen",
            )
        return self


class Recurrent(Dense):
    """A recurrent layer before the dense ones."""

    units: int = Field(64, ge=1, description="Units a direction.")
    dense: int = Field(100, ge=1, description="Neurons of the dense layer after the LSTM.")


class Training(Section):
    """Which networks are trained, and how."""

    models: Annotated[list[Model], EachOnce] | None = Field(
        None,
        min_length=1,
        description="Networks. Null is `mlp`, and `lstm` where `features.sequence` has variables.",
        examples=[["mlp", "lstm"]],
    )
    scenarios: Annotated[list[Scenario], EachOnce] | None = Field(
        None,
        min_length=1,
        description="Null is all three, or `target` alone where the run has no source domain. `source`: trained on the "
        "source domain only; `target`: on the target's stations only; `transfer`: pretrained on the source, fine-tuned "
        "on the target.",
        examples=[["source", "target", "transfer"]],
    )
    learning_rate: Number = Field(1.0e-4, gt=0, description="Adam's learning rate.")
    batch_size: int = Field(128, ge=2, description="Rows a step.")
    epochs: int = Field(150, ge=1, description="At most so many passes over the training rows.")
    patience: int = Field(5, ge=1, description="Epochs without a better validation loss before training stops.")
    protocols: Annotated[list[Name], EachOnce] = Field(
        ["leave_one_station_out"],
        min_length=1,
        description="Who is held out from whom (docs/explanation/protocols.md). Networks and baselines are trained "
        "once for each; the first is the one whose scores stand first and whose networks make the map.",
    )
    protocol_path: str | None = Field(
        None,
        description="Folder of protocols of your own, one file each (docs/how-to/add-a-protocol.md).",
        examples=["my_protocols"],
    )
    protocol_settings: ProtocolSettings = Field(ProtocolSettings(), description="What each protocol is told, by name.")
    validation: Validation = Field(
        Validation(), description="Which rows of the source domain train the source model, and which validate it."
    )
    scaling: Scaling = Field(
        Scaling(),
        description="Whose training rows give the mean and standard deviation that standardise the inputs.",
    )
    mlp: Dense = Field(Dense(), description="Dense layers on all features at once.")
    lstm: Recurrent = Field(
        Recurrent(),
        description="Bidirectional LSTM on the sequence, a dense layer, then dense layers together with the other "
        "features.",
    )
    device: Literal["cpu", "cuda", "auto"] = Field(
        "cpu", description="Where networks are trained; `auto` takes a GPU if there is one."
    )
