"""The records of all experiments in a working folder."""

from __future__ import annotations

import dataclasses

import tensorflow_transform as tft

from lifelong.models.features import Feature


@dataclasses.dataclass(frozen=True)
class ExperimentData:
    """Where the records lie that every experiment reads.

    Attributes:
        examples: Raw per-user records, of all splits.
        transformed_examples: Transformed records, of the training and validation splits.
        transform_graph: Transform's graph.
        features: Extra features of the configuration.
    """

    examples: str
    transformed_examples: str
    transform_graph: str
    features: tuple[Feature, ...]

    def raw_files(self, split: str) -> list[str]:
        """Returns the file patterns of a split's raw records."""
        return [f"{self.examples}/Split-{split}/*"]

    def transformed_files(self, split: str) -> list[str]:
        """Returns the file patterns of a split's transformed records."""
        return [f"{self.transformed_examples}/Split-{split}/*"]

    def transform_output(self) -> tft.TFTransformOutput:
        """Loads Transform's output."""
        return tft.TFTransformOutput(self.transform_graph)
