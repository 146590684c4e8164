"""ETA's retrieval and attention against attention over all events, on the same weights."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.compiled_search import nearest_events
from benchmarks.timing import paired_medians
from lifelong.models.layers import ExactSearchUnit, HammingSearch, gather_events
from lifelong.models.layers.searched_events import best_events

DIM, BITS, SEARCHED_EVENTS, HEADS = 64, 128, 48, 4
LENGTHS = (1_024, 4_096, 16_384, 65_536)
CANDIDATES = 200

SWEPT_LENGTHS = (256, 1_024, 4_096, 16_384, 65_536)
SWEPT_CANDIDATES = (1, 10, 50, 200, 1_000)

CALLS_A_TURN = 5

Call = Callable[[], object]


def measure_eta_kernel(rounds: int = 15) -> list[str]:
    """Times `eta` and `full` on one request; vectors and signatures are random.

    Args:
        rounds: Counted turns of each, of several calls.
    """
    lines = [
        f"eta_kernel: B = 1, N = {CANDIDATES}, D = {DIM}, M = {BITS}, K = {SEARCHED_EVENTS}, "
        f"{HEADS} heads; the history, as vectors and signatures, is shared by all candidates"
    ]
    for length in LENGTHS:
        request = _Request(length, CANDIDATES)
        ms = _milliseconds(request.parts(), rounds)
        # By itself: its threads wait busily for some time after their work.
        ms |= _milliseconds({"floor": request.floor()}, rounds)
        full = min(ms["full"], ms["full, mask added"])
        lines += [
            f"eta_kernel, L = {length:,}: full {full:.2f} ms, eta {ms['eta']:.2f} ms: "
            f"{full / ms['eta']:.2f} times as fast (with jit_compile {ms['eta, XLA']:.2f} ms: "
            f"{full / ms['eta, XLA']:.2f}); plain definition {ms['eta, plain']:.2f} ms: "
            f"{full / ms['eta, plain']:.2f}",
            f"eta_kernel, L = {length:,}: search {ms['search']:.2f} ms (jit_compile "
            f"{ms['search, XLA']:.2f}, plain definition {ms['search, plain']:.2f}); compiled by "
            f"numba, each signature read once per candidate, {ms['floor']:.2f} ms: "
            f"{ms['search'] / ms['floor']:.1f} times the floor",
        ]
    return lines


def measure_search_sizes(rounds: int = 7) -> list[str]:
    """Times the search against its plain definition for many sizes.

    Args:
        rounds: Counted turns of each, of several calls.
    """
    lines = []
    for candidates in SWEPT_CANDIDATES:
        told = []
        for length in SWEPT_LENGTHS:
            if candidates * length > 2**25:
                told.append(f"L = {length:,}: not measured")
                continue
            ms = _milliseconds(_Request(length, candidates).searches(), rounds)
            ratio = ms["search, plain"] / ms["search"]
            told.append(f"L = {length:,}: {ms['search']:.2f} ms, {ratio:.1f} times")
        lines.append(
            f"search_sizes, N = {candidates:,}, against the plain definition: {'; '.join(told)}"
        )
    return lines


def _milliseconds(actions: dict[str, Call], rounds: int) -> dict[str, float]:
    """Times calls in turns of several, as what ran before leaves its data in the caches."""

    def turn(action: Call) -> None:
        for _ in range(CALLS_A_TURN):
            action()

    turns = {name: functools.partial(turn, action) for name, action in actions.items()}
    seconds = paired_medians(turns, rounds)
    return {name: value * 1e3 / CALLS_A_TURN for name, value in seconds.items()}


class _Request:
    """One request with random contents, and what is measured on it."""

    def __init__(self, length: int, candidates: int) -> None:
        rng = np.random.default_rng(0)
        words = BITS // 64
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        self._candidate = tf.constant(rng.integers(low, high, [1, candidates, words]))
        self._history = tf.constant(rng.integers(low, high, [1, length, words]))
        self._mask = tf.constant(rng.random([1, length]) < 0.999)
        self._query = tf.constant(rng.normal(size=[1, candidates, DIM]), tf.float32)
        self._events = tf.constant(rng.normal(size=[1, length, DIM]), tf.float32)
        self._unit = ExactSearchUnit(HEADS, DIM // HEADS, value_dim=DIM // HEADS)
        self._unit(self._query, self._events, self._mask)

    def searches(self) -> dict[str, Call]:
        """Returns the search and its plain definition, which must find the same."""
        arguments = (self._candidate, self._history, self._mask)
        found = {
            "search": HammingSearch(SEARCHED_EVENTS, ordered=False),
            "search, plain": _plain_search,
        }
        positions = [np.sort(search(*arguments).position, axis=-1) for search in found.values()]
        np.testing.assert_array_equal(*positions)
        return {
            name: _call(lambda *x, search=search: search(*x).position, *arguments)
            for name, search in found.items()
        }

    def parts(self) -> dict[str, Call]:
        """Returns all that is compared on a request."""
        signatures = (self._candidate, self._history, self._mask)
        vectors = (self._query, self._events)
        compiled = HammingSearch(SEARCHED_EVENTS, ordered=False, jit_compile=True)
        searches = {
            "": HammingSearch(SEARCHED_EVENTS, ordered=False),
            ", XLA": compiled,
            ", plain": _plain_search,
        }
        interest = [
            self._eta(search, *signatures, *vectors).numpy() for search in searches.values()
        ]
        for other in interest[1:]:
            np.testing.assert_allclose(other, interest[0], rtol=1e-4, atol=1e-5)
        full = (*vectors, self._mask)
        np.testing.assert_allclose(
            self._unit(*full), self._full_with_added_mask(*full), rtol=1e-3, atol=1e-4
        )
        actions = {
            "full": _call(self._unit, *full),
            "full, mask added": _call(self._full_with_added_mask, *full),
            "search, XLA": _call(lambda *x: compiled(*x).position, *signatures),
        }
        for name, search in searches.items():
            actions[f"eta{name}"] = _call(
                functools.partial(self._eta, search), *signatures, *vectors
            )
        return actions | self.searches()

    def floor(self) -> Call:
        """Returns the search in compiled code."""
        candidate, history = self._candidate[0].numpy(), self._history[0].numpy()
        return functools.partial(
            nearest_events,
            candidate.view(np.uint64),
            np.ascontiguousarray(history.T).view(np.uint64),
            SEARCHED_EVENTS,
        )

    def _eta(self, search, candidate, history, mask, query, events) -> tf.Tensor:
        found = search(candidate, history, mask)
        return self._unit(query, gather_events(events, found.position), found.mask)

    def _full_with_added_mask(self, query, events, mask) -> tf.Tensor:
        """The same attention as textbooks write it: a large negative number added where masked."""
        unit, size = self._unit, DIM // HEADS

        def heads(values: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
            cut = tf.reshape(tf.matmul(values, kernel), [1, values.shape[1], HEADS, size])
            return tf.transpose(cut, [0, 2, 1, 3])

        scores = tf.matmul(
            heads(query, unit.query_kernel * size**-0.5),
            heads(events, unit.event_kernel),
            transpose_b=True,
        )
        scores += tf.where(mask, 0.0, -1e9)[:, tf.newaxis, tf.newaxis, :]
        attended = tf.matmul(tf.nn.softmax(scores), heads(events, unit.value_kernel))
        return tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [1, query.shape[1], DIM])


def _plain_search(candidate: tf.Tensor, history: tf.Tensor, mask: tf.Tensor):
    """The definition: bits that agree, counted for each pair, and top-K."""
    flipped = tf.bitwise.invert(candidate)
    agreement = tf.add_n(
        [
            tf.cast(
                tf.raw_ops.PopulationCount(
                    x=tf.bitwise.bitwise_xor(
                        flipped[:, :, tf.newaxis, word], history[:, tf.newaxis, :, word]
                    )
                ),
                tf.int16,
            )
            for word in range(history.shape[-1])
        ]
    )
    return best_events(agreement, mask, SEARCHED_EVENTS)


def _call(function, *arguments: tf.Tensor) -> Call:
    concrete = tf.function(function, autograph=False).get_concrete_function(*arguments)
    concrete(*arguments)
    return functools.partial(concrete, *arguments)
