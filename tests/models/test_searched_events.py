"""The signature `searched_events`: what a store has found scores as what the graph would find."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.models.export import export_model
from lifelong.models.item_features import ItemEncoding
from lifelong.models.training import make_spec
from lifelong.models.wire import searched_wire_spec, wire_spec
from tests.sample_items import FEATURES as ITEM_FEATURES
from tests.sample_items import item_table, write_source
from tests.sample_models import RECORDS, run_transform, small_config, spread

pytestmark = pytest.mark.slow

FEATURES = (
    Feature("channel", "event"),
    Feature("price", "event", "numeric"),
    Feature("place", "candidate"),
)
EVENT_KEYS = ("item", "timestamp", "channel", "price")
TOLERANCE = {"atol": 1e-5, "rtol": 0}
CONFIG = small_config("sim_hard", long_length=20)
S, L, K = CONFIG.short_length, CONFIG.long_length, CONFIG.searched_events
WINDOW = CONFIG.window
REQUEST_TIME = 1_510_000_000
# Beyond what the records hold
UNKNOWN = 10**15


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Transform's output on records with features."""
    rng = np.random.default_rng(2)
    records = [record | features_of_record(record, rng) for record in RECORDS]
    return run_transform(tmp_path_factory.mktemp("transform"), records, FEATURES)


@pytest.fixture(scope="module", params=["shared", "items", "category"])
def signatures(request, output, tmp_path_factory):
    """Signatures of a reloaded SavedModel with SIM hard, features of events and, once, of items."""
    folder = tmp_path_factory.mktemp("searched")
    unknown_items = "category" if request.param == "category" else "shared"
    config = dataclasses.asdict(dataclasses.replace(CONFIG, unknown_items=unknown_items))
    fields = {"model": config, "features": [vars(f) for f in FEATURES]}
    if request.param == "items":
        source = write_source(folder, item_table(), ITEM_FEATURES)
        fields |= {"item_features": [vars(f) for f in ITEM_FEATURES], **source._asdict()}
        fields["item_table"] = source.table
    spec = make_spec(fields, output)
    model = spread(spec)
    if request.param == "items":
        encoding = ItemEncoding.read(source.vocabularies, ITEM_FEATURES)
        model.embeddings.item_features.fill(item_table(), encoding)
    # Scores near 0 and 1 would hide differences.
    last = model.head.logit
    last.set_weights([last.kernel * (0.04 if request.param == "items" else 0.1), last.bias * 0])
    export_model(model, output, str(folder / "model"))
    return tf.saved_model.load(str(folder / "model")).signatures


def features_of_record(record, rng):
    events, candidates = len(record["history_item"]), len(record["candidate_item"])
    return {
        "history_channel": rng.integers(0, 4, events),
        "history_price": rng.normal(10, 3, events).astype(np.float32),
        "candidate_place": rng.integers(0, 3, candidates),
    }


def random_request(rng, history_length, candidates):
    """A request on the raw wire, `[1, ...]`: the whole window, its padding at random.

    Few categories, unknown ones of several kinds among them, and many equal times.
    """
    items = rng.integers(0, 75, WINDOW)
    categories = np.where(rng.random(WINDOW) < 0.3, UNKNOWN + items % 2, items % 3)
    candidate_items = rng.choice([*range(75), UNKNOWN], candidates)
    unknown = rng.random(candidates) < 0.2
    return {
        "user": np.array([rng.choice([0, 3, 9, UNKNOWN])]),
        "request_timestamp": np.array([REQUEST_TIME]),
        "history_length": np.array([history_length]),
        "candidate_length": np.array([candidates]),
        "history_item": items[np.newaxis],
        "history_category": categories[np.newaxis],
        "history_timestamp": REQUEST_TIME
        - 86_400 * np.sort(rng.integers(1, 9, WINDOW))[np.newaxis],
        "history_channel": rng.integers(0, 6, [1, WINDOW]),
        "history_price": rng.normal(10, 3, [1, WINDOW]).astype(np.float32),
        "candidate_item": candidate_items[np.newaxis],
        "candidate_category": np.where(unknown, UNKNOWN + candidate_items % 2, candidate_items % 3)[
            np.newaxis
        ],
        "candidate_place": rng.integers(0, 5, [1, candidates]),
    }


@pytest.fixture(scope="module")
def requests():
    """Requests of every length of history, from none to more than the window."""
    rng = np.random.default_rng(7)
    lengths = [*range(S + 2), *range(S + 2, WINDOW, 4), *[WINDOW] * 12, WINDOW + 9]
    return [random_request(rng, length, int(rng.integers(1, 9))) for length in lengths]


