"""Scores of a model with several tables to search, in one pass, and which events each one finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_ITEM,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    HISTORY_EVENTS,
    HISTORY_ITEM,
    HISTORY_LENGTH,
    STATISTICS,
)
from lifelong.experiments.data import ExperimentData
from lifelong.experiments.staleness.tables import (
    StaleModel,
    index_of_date,
    tables_to_search,
)
from lifelong.models.ctr_model import CTRModel
from lifelong.models.history import split_history
from lifelong.models.layers import SearchedEvents, length_mask
from lifelong.models.reader import request_dataset
from lifelong.models.records import Batch, record_spec
from lifelong.models.scores import CandidateScores
from lifelong.models.trained import load_trained
from lifelong.models.wire import statistics_wire_spec, wire_spec

_SCORED_TOGETHER = 64


@dataclasses.dataclass(frozen=True)
class SearchScores:
    """What a model with several tables to search made of the same C candidates.

    Attributes:
        scores: By search.
        kept: By search, `[C]`: how many of the events that the own search found it found too.
        found: `[C]`, events that the own search found.
        events: `[C]`, events that could be found, L at most.
        new: `[C]` bool, candidates whose item the index of the date does not know.
        new_events: Events of the requests' long histories whose item it does not know.
        all_events: Events of the requests' long histories.
    """

    scores: dict[str, CandidateScores]
    kept: dict[str, np.ndarray]
    found: np.ndarray
    events: np.ndarray
    new: np.ndarray
    new_events: int
    all_events: int


class SearchPass:
    """Scores the eval split, raw ids in, with all searches of a model at a time.

    One traced function serves all weeks: weights and tables are set, not built in.

    Args:
        trained: Folder of the model as trained to the date, which `save_trained` wrote.
        model: Its tables and searches.
        known: `[rows]` bool by vocabulary: what had been seen by that date.
        data: The records.

    Attributes:
        old_tables: The tables of the date, which every later model is searched with, too.
    """

    def __init__(
        self, trained: str, model: StaleModel, known: Mapping[str, np.ndarray], data: ExperimentData
    ) -> None:
        self._kind, self._known, self._data = model, known, data
        self._model: CTRModel = load_trained(trained, data.item_table)
        # Baking adds the tables to them.
        self._weights = list(self._model.weights)
        self._tables = self._model.long_term.bake()
        self.old_tables = index_of_date([table.numpy() for table in self._tables], model, known)
        self._searched = {
            search: [tf.Variable(table) for table in self._tables] for search in model.searches
        }
        self._signatures = data.signatures(self._model)
        # Statistics as the records have them: only tables are stale here.
        self._spec = wire_spec(data.features)
        self._spec |= {key: statistics_wire_spec()[key] for key in STATISTICS}
        self._score = tf.function(self._score_batch, input_signature=[self._spec], autograph=False)

    def score(self, trained: str) -> SearchScores:
        """Scores all eval requests with the weights of a later model.

        Args:
            trained: Folder that `save_trained` wrote, of the same architecture.

        Raises:
            ValueError: If the eval split has no record file.
        """
        self._look_up(trained)
        spec = self._model.spec
        batches = request_dataset(
            self._data.raw_files("eval"),
            record_spec(spec.features),
            spec.model.max_events,
            _SCORED_TOGETHER,
        )
        parts: dict[str, list[np.ndarray]] = {}
        requests = 0
        for batch in batches:
            scored = self._score({key: batch[key] for key in self._spec})
            columns = {key: value.numpy() for key, value in scored.items()}
            columns |= {key: value.numpy() for key, value in _columns(batch).items()}
            columns["request"] += requests
            requests += len(batch["user"])
            for key, values in columns.items():
                parts.setdefault(key, []).append(values)
        return self._joined({key: np.concatenate(values) for key, values in parts.items()})

    def _look_up(self, trained: str) -> None:
        """Sets weights and tables to those of a model."""
        model = load_trained(trained, self._data.item_table)
        for weight, value in zip(self._weights, model.weights, strict=True):
            weight.assign(value)
        own = [table.numpy() for table in model.long_term.bake()]
        for search, variables in self._searched.items():
            values = tables_to_search(search, own, self.old_tables, self._kind)
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _score_batch(self, wire: Batch) -> dict[str, tf.Tensor]:
        """Scores a batch of requests.

        Args:
            wire: Wire tensors of B requests.

        Returns:
            Per candidate: `score_*` and `kept_*` of each search, `found`, `events`, `new`. Per
            request: `all_events`, `new_events`.
        """
        config = self._model.spec.model
        batch = self._signatures.to_rows(wire)
        rows = self._model.look_up(batch)
        _, long = split_history(rows, config.short_length, config.long_length)
        query = self._model.embeddings.candidates(rows)
        # [B, N]
        items = rows[CANDIDATE_ITEM]
        valid = length_mask(rows[CANDIDATE_LENGTH], tf.shape(items)[1])
        is_new = tf.constant(~self._known["item"])
        events = tf.math.count_nonzero(long.mask, axis=1)
        new_events = long.mask & tf.gather(is_new, long.values[HISTORY_ITEM])
        of_request = {
            "all_events": events,
            "new_events": tf.math.count_nonzero(new_events, axis=1),
        }
        of_candidate = {
            "events": tf.broadcast_to(events[:, tf.newaxis], tf.shape(items)),
            "new": tf.gather(is_new, items),
        }
        # The own search comes first.
        own: SearchedEvents | None = None
        for search in self._kind.searches:
            # A function keeps the order of its writes and reads: these are the tables read below.
            for table, values in zip(self._tables, self._searched[search], strict=True):
                table.assign(values)
            found = self._model.long_term.search(rows, query, long)
            own = own or found
            of_candidate[f"score_{search}"] = tf.sigmoid(self._model(batch))
            of_candidate[f"kept_{search}"] = count_common(own, found)
            of_candidate.setdefault("found", tf.math.count_nonzero(own.mask, axis=2))
        return of_request | {
            key: tf.boolean_mask(value, valid) for key, value in of_candidate.items()
        }

    def _joined(self, columns: Mapping[str, np.ndarray]) -> SearchScores:
        searches: Sequence[str] = self._kind.searches
        return SearchScores(
            scores={
                search: CandidateScores(
                    user=columns["user"],
                    request=columns["request"],
                    item=columns["item"],
                    history_events=columns[HISTORY_EVENTS],
                    label=columns["label"],
                    score=columns[f"score_{search}"].astype(np.float64),
                )
                for search in searches
            },
            kept={search: columns[f"kept_{search}"] for search in searches},
            found=columns["found"],
            events=columns["events"],
            new=columns["new"],
            new_events=int(columns["new_events"].sum()),
            all_events=int(columns["all_events"].sum()),
        )


def count_common(own: SearchedEvents, other: SearchedEvents) -> tf.Tensor:
    """Counts the events that two searches of the same history both found, `[B, N]`."""
    same = own.position[..., :, tf.newaxis] == other.position[..., tf.newaxis, :]
    same &= own.mask[..., :, tf.newaxis] & other.mask[..., tf.newaxis, :]
    return tf.math.count_nonzero(same, axis=[2, 3])


def _columns(batch: Batch) -> dict[str, tf.Tensor]:
    """Returns what is known of every candidate of a batch without scoring it."""
    shape = tf.shape(batch[CANDIDATE_ITEM])
    valid = length_mask(batch[CANDIDATE_LENGTH], shape[1])
    of_request = {
        "user": batch["user"],
        # Within the window: no figure here is by history length.
        HISTORY_EVENTS: batch[HISTORY_LENGTH],
        "request": tf.range(tf.cast(shape[0], tf.int64)),
    }
    columns = {
        key: tf.broadcast_to(value[:, tf.newaxis], shape) for key, value in of_request.items()
    }
    columns |= {"item": batch[CANDIDATE_ITEM], "label": batch[CANDIDATE_LABEL]}
    return {key: tf.boolean_mask(value, valid) for key, value in columns.items()}
