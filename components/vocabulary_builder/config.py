"""What vocabularies hold; importable without Beam, TFX or TensorFlow."""

from __future__ import annotations

import dataclasses

from lifelong.data.config_json import JsonConfig
from lifelong.data.features import Feature


@dataclasses.dataclass(frozen=True)
class VocabularyConfig(JsonConfig):
    """Everything that decides which ids have rows of their own.

    Attributes:
        features: Extra features; the categorical ones have vocabularies.
        min_count: Items and categories with fewer events are unknown.
        min_user_count: Users with fewer requests are unknown.
        candidates_are_logged: Whether candidates count as events do. Sampled negatives must not, they
            would inflate frequencies.
        item_features: Those of the item table; their values are counted there.
    """

    features: tuple[Feature, ...] = ()
    min_count: int = 5
    min_user_count: int = 1
    candidates_are_logged: bool = False
    item_features: tuple[Feature, ...] = ()

    @property
    def all_features(self) -> tuple[Feature, ...]:
        """Those of records, then those of the item table."""
        return (*self.features, *self.item_features)

    def least_count(self, vocabulary: str) -> int:
        """Returns from how many occurrences on an id is known."""
        least = {"item": self.min_count, "category": self.min_count, "user": self.min_user_count}
        return least.get(vocabulary, 1)
