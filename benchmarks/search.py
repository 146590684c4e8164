"""Times of the search layers, and of copying the bytes that they must read and write."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks.finished_run import FinishedRun
from benchmarks.timing import paired_medians
from lifelong.data.keys import CANDIDATE_CATEGORY, CANDIDATE_ITEM, HISTORY_CATEGORY, HISTORY_ITEM
from lifelong.experiments.ranking_time import real_request
from lifelong.models.config import ModelConfig
from lifelong.models.history import split_history
from lifelong.models.layers import (
    ExactSearchUnit,
    HammingSearch,
    HardSearch,
    InnerProductSearch,
    NeighborSearch,
    SearchedEvents,
)
from lifelong.models.layers.searched_events import best_events
from lifelong.models.unknown_items import UnknownItems

CANDIDATES, LONG_LENGTH, SEARCHED_EVENTS = 200, 1_024, 48
WORDS = (1, 2, 4)
DIM, NEIGHBORS = 32, 128

Search = Callable[..., SearchedEvents]


def measure_searches(workdir: str = "workdir", rounds: int = 200) -> list[str]:
    """Searches the long history of one real request, with random vectors of its items.

    Args:
        workdir: Folder of the run whose records are used.
        rounds: Counted searches of each layer.
    """
    lines = [
        f"search: B = 1, N = {CANDIDATES}, L = {LONG_LENGTH:,}, K = {SEARCHED_EVENTS}; the ids of "
        "a real request, random vectors"
    ]
    actions: dict[str, Callable[[], object]] = {}
    moved = {}
    for name, (search, inputs) in _searches(workdir).items():
        function = tf.function(search, autograph=False).get_concrete_function(*inputs)
        moved[name] = _bytes([*inputs, *function(*inputs)])
        # A copy reads one half and writes the other.
        source = np.ones(moved[name] // 2, np.uint8)
        actions[name] = functools.partial(_run, function, inputs)
        actions[_copy(name)] = functools.partial(np.copyto, np.empty_like(source), source)
    seconds = paired_medians(actions, rounds, warm_up=10)
    for name, size in moved.items():
        lines.append(
            f"search, {name}: {seconds[name] * 1e3:.2f} ms, "
            f"{seconds[name] / seconds[_copy(name)]:,.0f} times as long as moving the "
            f"{size / 1e3:,.0f} KB of what it reads and returns"
        )
    return lines


def _searches(workdir: str) -> dict[str, tuple[Search, list[tf.Tensor]]]:
    """Returns each search with its arguments, by name."""
    run = FinishedRun.read(workdir, having="Transform")
    short_length = ModelConfig().short_length
    request = real_request(
        run.transformed_files("validation"),
        run.transform_output().transformed_feature_spec(),
        short_length + LONG_LENGTH,
        CANDIDATES,
    )
    spec = run.fresh_spec(ModelConfig())
    batch = {key: tf.constant(value) for key, value in request.items()}
    batch = UnknownItems(spec).look_up(batch)
    _, history = split_history(batch, short_length, LONG_LENGTH)
    candidates, events = batch[CANDIDATE_ITEM], history.values[HISTORY_ITEM]
    rng = np.random.default_rng(0)
    items = spec.used_rows("item")
    vectors = tf.constant(rng.normal(size=[items, DIM]), tf.float32)
    neighbors = tf.constant(rng.integers(0, items, [items, NEIGHBORS]))
    config = ModelConfig()
    event_dim = DIM + config.time_gap_dim
    unit = ExactSearchUnit(config.heads, config.head_dim)
    unit.build([(None, None, DIM), (None, None, None, event_dim)])

    def twin(query: tf.Tensor, events: tf.Tensor, mask: tf.Tensor) -> SearchedEvents:
        return best_events(unit.relevance(query, events), mask, SEARCHED_EVENTS)

    searches: dict[str, tuple[Search, list[tf.Tensor]]] = {}
    for words in WORDS:
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        table = tf.constant(rng.integers(low, high, [items, words]))
        searches[f"HammingSearch W = {words}"] = (
            HammingSearch(SEARCHED_EVENTS),
            [tf.gather(table, candidates), tf.gather(table, events)],
        )
    searches |= {
        "HardSearch": (
            HardSearch(SEARCHED_EVENTS),
            [batch[CANDIDATE_CATEGORY], history.values[HISTORY_CATEGORY]],
        ),
        f"InnerProductSearch D = {DIM}": (
            InnerProductSearch(SEARCHED_EVENTS),
            [tf.gather(vectors, candidates), tf.gather(vectors, events)],
        ),
        f"NeighborSearch M = {NEIGHBORS}": (
            NeighborSearch(SEARCHED_EVENTS),
            [tf.gather(neighbors, candidates), events],
        ),
        f"TWIN D = {event_dim}": (
            twin,
            [
                tf.gather(vectors, candidates),
                tf.constant(rng.normal(size=[1, LONG_LENGTH, event_dim]), tf.float32),
            ],
        ),
    }
    return {name: (search, [*inputs, history.mask]) for name, (search, inputs) in searches.items()}


def _run(function: Search, inputs: Sequence[tf.Tensor]) -> None:
    function(*inputs).position.numpy()


def _copy(name: str) -> str:
    return f"copy, {name}"


def _bytes(tensors: Sequence[tf.Tensor]) -> int:
    return sum(tensor.dtype.size * tensor.shape.num_elements() for tensor in tensors)