def events_in_store(request, category):
    """Positions of the category's events in the long part of the window, newest first."""
    last = min(request["history_length"][0], WINDOW)
    return S + np.flatnonzero(request["history_category"][0, S:last] == category)


def search(request, width, garbage=None, short=S):
    """Searches a request in NumPy, and returns the inputs of `searched_events`.

    Args:
        request: `[1, ...]`, with the whole window.
        width: K', places for events of a category.
        garbage: Fills padding; by default it repeats the first event.
        short: T', events of the history that are sent.
    """
    categories, slot = np.unique(request["candidate_category"][0], return_inverse=True)
    found = [events_in_store(request, category)[:width] for category in categories]
    wire = dict(request)
    for key in EVENT_KEYS:
        values = request[f"history_{key}"][0]
        cells = np.tile(values[:1], [1, len(categories), width])
        if garbage is not None:
            cells = garbage.integers(0, 2**40, cells.shape).astype(values.dtype)
        for row, positions in enumerate(found):
            cells[0, row, : len(positions)] = values[positions]
        wire[f"searched_{key}"] = cells
    for key in (*EVENT_KEYS, "category"):
        wire[f"history_{key}"] = request[f"history_{key}"][:, :short]
    wire["searched_category"] = categories[np.newaxis]
    wire["searched_length"] = np.array([[len(positions) for positions in found]])
    wire["candidate_slot"] = slot.reshape(1, -1)
    return wire


def score(signature, wire, spec):
    outputs = signature(**{key: tf.constant(wire[key], spec[key].dtype) for key in spec})
    return outputs["scores"].numpy()


@pytest.fixture(scope="module")
def rank(signatures):
    """Scores a request with the search in the graph."""
    return lambda wire: score(signatures["serving_default"], wire, wire_spec(FEATURES))


@pytest.fixture(scope="module")
def rank_searched(signatures):
    """Scores a request that was searched."""
    return lambda wire: score(signatures["searched_events"], wire, searched_wire_spec(FEATURES))


def without_found(wire):
    return {**wire, "searched_length": np.zeros_like(wire["searched_length"])}


def test_scores_are_spread(requests, rank):
    """Otherwise the tests below would show little."""
    scores = np.concatenate([rank(request)[0] for request in requests])
    assert np.mean((scores > 0.02) & (scores < 0.98)) > 0.7


@pytest.mark.parametrize("width", [1, 2, K, L, L + 7])
def test_the_store_scores_as_the_graph(requests, rank, rank_searched, width):
    compared = with_events = 0
    for request in requests:
        all_found = search(request, L)
        # Told less than K, candidates that have no more than that are scored the same.
        enough = (all_found["searched_length"] <= width)[0, all_found["candidate_slot"]]
        same = enough | (width >= K)
        wire = search(request, width)
        scores = rank_searched(wire)
        np.testing.assert_allclose(scores[same], rank(request)[same], **TOLERANCE)
        compared += same.sum()
        with_events += (np.abs(rank_searched(without_found(wire)) - scores) > 1e-3)[same].sum()
    assert compared > 40
    assert with_events >= (3 if width < K else 20)


def test_more_than_k_events_are_found_for_some(requests):
    """Otherwise the test above would not show that only the first K count."""
    assert max(search(request, L)["searched_length"].max() for request in requests) > K


def test_fewer_events_than_k_can_be_told(requests, rank, rank_searched):
    """As many as a model finds whose K is that number: here, none beyond the first."""
    changed = 0
    for request in requests:
        first = search(request, 1)
        longer = {**search(request, K), "searched_length": first["searched_length"]}
        np.testing.assert_allclose(rank_searched(first), rank_searched(longer), **TOLERANCE)
        changed += np.abs(rank_searched(first) - rank(request)).max() > 1e-3
    assert changed


@pytest.mark.parametrize("short", [S + 3, WINDOW])
def test_events_beyond_the_short_part_are_not_read(requests, rank_searched, short):
    for request in requests:
        np.testing.assert_allclose(
            rank_searched(search(request, K, short=short)),
            rank_searched(search(request, K)),
            **TOLERANCE,
        )


@pytest.mark.parametrize("short", [0, 1, S - 1])
def test_less_than_the_short_part_can_be_told(requests, rank, rank_searched, short):
    """Then the model reads what there is; the rest counts as if it had not happened."""
    for request in requests:
        told = search(request, K, short=short)
        narrow = {
            key: value[:, :short] if key.startswith("history_") and value.ndim == 2 else value
            for key, value in request.items()
        }
        np.testing.assert_allclose(rank_searched(without_found(told)), rank(narrow), **TOLERANCE)
        if request["history_length"][0] <= short:
            np.testing.assert_allclose(rank_searched(told), rank(request), **TOLERANCE)


