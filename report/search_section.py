"""What the search of a served model finds for real requests."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_LENGTH,
    HISTORY_CATEGORY,
    HISTORY_ITEM,
    HISTORY_LENGTH,
    HISTORY_TIMESTAMP,
    REQUEST_TIMESTAMP,
    SEARCH_SIGNATURE,
    SEARCHED_POSITION,
    TRANSFORM_SIGNATURE,
)
from lifelong.data.times import DAY
from lifelong.models.config import ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.history import split_history
from lifelong.models.layers import SearchedEvents
from lifelong.models.reader import serialized_records
from lifelong.models.recall import recall
from lifelong.models.records import Batch, cut_requests, make_pool, record_spec
from lifelong.models.trained_searches import Score, exact_scores
from lifelong.models.vocabulary_files import RAW_IDS
from lifelong.report.charts import bars
from lifelong.report.page import Block, Figure, Paragraph, Section, Table, number, share
from lifelong.report.reported_run import ReportedRun

_REQUESTS, _BATCH = 512, 32
# Users whose requests they are, drawn from among as many records.
_USERS, _MOST_RECORDS = 256, 16_384
# Upper edges of the buckets of time gaps in days; a bucket does not hold its upper edge.
_GAP_DAYS = (1, 3, 7, 14, 28, 56, 91, 182, 365, 730)
GAP_LABELS = (
    *(f"{low}-{high}" for low, high in itertools.pairwise((0, *_GAP_DAYS))),
    f"{_GAP_DAYS[-1]}+",
)


@dataclasses.dataclass
class FoundEvents:
    """Sums over the candidates of some requests, of what was found and of what was searched.

    An event is counted once for each candidate that it was found, or searched, for.

    Attributes:
        requests: Requests.
        candidates: Candidates of requests that have events to search.
        gaps: Events by time gap, found and searched, `[2, buckets]`.
        events: Found and searched events `[2]`.
        same_category: Those of them in the candidate's category `[2]`.
        same_item: Those that are the candidate's own item `[2]`.
        recalls: Sum of the recalls of candidates by exact score.
        chance: Sum of the recalls that as many random events would have.
    """

    requests: int = 0
    candidates: int = 0
    gaps: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((2, len(GAP_LABELS))))
    events: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))
    same_category: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))
    same_item: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))
    recalls: dict[str, float] = dataclasses.field(default_factory=dict)
    chance: float = 0.0

    def add(
        self, batch: Mapping[str, np.ndarray], position: np.ndarray, short: int, long: int
    ) -> None:
        """Adds what a search found for a batch of requests.

        Args:
            batch: Requests by wire key, as numbers.
            position: `[B, N, K]`, places of found events in the history, -1 for none.
            short: S, newest events, which are not searched.
            long: L, events before those, which are.
        """
        candidates = _mask(batch[CANDIDATE_LENGTH], position.shape[1])
        end = np.minimum(batch[HISTORY_LENGTH], short + long)
        places = np.arange(batch[HISTORY_ITEM].shape[1])
        # [B, T]
        searched = (places >= short) & (places < end[:, np.newaxis])
        candidates &= searched.any(axis=1)[:, np.newaxis]
        # [B, N, T]: what was searched for each candidate; [B, N, K]: what was found for it.
        of_candidates = candidates[:, :, np.newaxis] & searched[:, np.newaxis, :]
        found = candidates[:, :, np.newaxis] & (position >= 0)
        row = np.arange(len(position))[:, np.newaxis, np.newaxis]
        self.requests += len(position)
        self.candidates += int(candidates.sum())
        gap = batch[REQUEST_TIMESTAMP][:, np.newaxis] - batch[HISTORY_TIMESTAMP]
        for which, (mask, pick) in enumerate(
            (
                (found, lambda values: values[row, np.maximum(position, 0)]),
                (of_candidates, lambda values: values[:, np.newaxis, :]),
            )
        ):
            self.events[which] += mask.sum()
            self.gaps[which] += gap_counts(np.broadcast_to(pick(gap), mask.shape)[mask])
            for total, of_event, of_candidate in (
                (self.same_category, HISTORY_CATEGORY, CANDIDATE_CATEGORY),
                (self.same_item, HISTORY_ITEM, CANDIDATE_ITEM),
            ):
                same = pick(batch[of_event]) == batch[of_candidate][:, :, np.newaxis]
                total[which] += (same & mask).sum()

    def add_recall(
        self,
        found: SearchedEvents,
        scores: Mapping[str, np.ndarray],
        history_mask: np.ndarray,
        candidates: np.ndarray,
    ) -> None:
        """Adds how much of what exact searches find was found.

        Args:
            found: Events, `[B, N, K]`, positions in the long part.
            scores: Exact scores by name, `[B, N, L]`.
            history_mask: Events of the long part, `[B, L]`.
            candidates: Which candidates there are, `[B, N]`.
        """
        k = found.position.shape[2]
        valid = candidates & history_mask.any(axis=1)[:, np.newaxis]
        for name, score in scores.items():
            shares = recall(found, score, history_mask, k)[valid]
            self.recalls[name] = self.recalls.get(name, 0.0) + float(shares.sum())
        events = np.broadcast_to(history_mask.sum(axis=1)[:, np.newaxis], valid.shape)[valid]
        self.chance += float(np.sum(np.minimum(k, events) / events))


def gap_counts(gaps: np.ndarray) -> np.ndarray:
    """Counts time gaps by bucket.

    Args:
        gaps: Seconds from events to their requests, of any shape.

    Returns:
        int64, one for each of `GAP_LABELS`.
    """
    bucket = np.searchsorted(np.asarray(_GAP_DAYS) * DAY, np.ravel(gaps), side="right")
    return np.bincount(bucket, minlength=len(GAP_LABELS))


def measure_search(
    run: ReportedRun, served: Any, model: CTRModel, requests: int = _REQUESTS
) -> FoundEvents:
    """Sends requests of the eval split to the `search` signature.

    Args:
        run: The run.
        served: The SavedModel that is served, loaded.
        model: The same model as it was trained, whose vectors tell what an exact search finds.
        requests: How many to send, at most, of users that are drawn at random, always the same ones.
    """
    config = model.spec.model
    scores = exact_scores(model)
    search = served.signatures[SEARCH_SIGNATURE]
    inputs = search.structured_input_signature[1].keys()
    sums = FoundEvents()
    records = draw_records(run.records("eval"))
    for batch in _draw_requests(records, model.spec, requests):
        wire = {key: batch[key] for key in inputs}
        position = search(**wire)[SEARCHED_POSITION].numpy()
        numbers = {key: value.numpy() for key, value in wire.items()}
        sums.add(numbers, position, config.short_length, config.long_length)
        if scores and position.shape[2]:
            _add_recall(sums, served, model, scores, wire, position)
    return sums


def draw_records(files: Sequence[str], count: int = _USERS, seed: int = 0) -> list[bytes]:
    """Draws records at random, each with the same chance, always the same ones.

    Args:
        files: File patterns of raw records (gzip).
        count: How many, at most.
        seed: Of the drawing.
    """
    random = np.random.default_rng(seed)
    drawn: list[bytes] = []
    for earlier, record in enumerate(serialized_records(files).take(_MOST_RECORDS)):
        place = earlier if earlier < count else int(random.integers(earlier + 1))
        if place < count:
            # Below `count` with the chance of `count / (earlier + 1)`.
            drawn[place : place + 1] = [record.numpy()]
    return drawn


def _draw_requests(records: Sequence[bytes], spec: ModelSpec, requests: int) -> Iterator[Batch]:
    parsed = tf.io.parse_example(tf.constant(records), record_spec(spec.features))
    pool = make_pool(parsed)
    of_pool = np.arange(int(tf.size(pool["record_of_request"])))
    drawn = np.random.default_rng(0).permutation(of_pool)[:requests]
    for start in range(0, len(drawn), _BATCH):
        yield cut_requests(pool, tf.constant(drawn[start : start + _BATCH]), spec.model.max_events)


def _add_recall(
    sums: FoundEvents,
    served: Any,
    model: CTRModel,
    scores: Mapping[str, Score],
    wire: Mapping[str, tf.Tensor],
    position: np.ndarray,
) -> None:
    config = model.spec.model
    rows = dict(wire) | dict(served.signatures[TRANSFORM_SIGNATURE](**wire))
    if model.embeddings.item_features is not None:
        rows |= {raw: wire[key] for raw, key in RAW_IDS.items()}
        rows = model.embeddings.item_features.add_entries(rows)
    _, history = split_history(rows, config.short_length, config.long_length)
    mask = position >= 0
    found = SearchedEvents(
        np.where(mask, position - config.short_length, 0), mask, np.zeros(mask.shape, np.float32)
    )
    candidates = _mask(rows[CANDIDATE_LENGTH].numpy(), position.shape[1])
    exact = {name: score(rows, history).numpy() for name, score in scores.items()}
    sums.add_recall(found, exact, history.mask.numpy(), candidates)


def search_section(run: ReportedRun, served: Any, model: CTRModel) -> Section:
    """Returns what the search finds; see `measure_search`."""
    title, name = "What the search finds", run.config.model.long_term
    if SEARCH_SIGNATURE not in served.signatures:
        text = f"A model with the long-term part {name} reads the long history without a search."
        return Section("search", title, [Paragraph(text)])
    sums = measure_search(run, served, model)
    config = model.spec.model
    if not sums.candidates:
        text = (
            f"None of {sums.requests:,} eval requests has more than {config.short_length} events, so "
            "that there is nothing to search."
        )
        return Section("search", title, [Paragraph(text)])
    blocks: list[Block] = [
        Paragraph(
            f"{sums.requests:,} requests of the eval split, drawn by user, were sent to the model as it "
            f"is served. {sums.candidates:,} of their candidates have a long part to search: on average "
            f"{sums.events[1] / sums.candidates:,.0f} events, of which {name} finds "
            f"{sums.events[0] / sums.candidates:.1f} (K = {config.searched_events}, "
            f"L = {config.long_length:,})."
        ),
        Figure(
            "Time from found events to the request",
            "Share of found events by age, beside that of all events of the long part. Were found events "
            "no older and no younger than the rest, the bars would be equally high.",
            bars(
                _gap_rows(sums.gaps), ("gap", "age in days"), ("share", "share of events"), "events"
            ),
        ),
        Table(
            "What is found, and what there is to find",
            ("events", "in the candidate's category", "the candidate's own item"),
            [
                (label, share(sums.same_category[row] / total), share(sums.same_item[row] / total))
                for row, label in enumerate(("found", "all of the long part"))
                if (total := sums.events[row])
            ],
        ),
    ]
    blocks += _recalls(sums, config.searched_events, name)
    return Section("search", title, blocks)


def _gap_rows(gaps: np.ndarray) -> list[dict[str, object]]:
    last = int(np.flatnonzero(gaps.sum(axis=0)).max(initial=0)) + 1
    return [
        {"gap": label, "events": name, "share": float(count / max(counts.sum(), 1))}
        for name, counts in zip(("found", "all"), gaps, strict=True)
        for label, count in zip(GAP_LABELS[:last], counts[:last], strict=True)
    ]


def _recalls(sums: FoundEvents, k: int, name: str) -> list[Block]:
    if not sums.recalls:
        return [Paragraph(f"The search of {name} is exact as it is served: it misses nothing.")]
    rows = [
        (f"best by {score}", number(total / sums.candidates, 3))
        for score, total in sums.recalls.items()
    ]
    rows.append(("the same number drawn at random", number(sums.chance / sums.candidates, 3)))
    text = (
        f"Recall@{k} is the share of the {k} events that an exact search with the model's own vectors would "
        "find, and the served search finds too; 1 is best."
    )
    if "cosine" in sums.recalls:
        text += " SimHash's signatures tell angles, which is the cosine."
    return [
        Paragraph(text),
        Table(f"Recall@{k} against exact search", ("exact search", "recall"), rows),
    ]


def _mask(length: np.ndarray, width: int) -> np.ndarray:
    return np.arange(width) < length[:, np.newaxis]
