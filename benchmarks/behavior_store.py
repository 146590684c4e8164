"""The behaviour store: size, building, look-ups, and that they do not grow with the history."""

from __future__ import annotations

import functools
import itertools
import operator
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np

from benchmarks.finished_run import FinishedRun
from benchmarks.stores import both_stores
from benchmarks.timing import paired_medians
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.store_files import finish_store
from lifelong.components.behavior_tree_builder.transforms import BuildTrees
from lifelong.components.local_runner import LocalRunner
from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.columns import Columns
from lifelong.data.datasets.complete_journey import BEHAVIORS
from lifelong.models.config import ModelConfig
from lifelong.pipeline.config import Workdir
from lifelong.pipeline.default_data import default_ingestion
from lifelong.serving.behavior_store import BehaviorStore, Cut, Manifest
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.user_tree import UserTree
from lifelong.serving.searched_request import search_history

CATEGORIES, K, HISTORY = 20, 48, 1_000
LOOK_UPS, WARM_UP = 2_000, 100
LENGTHS = (1_000, 4_000, 50_000, 1_000_000)
# What a request is counted for, in histories of these lengths.
CANDIDATES, COUNTED_CATEGORIES, COUNTED_LENGTHS = 200, (20, 100), (4_000, 50_000)


def measure_behavior_store() -> list[str]:
    """Measures on The Complete Journey, with the store that the last run built."""
    run = FinishedRun.read(having="BehaviorTreeBuilder")
    lines = []
    with both_stores(run.outputs["BehaviorTreeBuilder", "behavior_tree"]) as stores:
        for name, store in stores.items():
            held = store.size()
            lines.append(
                f"behaviour store, {name}: {held.bytes_per_event:.1f} bytes per event"
                f" ({held.events:,} events of {held.users:,} users)"
            )
        users = _users(next(iter(stores.values())))
        for name, store in stores.items():
            lines += _look_ups(name, store, users)
    lines += _growth(users)
    lines += _evidence(users)
    return [*lines, _building()]


def percentiles(action_of: Sequence[Callable[[], object]], warm_up: int = WARM_UP) -> str:
    """Runs actions one after another and says how long they took.

    Args:
        action_of: Actions; the first of them are not counted.
        warm_up: How many.
    """
    seconds = []
    for action in action_of:
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    counted = np.array(seconds[warm_up:])
    half, most = np.percentile(counted, [50, 99]) * 1e6
    return f"{1 / counted.mean():,.0f}/s, p50 {half:,.0f} us, p99 {most:,.0f} us"


def _users(store: BehaviorStore) -> list[tuple[int, Columns]]:
    """Returns all users with their events, in the order (timestamp, item)."""
    return [
        (packed.user, store.history(packed.user, packed.events)) for packed in list(store.scan())
    ]


def _look_ups(name: str, store: BehaviorStore, users: list[tuple[int, Columns]]) -> list[str]:
    """Times look-ups right after the last event of users, drawn by how many events they have."""
    random = np.random.default_rng(0)
    sizes = np.array([cols.length(events) for _, events in users])
    searches: list[Callable[[], object]] = []
    histories: list[Callable[[], object]] = []
    for row in random.choice(len(users), WARM_UP + LOOK_UPS, p=sizes / sizes.sum()):
        user, events = users[row]
        categories = _drawn_categories(random, events)
        before = Cut(int(events["timestamp"][-1]) + 1)
        searches.append(functools.partial(store.search, user, categories, K, before))
        histories.append(functools.partial(store.history, user, HISTORY, before))
    return [
        f"behaviour store, {name}, {what}: {percentiles(actions)}"
        for what, actions in (
            (f"search of {CATEGORIES} categories", searches),
            (f"history of {HISTORY:,} events", histories),
        )
    ]


