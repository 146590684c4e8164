"""Writes a trained model as a SavedModel that stock TensorFlow Serving runs.

Every signature takes raw ids and starts from the request dimension B; one method makes each. The
SavedModel holds only the variables its graphs read, once each and never as constants: no optimizer,
no hashing once baked, no float32 table beside one of another type.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.contract import NO_CONTRACT
from lifelong.data.day_statistics import DayStatistics
from lifelong.data.features import features_of
from lifelong.data.keys import (
    CANDIDATE_ITEM,
    CANDIDATE_LABEL,
    CANDIDATE_LENGTH,
    CANDIDATE_WEIGHT,
    CONTRACT_SIGNATURE,
    EVENTS_BEFORE_RECORD,
    EXPLAIN_GIVEN_SIGNATURE,
    EXPLAIN_SIGNATURE,
    HISTORY,
    HISTORY_CATEGORY,
    HISTORY_EVENTS,
    HISTORY_ITEM,
    HISTORY_TIMESTAMP,
    ITEM_FEATURES,
    RANK_GIVEN_SIGNATURE,
    RANK_SEARCHED_GIVEN_SIGNATURE,
    RANK_SEARCHED_SIGNATURE,
    RANK_SIGNATURE,
    RECORDS,
    RECORDS_SIGNATURE,
    REQUEST_CANDIDATES,
    REQUEST_EVENTS,
    REQUEST_EVIDENCE,
    REQUEST_STATISTICS,
    REQUEST_STATISTICS_TIME,
    REQUEST_TIMESTAMP,
    SCORES,
    SCORES_WITHOUT_LONG_TERM,
    SEARCH_GIVEN_SIGNATURE,
    SEARCH_SIGNATURE,
    SEARCHED,
    SEARCHED_POSITION,
    SEARCHED_RELEVANCE,
    STATISTICS_AGE,
    TRANSFORM_SIGNATURE,
)
from lifelong.data.newest_statistics import Newest
from lifelong.models.calibration import corrected_logits
from lifelong.models.config import ExportConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.evidence import count_evidence, events_of_requests
from lifelong.models.explanation import Explanation, positions_in_history
from lifelong.models.layers import length_mask
from lifelong.models.long_term import SearchedHistory, SimHardLongTerm
from lifelong.models.records import Batch, cut_requests, make_pool, record_spec
from lifelong.models.statistics_table import StatisticsTable
from lifelong.models.vocabulary_files import ID_KEYS, RAW_IDS
from lifelong.models.wire import (
    evidence_wire_spec,
    searched_wire_spec,
    statistics_wire_spec,
    wire_spec,
)

# Requests scored at a time by `score_records`: bounds its memory whatever the number of records.
_SCORED_TOGETHER = 64

# Nothing here needs AutoGraph, which would convert all of tf_keras: ten seconds a process.
_as_it_is = tf.autograph.experimental.do_not_convert


class ServingSignatures:
    """Makes the signatures of a model.

    Args:
        model: A trained model; if its signatures are baked, the exported graphs look them up.
        transform_output: Transform's output, for the vocabularies and statistics.
        jit_compile: Whether XLA compiles the distance of signatures where a client's requests are
            ranked. `score_records` stays as it is: its shapes change from call to call, and each
            would be compiled.
        negative_sampling_rate: Share of all negatives that the records hold; see `ExportConfig`.
        statistics: The newest counts of items and categories; None for a model that reads none.
        explain: Whether there is a signature `explain`.

    Raises:
        ValueError: If XLA is to compile the distance of a model that computes none, or a model that
            reads statistics is given none.
    """

    def __init__(
        self,
        model: CTRModel,
        transform_output: tft.TFTransformOutput,
        jit_compile: bool = False,
        negative_sampling_rate: float = 1.0,
        statistics: Newest | None = None,
        explain: bool = True,
    ) -> None:
        self._model = model
        self._explanation = Explanation(model) if explain else None
        if model.spec.model.statistics and statistics is None:
            raise ValueError(
                "model.statistics is true, but no statistics are given that requests could be told "
                "the counts of items and categories from"
            )
        self._statistics = None
        if statistics is not None and model.spec.model.statistics:
            self._statistics = StatisticsTable(statistics)
        self._negative_sampling_rate = negative_sampling_rate
        self._compiled = model.long_term.signature_search if jit_compile else None
        if jit_compile and self._compiled is None:
            raise ValueError(
                "export.jit_compile is true, but a model with model.long_term "
                f"{model.spec.model.long_term} as it is served computes no distance that XLA could "
                "compile; leave it false (eta and sim_soft served by alsh do)"
            )
        self.transform = transform_output.transform_features_layer()
        features = model.spec.features
        self._per_user = {"user", *(feature.key for feature in features_of(features, "user"))}
        of_events = [feature.key for feature in features_of(features, "event")]
        self._of_events = {HISTORY_ITEM, HISTORY_CATEGORY, HISTORY_TIMESTAMP, *of_events}
        self._transformed = {key for keys in ID_KEYS.values() for key in keys}
        self._transformed |= {feature.key for feature in features}

    def functions(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Returns the concrete function of every signature by name."""
        wire = wire_spec(self._model.spec.features)
        functions = {
            TRANSFORM_SIGNATURE: _concrete(self.transform_features, wire),
            RECORDS_SIGNATURE: _concrete(
                self.score_records, {RECORDS: tf.TensorSpec([None], tf.string, name=RECORDS)}
            ),
            CONTRACT_SIGNATURE: _concrete(self.data_contract, {"user": wire["user"]}),
        }
        if self._compiled is not None:
            self._compiled.jit_compile = True
        try:
            return functions | self._ranking_functions(wire)
        finally:
            if self._compiled is not None:
                self._compiled.jit_compile = False

    def _ranking_functions(
        self, wire: dict[str, tf.TensorSpec]
    ) -> dict[str, tf.types.experimental.ConcreteFunction]:
        statistics = statistics_wire_spec()
        functions = {RANK_SIGNATURE: _concrete(self.rank, wire)}
        if self._statistics is not None:
            functions[RANK_GIVEN_SIGNATURE] = _concrete(self.rank, wire | statistics)
        if isinstance(self._model.long_term, SearchedHistory):
            functions[SEARCH_SIGNATURE] = _concrete(self.search, wire)
            if self._statistics is not None:
                functions[SEARCH_GIVEN_SIGNATURE] = _concrete(self.search, wire | statistics)
        if self._explanation is not None:
            functions[EXPLAIN_SIGNATURE] = _concrete(self.explain, wire)
            if self._statistics is not None:
                functions[EXPLAIN_GIVEN_SIGNATURE] = _concrete(self.explain, wire | statistics)
        if isinstance(self._model.long_term, SimHardLongTerm):
            searched = searched_wire_spec(self._model.spec.features)
            if self._model.spec.model.evidence_length:
                searched |= evidence_wire_spec()
            functions[RANK_SEARCHED_SIGNATURE] = _concrete(self.rank_searched, searched)
            if self._statistics is not None:
                functions[RANK_SEARCHED_GIVEN_SIGNATURE] = _concrete(
                    self.rank_searched, searched | statistics
                )
        return functions

    @_as_it_is
    def rank(self, **wire: tf.Tensor) -> dict[str, tf.Tensor]:
        """`serving_default`: scores `[B, N]`, the probability of a click.

        With `statistics_age` `[B]`, if the model reads statistics: seconds from the day that those of
        the model's table are of to the request; below 0 for a request that is older than they are.
        `given_statistics` is the same for requests that bring statistics.
        """
        return self._answer(self.to_rows(wire))

    @_as_it_is
    def rank_searched(self, **wire: tf.Tensor) -> dict[str, tf.Tensor]:
        """`searched_events`: scores `[B, N]` of requests that were searched in a store.

        `searched_events_given_statistics` is the same for requests that bring statistics.
        """
        # What was found goes through Transform as the history does, under its keys.
        found = {
            HISTORY + key.removeprefix(SEARCHED): value
            for key, value in wire.items()
            if key.startswith(SEARCHED)
        }
        batch = self.to_rows(wire)
        for key, value in self._look_up(found).items():
            batch[SEARCHED + key.removeprefix(HISTORY)] = value
        return self._answer(batch)

    @_as_it_is
    def search(self, **wire: tf.Tensor) -> dict[str, tf.Tensor]:
        """`search`: scores, and the events that the search found, `[B, N, K]`, best first.

        `search_given_statistics` is the same for requests that bring statistics.
        Where fewer than K were found, `searched_position` is -1 and `searched_relevance` 0.
        """
        rows = self.to_rows(wire)
        batch = self._model.look_up(rows)
        _, long = self._model.split_history(batch)
        query = self._model.embeddings.candidates(batch)
        found = self._model.long_term.attended(batch, query, long)
        short_length = self._model.spec.model.short_length
        return {
            **self._answer(rows),
            SEARCHED_POSITION: positions_in_history(found, short_length),
            SEARCHED_RELEVANCE: found.relevance,
        }

    @_as_it_is
    def explain(self, **wire: tf.Tensor) -> dict[str, tf.Tensor]:
        """`explain`: scores, those without the long part, searches side by side, attention, counts.

        See `Explanation`; `explain_given_statistics` is the same for requests that bring statistics.
        """
        assert self._explanation is not None
        rows = self.to_rows(wire)
        explained = self._explanation.explain(rows)
        return {
            **self._with_age(self._probability(explained.pop("logits")), rows),
            SCORES_WITHOUT_LONG_TERM: self._probability(explained.pop("logits_without_long_term")),
            **explained,
        }

    @_as_it_is
    def transform_features(self, **wire: tf.Tensor) -> dict[str, tf.Tensor]:
        """`transform_features`: embedding rows and standardised numbers of a request."""
        rows = self._model.unknown_items.look_up(self._look_up(wire))
        return {key: rows[key] for key in wire}

    @_as_it_is
    def data_contract(self, user: tf.Tensor) -> dict[str, tf.Tensor]:
        """`data_contract`: what a client must know to make requests, the same in every row `[B]`.

        How ids and categories are made, the names of the item features that the model has in a table
        of its own (strings; the latter a JSON list), the S, L and K of the model, the events of its
        evidence window, and the time that the statistics of its table are of, 0 if it has none
        (int64). Features that requests carry are inputs of `serving_default`.
        """
        spec = self._model.spec
        contract = spec.data_contract
        told: dict[str, str | tf.Tensor] = {**(contract.texts() if contract else NO_CONTRACT)}
        told[ITEM_FEATURES] = json.dumps([feature.name for feature in spec.item_features])
        for key in ("short_length", "long_length", "searched_events", "evidence_length"):
            told[key] = tf.constant(getattr(spec.model, key), tf.int64)
        time = self._statistics.time if self._statistics is not None else 0
        told[REQUEST_STATISTICS_TIME] = tf.cast(time, tf.int64)
        return {key: tf.fill(tf.shape(user), value) for key, value in told.items()}

    @_as_it_is
    def score_records(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        """`score_records`: scores of all requests of serialised per-user records.

        Args:
            records: Serialised raw records `[R]`.

        Returns:
            Per candidate `[C]`: `scores`, `candidate_label`, `candidate_item`. Per request `[Q]`:
            `user`, `request_timestamp`, `request_candidates`, `history_events` (all earlier events
            of the user, those ingestion left out too). If negatives were sampled also
            `candidate_weight` `[C]`: how many impressions a candidate stands for.
        """
        config = self._model.spec.model
        pool = make_pool(tf.io.parse_example(records, record_spec(self._model.spec.features)))
        record = pool["record_of_request"]
        count = tf.shape(record, out_type=tf.int64)[0]
        # At least one step, so that no records give empty scores instead of an error.
        steps = tf.maximum((count + _SCORED_TOGETHER - 1) // _SCORED_TOGETHER, 1)
        chunks = tf.TensorArray(
            tf.float32, size=tf.cast(steps, tf.int32), infer_shape=False, element_shape=[None]
        )

        def score(step: tf.Tensor, chunks: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            first = step * _SCORED_TOGETHER
            requests = tf.range(first, tf.minimum(first + _SCORED_TOGETHER, count))
            wire = cut_requests(pool, requests, config.window, config.evidence_length)
            scores = self._scores(self.to_rows(wire))
            valid = length_mask(wire[CANDIDATE_LENGTH], tf.shape(scores)[1])
            return step + 1, chunks.write(tf.cast(step, tf.int32), tf.boolean_mask(scores, valid))

        # One at a time, as memory is bounded by a step.
        start = tf.constant(0, tf.int64)
        _, chunks = tf.while_loop(
            lambda step, _: step < steps, score, (start, chunks), parallel_iterations=1
        )
        outputs = {
            SCORES: chunks.concat(),
            CANDIDATE_LABEL: pool[CANDIDATE_LABEL][:-1],
            CANDIDATE_ITEM: pool[CANDIDATE_ITEM][:-1],
            "user": tf.gather(pool["user"], record),
            REQUEST_TIMESTAMP: pool[REQUEST_TIMESTAMP],
            REQUEST_CANDIDATES: pool[REQUEST_CANDIDATES],
            HISTORY_EVENTS: pool[REQUEST_EVENTS] + tf.gather(pool[EVENTS_BEFORE_RECORD], record),
        }
        if self._negative_sampling_rate < 1:
            weight = 1 / self._negative_sampling_rate
            outputs[CANDIDATE_WEIGHT] = tf.where(outputs[CANDIDATE_LABEL] > 0, 1.0, weight)
        return outputs

    def _answer(self, rows: Batch) -> dict[str, tf.Tensor]:
        """Returns what ranks the candidates of requests, and how old what was counted is."""
        return self._with_age(self._scores(rows), rows)

    def _with_age(self, scores: tf.Tensor, rows: Batch) -> dict[str, tf.Tensor]:
        if self._statistics is None:
            return {SCORES: scores}
        return {
            SCORES: scores,
            STATISTICS_AGE: rows[REQUEST_TIMESTAMP] - rows[REQUEST_STATISTICS_TIME],
        }

    def _scores(self, rows: Batch) -> tf.Tensor:
        """Returns the probability of a click, `[B, N]`."""
        return self._probability(self._model(rows))

    def _probability(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(corrected_logits(logits, self._negative_sampling_rate))

    def to_rows(self, wire: Batch) -> Batch:
        """Returns requests as the model reads them.

        Ids are rows of Transform's, with raw ids beside them; of a history only S + L events are left.
        What has to be counted is there: evidence of the history, and statistics of the model's own
        table, unless the requests bring them.

        Args:
            wire: Tensors of requests, `[B, ...]`.
        """
        config = self._model.spec.model
        batch = {
            key: value[:, : config.window] if key in self._of_events else value
            for key, value in wire.items()
        }
        rows = self._look_up(batch)
        if config.evidence_length and REQUEST_EVIDENCE not in wire:
            rows |= count_evidence(wire, events_of_requests(wire, config.evidence_length))
        if self._statistics is not None and REQUEST_STATISTICS not in wire:
            rows |= self._statistics.look_up(rows)
        return rows

    def _look_up(self, wire: Batch) -> Batch:
        """Applies Transform's graph, which reads ragged lists, to dense tensors `[B, ...]`."""
        raw = {}
        for key in wire:
            if key not in self._transformed:
                continue
            cells = _as_cells(wire[key])
            raw[key] = cells if key in self._per_user else tf.RaggedTensor.from_tensor(cells)
        rows = dict(wire)
        rows |= {raw: wire[key] for raw, key in RAW_IDS.items() if key in wire}
        if self._model.embeddings.item_features is not None:
            rows = self._model.embeddings.item_features.add_entries(rows)
        for key, value in self.transform(raw).items():
            if key in raw:
                flat = value.flat_values if isinstance(value, tf.RaggedTensor) else value
                rows[key] = tf.reshape(flat, tf.shape(wire[key]))
        return rows


def newest_statistics(model: CTRModel, folder: str) -> Newest | None:
    """Reads what a model's own table of statistics is filled with.

    Args:
        model: The model.
        folder: Path or URI of the counts, see `DayStatistics`.

    Returns:
        The newest counts; None for a model that reads no statistics.
    """
    return DayStatistics(folder).newest() if model.spec.model.statistics else None


def export_model(
    model: CTRModel,
    transform_output: tft.TFTransformOutput,
    path: str,
    export: ExportConfig | None = None,
    statistics: Newest | None = None,
) -> None:
    """Writes the SavedModel of a model with all its signatures.

    Args:
        model: A trained model, baked or not; it stays as it is.
        transform_output: Transform's output.
        path: Folder to write.
        export: Types of tables, compilation, calibration; by default as it was trained.
        statistics: The newest counts of items and categories, for a model that reads statistics.

    Raises:
        ValueError: If the weights or the architecture do not allow what `export` chooses, or a model
            that reads statistics is given none.
    """
    export = export or ExportConfig()
    try:
        model.embeddings.serve_as(export.table_type)
        signatures = ServingSignatures(
            model,
            transform_output,
            export.jit_compile,
            export.negative_sampling_rate,
            statistics,
            export.explain,
        )
        functions = signatures.functions()
        root = tf.Module()
        root.transform = signatures.transform
        # Only what the graphs read is saved: variables that nothing reads stay behind.
        read = {
            id(variable): variable for f in functions.values() for variable in f.graph.variables
        }
        root.model_variables = list(read.values())
        tf.saved_model.save(root, path, signatures=functions)
    finally:
        model.embeddings.serve_as("float32")


def _concrete(
    function: Callable[..., dict[str, tf.Tensor]], spec: dict[str, tf.TensorSpec]
) -> tf.types.experimental.ConcreteFunction:
    return tf.function(function).get_concrete_function(**spec)


def _as_cells(value: tf.Tensor) -> tf.Tensor:
    """Returns what a request has as one row: `[B, ...] -> [B, cells]`."""
    if value.shape.rank == 1:
        return value[:, tf.newaxis]
    shape = tf.shape(value)
    return tf.reshape(value, [shape[0], tf.reduce_prod(shape[1:])])
