"""Stores, and what is in them."""

import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.json_lines_format import JsonLinesFormat
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.follower.event_lines import EventLines

FEATURES = (
    Feature("channel", of="event"),
    Feature("quantity", of="event", kind="numeric", column="qty"),
)


@pytest.fixture
def tree():
    """Configuration of a log with a categorical and a numeric feature."""
    return TreeConfig.of(IngestConfig(behaviors=LogConfig(files="log.jsonl"), features=FEATURES))


@pytest.fixture
def parser(tree):
    return EventLines(tree.behaviors, tree.fields, JsonLinesFormat())


@pytest.fixture
def new_store(tree):
    """Makes an empty store; its folder is given."""

    def make(folder):
        LmdbStore.create(folder, tree.manifest("")).close()
        return folder

    return make


@pytest.fixture
def stored():
    """Tells all events in a store, sorted: (user, item, category, timestamp, features by name)."""

    def read(store):
        found = []
        for packed in store.scan():
            events = store.history(packed.user, 1_000_000)
            names = ["item", "category", "timestamp", *sorted(store.manifest.features)]
            rows = zip(*(events[name].tolist() for name in names), strict=True)
            found += [(packed.user, *row) for row in rows]
        return sorted(found)

    return read