def test_content_of_padding_does_not_matter(requests, rank_searched):
    garbage = np.random.default_rng(3)
    for request in requests:
        np.testing.assert_allclose(
            rank_searched(search(request, 9, garbage)),
            rank_searched(search(request, 9)),
            **TOLERANCE,
        )


def test_lengths_outside_the_width_mean_all_or_nothing(requests, rank_searched):
    for request in requests[-3:]:
        wire = search(request, K)
        for length, meant in ((-7, 0), (10**9, K)):
            given, expected = (
                rank_searched({**wire, "searched_length": np.full_like(wire["searched_length"], v)})
                for v in (length, meant)
            )
            np.testing.assert_array_equal(given, expected)


def test_a_wrong_slot_finds_nothing(requests, rank_searched):
    differs = 0
    for request in requests:
        wire = search(request, K)
        slots = wire["searched_category"].shape[1]
        nothing = rank_searched(without_found(wire))
        wrong = [-1, -(10**15), slots, 10**15]
        for slot in [np.full_like(wire["candidate_slot"], value) for value in wrong] + (
            [(wire["candidate_slot"] + 1) % slots] if slots > 1 else []
        ):
            np.testing.assert_allclose(
                rank_searched({**wire, "candidate_slot": slot}), nothing, **TOLERANCE
            )
        differs += np.abs(rank_searched(wire) - nothing).max() > 1e-3
    assert differs > 3


def test_unknown_categories_find_nothing_in_the_graph_and_in_the_store(
    requests, rank, rank_searched
):
    """Though a store knows them, the model does not: to it, they are all the same."""
    found = 0
    for request in requests:
        wire = search(request, K)
        nothing = rank_searched(without_found(wire))
        unknown = request["candidate_category"] >= UNKNOWN
        np.testing.assert_allclose(rank_searched(wire)[unknown], nothing[unknown], **TOLERANCE)
        np.testing.assert_allclose(rank(request)[unknown], nothing[unknown], **TOLERANCE)
        slots = wire["searched_category"][0] >= UNKNOWN
        found += wire["searched_length"][0][slots].sum()
    assert found


@pytest.mark.parametrize("slots", [0, 1])
def test_few_categories_can_be_told(requests, rank, rank_searched, slots):
    """Candidates of the others score as if nothing had been found for them."""
    for request in requests:
        wire = search(request, K)
        nothing = rank_searched(without_found(wire))
        told = {key: v[:, :slots] if key.startswith("searched_") else v for key, v in wire.items()}
        expected = np.where(wire["candidate_slot"] < slots, rank(request), nothing)
        np.testing.assert_allclose(rank_searched(told), expected, **TOLERANCE)


def test_a_batch_scores_as_its_requests_alone(requests, rank_searched):
    """Requests of unequal sizes, each tensor padded with its first element, as servers do."""
    wires = [search(r, 1 + i % 7, short=S + i % 3) for i, r in enumerate(requests)]
    batch = {}
    for key in wires[0]:
        shape = np.max([wire[key].shape for wire in wires], axis=0)
        batch[key] = np.concatenate([padded(wire[key], shape) for wire in wires])
    together = rank_searched(batch)
    assert together.shape == (len(requests), max(w["candidate_slot"].shape[1] for w in wires))
    for row, wire in enumerate(wires):
        alone = rank_searched(wire)
        np.testing.assert_allclose(together[row : row + 1, : alone.shape[1]], alone, **TOLERANCE)


def padded(value, shape):
    widths = [(0, 0), *((0, more) for more in np.subtract(shape, value.shape)[1:])]
    return np.pad(value, widths, constant_values=value.flat[0])


def test_inputs_are_those_of_the_contract(signatures):
    inputs = signatures["searched_events"].structured_input_signature[1]
    assert {key: (spec.dtype, spec.shape.as_list()) for key, spec in inputs.items()} == {
        **{
            key: (tf.int64, [None])
            for key in ("user", "request_timestamp", "history_length", "candidate_length")
        },
        **{
            key: (tf.int64, [None, None])
            for key in (
                *(f"history_{key}" for key in ("item", "category", "timestamp", "channel")),
                *(f"candidate_{key}" for key in ("item", "category", "place", "slot")),
                *(f"searched_{key}" for key in ("category", "length")),
            )
        },
        "history_price": (tf.float32, [None, None]),
        **{f"searched_{key}": (tf.int64, [None] * 3) for key in ("item", "timestamp", "channel")},
        "searched_price": (tf.float32, [None] * 3),
    }
    assert set(signatures["searched_events"].structured_outputs) == {"scores"}
