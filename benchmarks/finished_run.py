"""What a finished `lifelong run` left: real records and trained weights to measure on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.day_statistics import DayStatistics
from lifelong.data.features import Feature
from lifelong.data.newest_statistics import Newest
from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.reader import request_dataset
from lifelong.models.trained import TRAINED_FOLDER, load_trained, read_spec
from lifelong.models.training import make_spec
from lifelong.pipeline.config import Workdir
from lifelong.pipeline.run_record import read_last_run


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """The newest run in a working folder.

    Attributes:
        outputs: URI by (component, output key).
    """

    outputs: dict[tuple[str, str], str]

    @classmethod
    def read(cls, workdir: str = "workdir", having: str = "Trainer") -> FinishedRun:
        """Finds the newest run that has a component; without one, says that `lifelong run` helps."""
        metadata = Workdir(Path(workdir).resolve()).metadata
        return cls(read_last_run(metadata, having=having).outputs)

    @property
    def spec(self) -> ModelSpec:
        """The trained model's specification; fields that it was written without have defaults."""
        return read_spec(str(self.trained_folder))

    @property
    def trained_folder(self) -> Path:
        """Specification and checkpoint of the trained model."""
        return Path(self.outputs["Trainer", "model"]) / TRAINED_FOLDER

    def model(self) -> CTRModel:
        """Loads the trained model."""
        item_table = self.outputs.get(("ItemTableBuilder", "item_table"), "")
        return load_trained(str(self.trained_folder), item_table)

    def transform_output(self) -> tft.TFTransformOutput:
        """Loads Transform's output."""
        return tft.TFTransformOutput(self.outputs["Transform", "transform_graph"])

    def statistics(self) -> Newest:
        """Reads the newest counts of items and categories."""
        return DayStatistics(self.outputs["DayStatisticsBuilder", "day_statistics"]).newest()

    def fresh_spec(self, model: ModelConfig, features: Sequence[Feature] = ()) -> ModelSpec:
        """Returns what a new model is built from on the run's records."""
        fields = {
            "model": dataclasses.asdict(model),
            "features": [dataclasses.asdict(feature) for feature in features],
        }
        return make_spec(fields, self.transform_output())

    def training_batches(
        self, batch_size: int, config: ModelConfig | None = None
    ) -> tf.data.Dataset:
        """Returns shuffled batches of the training requests, as the Trainer reads them.

        Args:
            batch_size: Requests in a batch.
            config: The architecture that reads them; by default the trained model's.
        """
        config = config or self.spec.model
        return request_dataset(
            self.transformed_files("train"),
            self.transform_output().transformed_feature_spec(),
            config.window,
            batch_size,
            shuffle=True,
            evidence_length=config.evidence_length,
        )

    def transformed_files(self, split: str) -> list[str]:
        """Returns the pattern of a split's transformed records."""
        return [f"{self.outputs['Transform', 'transformed_examples']}/Split-{split}/*"]

    def raw_files(self, split: str) -> list[str]:
        """Returns the pattern of a split's raw records."""
        return [f"{self.outputs['BehaviorExampleGen', 'examples']}/Split-{split}/*"]
