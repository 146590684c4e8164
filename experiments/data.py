"""The records of all experiments in a working folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import tensorflow_transform as tft

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.features import Feature
from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.export import ServingSignatures, newest_statistics
from lifelong.models.item_features import ItemSource
from lifelong.models.training import make_spec


@dataclasses.dataclass(frozen=True)
class ExperimentData:
    """Where the records lie that every experiment reads.

    Attributes:
        examples: Raw per-user records, of all splits.
        transformed_examples: Transformed records, of the training and validation splits.
        transform_graph: Transform's graph.
        features: Extra features of the records.
        item_features: Features of the item table.
        item_table: The item table; empty if no model reads one.
        vocabularies: The vocabularies, of item features too; empty likewise.
        day_statistics: Counts of items and categories by day; empty if no model reads them.
    """

    examples: str
    transformed_examples: str
    transform_graph: str
    features: tuple[Feature, ...]
    item_features: tuple[Feature, ...] = ()
    item_table: str = ""
    vocabularies: str = ""
    day_statistics: str = ""

    @classmethod
    def of(cls, config: IngestConfig, outputs: Mapping[tuple[str, str], str]) -> ExperimentData:
        """Returns the records that the data components of a run have made.

        Args:
            config: What they were made of.
            outputs: URI by (component, output key).
        """
        has_items = bool(config.item_features)
        return cls(
            examples=outputs["BehaviorExampleGen", "examples"],
            transformed_examples=outputs["Transform", "transformed_examples"],
            transform_graph=outputs["Transform", "transform_graph"],
            features=config.all_features,
            item_features=config.item_features,
            item_table=outputs["ItemTableBuilder", "item_table"] if has_items else "",
            vocabularies=outputs["VocabularyBuilder", "vocabularies"] if has_items else "",
            day_statistics=outputs["DayStatisticsBuilder", "day_statistics"],
        )

    @property
    def items(self) -> ItemSource | None:
        """Where features of items come from; None if there are none."""
        return ItemSource(self.item_table, self.vocabularies) if self.item_features else None

    def raw_files(self, split: str) -> list[str]:
        """Returns the file patterns of a split's raw records."""
        return [f"{self.examples}/Split-{split}/*"]

    def transformed_files(self, split: str) -> list[str]:
        """Returns the file patterns of a split's transformed records."""
        return [f"{self.transformed_examples}/Split-{split}/*"]

    def spec(self, model: ModelConfig) -> ModelSpec:
        """Returns what a model of an architecture is built from on these records."""
        return make_spec(
            {
                "model": dataclasses.asdict(model),
                "features": [dataclasses.asdict(feature) for feature in self.features],
                "item_features": [dataclasses.asdict(feature) for feature in self.item_features],
                "item_table": self.item_table,
                "vocabularies": self.vocabularies,
            },
            self.transform_output(),
        )

    def signatures(self, model: CTRModel) -> ServingSignatures:
        """Returns the signatures that a model would be served with."""
        statistics = newest_statistics(model, self.day_statistics)
        return ServingSignatures(model, self.transform_output(), statistics=statistics)

    def transform_output(self) -> tft.TFTransformOutput:
        """Loads Transform's output."""
        return tft.TFTransformOutput(self.transform_graph)
