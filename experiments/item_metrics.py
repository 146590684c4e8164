"""AUC by how well the training data know the candidates' items: what cold items cost."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lifelong.data.keys import HISTORY_ITEM
from lifelong.experiments.data import ExperimentData
from lifelong.experiments.metrics import auc_of
from lifelong.models.reader import serialized_records
from lifelong.models.records import record_spec
from lifelong.models.scores import CandidateScores
from lifelong.models.vocabulary_files import transforms_vocabulary

_RECORDS_TOGETHER = 256
KNOWN, UNKNOWN, UNSEEN = ITEM_GROUPS = ("known", "unknown", "unseen")


@dataclasses.dataclass(frozen=True)
class ItemMetrics:
    """How well one group of candidates was scored.

    Attributes:
        items: `known`: items of the vocabulary; `unknown`: all others; `unseen`: those of the
            unknown ones that no training event has.
        auc: AUC over the candidates of the group; None if their labels are equal.
        candidates: Number of candidates.
        clicked: How many of them were clicked.
    """

    items: str
    auc: float | None
    candidates: int
    clicked: int


class TrainingItems(NamedTuple):
    """Items, by their ids as in the records.

    Attributes:
        vocabulary: `[V]`, those with rows of their own.
        seen: Those of the events in the training records.
    """

    vocabulary: np.ndarray
    seen: np.ndarray


@functools.lru_cache(maxsize=1)
def read_training_items(data: ExperimentData) -> TrainingItems:
    """Reads which items the training data know, once for all trials of a process."""
    vocabulary = transforms_vocabulary(data.transform_output(), "item")
    spec = {HISTORY_ITEM: record_spec(())[HISTORY_ITEM]}
    seen = [np.zeros(0, np.int64)]
    for records in serialized_records(data.raw_files("train")).batch(_RECORDS_TOGETHER):
        items = tf.io.parse_example(records, spec)[HISTORY_ITEM]
        seen.append(np.unique(items.flat_values))
    return TrainingItems(vocabulary.ids, np.unique(np.concatenate(seen)))


def metrics_by_item(scores: CandidateScores, items: TrainingItems) -> tuple[ItemMetrics, ...]:
    """Computes the AUC of known, unknown and unseen items, of groups that have any candidate.

    A group's AUC orders its candidates among themselves: clicked ones of it against others of it.
    """
    known = np.isin(scores.item, items.vocabulary)
    groups = {
        KNOWN: known,
        UNKNOWN: ~known,
        UNSEEN: ~known & ~np.isin(scores.item, items.seen),
    }
    return tuple(_metrics(name, scores, part) for name, part in groups.items() if part.any())


def _metrics(items: str, scores: CandidateScores, part: np.ndarray) -> ItemMetrics:
    label, score = scores.label[part], scores.score[part]
    return ItemMetrics(
        items=items,
        auc=auc_of(label, score),
        candidates=len(label),
        clicked=int(np.sum(label > 0)),
    )
