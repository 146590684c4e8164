"""What an item table is made of; importable without Beam, TFX or TensorFlow."""

from __future__ import annotations

import dataclasses

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.config_json import JsonConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import Field, item_fields


@dataclasses.dataclass(frozen=True)
class ItemTableConfig(JsonConfig):
    """Everything that decides what an item table holds, and nothing else.

    Attributes:
        items: The table as it is given.
        features: Features of items.
        max_bad_share: Share of unusable rows above which the component fails.
        shards: Groups of items that are worked on in parallel.
    """

    items: LogConfig
    features: tuple[Feature, ...]
    max_bad_share: float = 0.01
    shards: int = 16

    @classmethod
    def of(cls, ingest: IngestConfig) -> ItemTableConfig | None:
        """Makes the configuration of an ingestion's item table; None if it has none."""
        if ingest.items is None:
            return None
        return cls(ingest.items, ingest.item_features, ingest.max_bad_share)

    @property
    def fields(self) -> list[Field]:
        """What is read of the table."""
        return item_fields(self.items, self.features)
