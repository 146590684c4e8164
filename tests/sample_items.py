"""An item table of the sample records' items, and models that look its features up."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_transform as tft

from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.item_values import add_item_values
from lifelong.data.columns import Columns
from lifelong.data.features import Feature
from lifelong.data.item_table import items_path, write_items
from lifelong.models.config import TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.item_features import ItemSource
from lifelong.models.training import begin, make_spec
from lifelong.models.vocabulary_files import write_statistics
from tests.sample_models import RECORDS, small_config

BRAND = Feature("brand", "item")
PRICE = Feature("price", "item", "numeric")
IMAGE = Feature("image", "item", "vector", size=6)
FEATURES = (BRAND, PRICE, IMAGE)
# Below what the records' lists of items hold, so that the table lacks some.
_LARGEST_ITEM = 60


def item_table() -> Columns:
    """Returns a table of most items of the records, and of one that no record has."""
    rng = np.random.default_rng(5)
    seen = {int(i) for r in RECORDS for key in ("history_item", "candidate_item") for i in r[key]}
    items = np.array(sorted({item for item in seen if item < _LARGEST_ITEM} | {2**62}))
    return {
        "item": items,
        "item_brand": rng.integers(100, 104, len(items)),
        "item_price": rng.normal(5, 2, len(items)).astype(np.float32),
        "item_image": rng.normal(0, 3, (len(items), IMAGE.size)).astype(np.float32),
    }


def write_source(
    folder: Path,
    table: Columns,
    features: tuple[Feature, ...],
    previous: ItemSource | None = None,
) -> ItemSource:
    """Writes a table and the vocabularies of its values, which continue those of an earlier one."""
    source = ItemSource(str(folder / "table"), str(folder / "vocabularies"))
    for path in source:
        Path(path).mkdir(parents=True)
    write_items(table, items_path(source.table))
    write_statistics(source.vocabularies, {})
    config = VocabularyConfig(item_features=features)
    add_item_values(
        config, source.table, source.vocabularies, previous.vocabularies if previous else None
    )
    return source


def model_with_items(
    long_term: str,
    transform_output: tft.TFTransformOutput,
    source: ItemSource,
    features: tuple[Feature, ...] = FEATURES,
    **changes: Any,
) -> CTRModel:
    """Returns a small model with an item table, whose random weights make scores differ."""
    config = {
        "model": dataclasses.asdict(small_config(long_term, **changes)),
        "features": [],
        "item_features": [dataclasses.asdict(feature) for feature in features],
        "item_table": source.table,
        "vocabularies": source.vocabularies,
    }
    spec = make_spec(config, transform_output)
    model = begin(spec, TrainingConfig(), transform_output, source)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    # Scores near 0 and 1 would hide differences.
    last = model.head.logit
    last.set_weights([last.kernel * 0.1, last.bias * 0])
    return model
