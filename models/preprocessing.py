"""Transform's `preprocessing_fn`: ids become embedding rows, numbers are standardised.

History and candidates share one vocabulary per kind of id. Unknown ids get the row after those of
the vocabulary; unknown items one of the rows from there on, by the hash of their id, of which the
model makes rows of its tables (`UnknownItems`). Keys keep their names; what is neither id nor
number passes through.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.features import Feature
from lifelong.data.keys import CANDIDATE_CATEGORY, CANDIDATE_ITEM, HISTORY_CATEGORY, HISTORY_ITEM

# What a candidate, an event or a user is identified by, and the keys that hold it.
ID_KEYS: dict[str, tuple[str, ...]] = {
    "item": (HISTORY_ITEM, CANDIDATE_ITEM),
    "category": (HISTORY_CATEGORY, CANDIDATE_CATEGORY),
    "user": ("user",),
}


def vocabulary_names(features: tuple[Feature, ...]) -> list[str]:
    """Returns the names of all vocabularies: those of ids and of categorical features."""
    return [*ID_KEYS, *(feature.key for feature in features if feature.is_categorical)]


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Turns raw ids into embedding rows and standardises numeric features.

    Args:
        inputs: A batch of per-user records, ragged except where a record has one value.
        custom_config: `features` (list of `Feature` fields), `min_count` (of items and categories),
            `item_hashes` (rows of unknown items, `ITEM_HASHES`) and `candidates_are_logged`:
            whether candidates count in the vocabularies. Sampled negatives must not, they would
            inflate frequencies.

    Returns:
        The records under the same keys.
    """
    features = tuple(Feature(**fields) for fields in custom_config["features"])
    outputs = dict(inputs)
    for name, keys in ID_KEYS.items():
        counted = keys if custom_config["candidates_are_logged"] else keys[:1]
        min_count = custom_config["min_count"] if name != "user" else None
        unknown_rows = custom_config["item_hashes"] if name == "item" else 1
        _look_up(outputs, inputs, name, keys, counted, min_count, unknown_rows)
    for feature in features:
        if feature.is_categorical:
            _look_up(outputs, inputs, feature.key, (feature.key,), (feature.key,), min_count=None)
        else:
            outputs[feature.key] = tft.scale_to_z_score(inputs[feature.key])
    return outputs


def _look_up(
    outputs: dict[str, Any],
    inputs: dict[str, Any],
    name: str,
    keys: tuple[str, ...],
    counted: tuple[str, ...],
    min_count: int | None,
    unknown_rows: int = 1,
) -> None:
    """Writes the rows of `keys` to `outputs`, with a vocabulary counted over `counted`."""
    values = [_flat_values(inputs[key]) for key in counted]
    vocabulary = tft.vocabulary(
        tf.concat(values, axis=0),
        frequency_threshold=min_count,
        vocab_filename=name,
    )
    for key in keys:
        outputs[key] = tft.apply_vocabulary(inputs[key], vocabulary, num_oov_buckets=unknown_rows)


def _flat_values(values: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    flat = values.flat_values if isinstance(values, tf.RaggedTensor) else values
    return tf.reshape(flat, [-1])