def _growth(users: list[tuple[int, Columns]]) -> list[str]:
    """Times searches in histories of several lengths, made of those of several real users."""
    random = np.random.default_rng(1)
    every = cols.concat([events for _, events in users])
    lines, seconds = [], {}
    with tempfile.TemporaryDirectory() as folder:
        store = LmdbStore.create(f"{folder}/store", Manifest(shards=1))
        joined = {size: _first_events(every, size) for size in LENGTHS}
        store.load(pack_user(size, joined[size], store.manifest.block_size) for size in LENGTHS)
        with store:
            for size, events in joined.items():
                categories = _drawn_categories(random, events)
                actions = {
                    "store": functools.partial(store.search, size, categories, K),
                    "NumPy": functools.partial(_search_history, events["category"], categories),
                }
                seconds[size] = paired_medians(actions, rounds=300, warm_up=30)
                # By itself: it leaves the processor's caches full of other things.
                whole = {
                    "NumPy after reading": functools.partial(
                        _read_and_search, store, size, categories
                    )
                }
                seconds[size] |= paired_medians(whole, rounds=max(10, 100_000 // size))
                times = ", ".join(f"{n} {s * 1e6:,.0f} us" for n, s in seconds[size].items())
                lines.append(
                    f"behaviour store, search of {CATEGORIES} categories in a history of"
                    f" {size:,} events: {times}"
                )
    return [*lines, _ratio(seconds)]


def _evidence(users: list[tuple[int, Columns]]) -> list[str]:
    """Times what is read of a user for a request, with evidence and without, and its window."""
    random = np.random.default_rng(2)
    every = cols.concat([events for _, events in users])
    model = ModelConfig()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        store = LmdbStore.create(f"{folder}/store", Manifest(shards=1))
        joined = {size: _first_events(every, size) for size in COUNTED_LENGTHS}
        store.load(pack_user(size, joined[size], store.manifest.block_size) for size in joined)
        with store:
            for (size, events), count in itertools.product(joined.items(), COUNTED_CATEGORIES):
                offered = _drawn_candidates(random, events, count)
                search = functools.partial(
                    search_history,
                    candidates=offered,
                    timestamp=int(events["timestamp"][-1]) + 1,
                    short_length=model.short_length,
                    long_length=model.long_length,
                    k=model.searched_events,
                )
                counted, window = model.evidence_length, model.window
                reads: dict[str, Callable[[UserTree], object]] = {
                    "search alone": functools.partial(search, evidence_length=0),
                    f"search and evidence of {counted:,} events": functools.partial(
                        search, evidence_length=counted
                    ),
                    f"window of {window:,}": operator.methodcaller("window", window),
                    "the window read whole": operator.methodcaller("history", window + 1),
                }
                actions = {
                    name: functools.partial(_read_tree, store, size, read)
                    for name, read in reads.items()
                }
                seconds = paired_medians(actions, rounds=300, warm_up=30)
                times = ", ".join(f"{name} {s * 1e6:,.0f} us" for name, s in seconds.items())
                lines.append(
                    f"behaviour store, {CANDIDATES} candidates of"
                    f" {len(np.unique(offered['category']))} categories in a history of"
                    f" {size:,} events: {times}"
                )
    return lines


def _read_tree(store: BehaviorStore, user: int, read: Callable[[UserTree], object]) -> object:
    with store.read(user) as tree:
        return read(tree)


def _drawn_candidates(
    random: np.random.Generator, events: Columns, categories: int
) -> dict[str, np.ndarray]:
    """Returns candidates that the user has had, of at most so many categories."""
    drawn = _drawn_categories(random, events, categories)
    places = random.choice(np.flatnonzero(np.isin(events["category"], drawn)), CANDIDATES)
    return {name: events[name][places] for name in ("item", "category")}


def _ratio(seconds: dict[int, dict[str, float]]) -> str:
    first, *rest = seconds.items()
    growth = "; ".join(
        f"at {size:,} "
        + ", ".join(f"{name} {later[name] / first[1][name]:.1f}" for name in later)
        + f" (NumPy / store {later['NumPy'] / later['store']:.1f})"
        for size, later in rest
    )
    return (
        f"behaviour store, times of a search as multiples of those at {first[0]:,} events: {growth}"
    )


def _first_events(events: Columns, count: int) -> Columns:
    """Returns events in the order (timestamp, item), without repetitions."""
    part = cols.take(events, slice(0, count + count // 4))
    part = cols.take(part, ev.time_order(part))
    return cols.take(cols.take(part, ~ev.repeats_previous(part)), slice(0, count))


def _drawn_categories(
    random: np.random.Generator, events: Columns, count: int = CATEGORIES
) -> np.ndarray:
    """Returns the categories of events drawn at random: frequent ones are likelier."""
    return np.unique(random.choice(events["category"], 3 * count))[:count]


def _search_history(history: np.ndarray, categories: np.ndarray) -> list[np.ndarray]:
    """Finds positions of the newest events of each category in a history that lies in memory."""
    return [np.flatnonzero(history == category)[: -K - 1 : -1] for category in categories]


def _read_and_search(store: BehaviorStore, user: int, categories: np.ndarray) -> list[np.ndarray]:
    with store.read(user) as tree:
        return _search_history(tree.history(tree.events)["category"], categories)


def _building() -> str:
    """Times the Beam transform from the log to the store, in memory and in one process."""
    log = Workdir(Path("workdir").resolve()).data / BEHAVIORS
    config = TreeConfig.of(default_ingestion(log))
    manifest = Manifest(shards=config.shards)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with beam.Pipeline(LocalRunner()) as pipeline:
            _ = pipeline | BuildTrees(config, manifest, folder, now=int(time.time()))
        finish_store(folder, manifest)
        took = time.perf_counter() - started
        with LmdbStore(folder) as store:
            events = store.size().events
    return (
        f"behaviour store, building: {events / took:,.0f} events/s from log to store, one process"
    )
