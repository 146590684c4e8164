"""What approximate searches find of what exact ones find, on trained weights, and their times."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks.finished_run import FinishedRun
from benchmarks.timing import paired_medians
from benchmarks.trained_models import load_trained_part
from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_ITEM,
    CANDIDATE_LENGTH,
    HISTORY_CATEGORY,
    HISTORY_ITEM,
    HISTORY_LENGTH,
)
from lifelong.experiments.ranking_time import real_request
from lifelong.models.config import ModelSpec
from lifelong.models.history import split_history
from lifelong.models.layers import SearchedEvents, length_mask
from lifelong.models.reader import request_dataset
from lifelong.models.recall import recall
from lifelong.models.records import Batch
from lifelong.models.trained_searches import Search, Searches, eta_searches, soft_searches
from lifelong.models.unknown_items import UnknownItems

BITS = (64, 128, 256)
# Of the inverted index, and how many of them are searched for each candidate
CLUSTERS = ((64, 16), (128, 32), (256, 64))
TIMED_CANDIDATES, TIMED_LENGTH = 200, 1_024
_BATCH = 64
# What a search reads of a request.
_READ = (
    HISTORY_ITEM,
    HISTORY_CATEGORY,
    HISTORY_LENGTH,
    CANDIDATE_ITEM,
    CANDIDATE_CATEGORY,
)


def measure_retrieval(
    workdir: str = "workdir",
    requests: int = 512,
    bits: Sequence[int] = BITS,
    clusters: Sequence[tuple[int, int]] = CLUSTERS,
    rounds: int = 100,
) -> list[str]:
    """Measures the searches of `eta` and of `sim_soft` on requests of the validation split.

    Args:
        workdir: Folder of the runs.
        requests: Requests to search for, at least.
        bits: Bits M of the signatures.
        clusters: Clusters of the inverted index, and how many are searched for each candidate.
        rounds: Counted searches for the times.

    Returns:
        Lines to print. Where there is no trained model to measure, a line says so.
    """
    run = FinishedRun.read(workdir, having="Transform")
    lines = []
    for long_term in ("eta", "sim_soft"):
        try:
            model, folder = load_trained_part(long_term, workdir)
            _check_vocabularies(model.spec, run)
        except (FileNotFoundError, ValueError) as error:
            lines.append(f"retrieval, {long_term}: not measured, {error}")
            continue
        if long_term == "eta":
            searches = eta_searches(model, bits)
        else:
            searches = soft_searches(model, bits, clusters)
        lines.append(f"retrieval, {long_term}: weights of {folder}")
        lines += [
            f"retrieval, {long_term}, {line}"
            for line in _measure(model.spec, searches, run, requests, rounds)
        ]
    return lines


def _check_vocabularies(spec: ModelSpec, run: FinishedRun) -> None:
    sizes = run.fresh_spec(spec.model, spec.features).vocabulary_sizes
    if sizes != spec.vocabulary_sizes:
        raise ValueError(
            f"the model has vocabularies of {spec.vocabulary_sizes}, the records of {sizes}: they "
            f"were made anew; train it again"
        )


def _measure(
    spec: ModelSpec, searches: Searches, run: FinishedRun, requests: int, rounds: int
) -> list[str]:
    config = spec.model
    k = config.searched_events
    recalls, events = _recalls(spec, searches, run, requests)
    chance = np.mean(np.minimum(k, events) / events)
    seconds = _times(spec, searches, run, rounds)
    lines = [
        f"{len(events):,} candidates of validation requests, L = {config.long_length:,}; a random "
        f"choice has recall@{k} {chance:.3f}",
        f"exact search: {seconds['exact'] * 1e3:.2f} ms for {TIMED_CANDIDATES} candidates, "
        f"L = {TIMED_LENGTH:,}",
    ]
    for name, values in recalls.items():
        found = ", ".join(
            f"{value:.3f} by {score}"
            for score, value in zip(searches.scores, values.mean(axis=1), strict=True)
        )
        lines.append(
            f"{name}: recall@{k} {found}; {seconds[name] * 1e3:.2f} ms, "
            f"{seconds[name] / seconds['exact']:.2f} of the exact search's time"
        )
    return lines


def _recalls(
    spec: ModelSpec, searches: Searches, run: FinishedRun, requests: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns the recall of each approximate search `[scores, C]`, and valid events `[C]`.

    C are the candidates of the requests that have long histories.
    """
    config = spec.model
    found: dict[str, list[np.ndarray]] = {name: [] for name in searches.approximate}
    events = []
    batches = request_dataset(
        run.transformed_files("validation"),
        run.transform_output().transformed_feature_spec(),
        config.window,
        _BATCH,
        shuffle=True,
    )
    for batch in batches.map(UnknownItems(spec).look_up):
        _, history = split_history(batch, config.short_length, config.long_length)
        mask = history.mask.numpy()
        # [B, N]
        counts = np.broadcast_to(mask.sum(axis=1)[:, np.newaxis], batch[CANDIDATE_ITEM].shape)
        chosen = length_mask(batch[CANDIDATE_LENGTH], counts.shape[1]).numpy() & (counts > 0)
        events.append(counts[chosen])
        scores = [score(batch, history).numpy() for score in searches.scores.values()]
        for name, search in searches.approximate.items():
            result = search(batch, history)
            found[name].append(
                np.stack(
                    [recall(result, each, mask, config.searched_events)[chosen] for each in scores]
                )
            )
        requests -= len(mask)
        if requests <= 0:
            break
    joined = {name: np.concatenate(values, axis=1) for name, values in found.items()}
    return joined, np.concatenate(events)


def _times(spec: ModelSpec, searches: Searches, run: FinishedRun, rounds: int) -> dict[str, float]:
    """Returns the median seconds of a search for one real request, the exact one as `exact`."""
    short_length = spec.model.short_length
    request = real_request(
        run.transformed_files("validation"),
        run.transform_output().transformed_feature_spec(),
        short_length + TIMED_LENGTH,
        TIMED_CANDIDATES,
    )
    batch = UnknownItems(spec).look_up({key: tf.constant(request[key]) for key in _READ})

    def compiled(search: Search) -> Callable[[], object]:
        def find(batch: Batch) -> SearchedEvents:
            _, history = split_history(batch, short_length, TIMED_LENGTH)
            return search(batch, history)

        # An argument, as constants would be folded.
        function = tf.function(find, autograph=False).get_concrete_function(batch)
        return lambda: function(batch).position.numpy()

    alternatives = {"exact": searches.exact, **searches.approximate}
    return paired_medians(
        {name: compiled(search) for name, search in alternatives.items()}, rounds, warm_up=10
    )
