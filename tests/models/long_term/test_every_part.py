"""What holds for every long-term part; `test_ctr_model` has what shows in scores alone."""

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import ModelSpec, SoftSearchConfig
from lifelong.models.history import History
from lifelong.models.long_term import LONG_TERM_PARTS, SearchedHistory
from lifelong.models.wire import wire_spec
from tests.sample_models import SMALL, small_config, spread

TOLERANCE = 1e-5
EVENT_SIZE = SMALL.item_dim + SMALL.category_dim + SMALL.time_gap_dim
# Of item and of category matches
SIZES = {"none": 0, "mean": EVENT_SIZE, "sdim": EVENT_SIZE, "mimn": 2 * SMALL.mimn.units}
SEARCHES = [name for name, part in LONG_TERM_PARTS.items() if issubclass(part, SearchedHistory)]
# More items than any other dimension of a step.
MANY_ITEMS, MANY_CATEGORIES = 9973, 4999


@pytest.fixture(scope="module", params=LONG_TERM_PARTS)
def model(request, make_model):
    """A model that no test changes."""
    return make_model(request.param)


def changed_padding(history, rng):
    highest = {"history_item": 71, "history_category": 8, "history_timestamp": 2**40}
    values = {
        key: tf.where(history.mask, value, rng.integers(0, highest[key], value.shape))
        for key, value in history.values.items()
    }
    assert all(np.any(values[key] != history.values[key]) for key in values)
    return history._replace(values=values)


def same_events(found, expected):
    """Asserts that two searches found equally relevant events; tells where they are the same.

    Of events whose relevance differs by rounding, a search may find either.

    Args:
        found: `SearchedEvents`, `[B, N, K]`.
        expected: The same, K may be another one.

    Returns:
        `[B, N]` bool.
    """

    def in_order(events):
        missing = SMALL.searched_events - events.mask.shape[2]
        mask, position, relevance = (
            np.pad(tensor, [(0, 0), (0, 0), (0, missing)])
            for tensor in (events.mask, events.position, events.relevance)
        )
        return mask.sum(axis=-1), *(
            np.sort(np.where(mask, values, -1e9), axis=-1) for values in (relevance, position)
        )

    (counts, relevance, position), (other_counts, other_relevance, other_position) = (
        in_order(events) for events in (found, expected)
    )
    np.testing.assert_array_equal(counts, other_counts)
    np.testing.assert_allclose(relevance, other_relevance, atol=TOLERANCE)
    same = (position == other_position).all(axis=-1)
    assert same.mean() > 0.5
    return same


def test_one_interest_per_candidate(model, arguments, batch):
    output = model.long_term(*arguments(model, batch))
    size = SIZES.get(model.spec.model.long_term, SMALL.heads * EVENT_SIZE)
    assert output.shape == (*batch["candidate_item"].shape, size)
    assert np.isfinite(output).all()


def test_nothing_is_read_where_there_is_no_long_history(model, arguments, batch):
    output = model.long_term(*arguments(model, batch)).numpy()
    empty = batch["history_length"].numpy() <= SMALL.short_length
    assert empty.any()
    assert not output[empty].any()
    if SIZES.get(model.spec.model.long_term) != 0:
        assert output[~empty].any()


@pytest.mark.parametrize("training", [False, True])
def test_content_of_padding_does_not_matter(model, arguments, batch, training):
    wire, query, long = arguments(model, batch)
    changed = changed_padding(long, np.random.default_rng(0))
    outputs, losses = [], []
    for history in (long, changed):
        outputs.append(model.long_term(wire, query, history, training=training))
        losses.append(model.long_term.losses)
    np.testing.assert_array_equal(*outputs)
    np.testing.assert_array_equal(*losses)


@pytest.mark.parametrize("width", [0, 1, 5])
def test_histories_may_be_narrower_than_l(model, arguments, batch, width):
    wire, query, long = arguments(model, batch)
    mask = long.mask & (tf.range(SMALL.long_length) < width)
    narrow = History({key: value[:, :width] for key, value in long.values.items()}, mask[:, :width])
    wide = long._replace(mask=mask)
    outputs, expected = (
        model.long_term(wire, query, history).numpy() for history in (narrow, wide)
    )
    if isinstance(model.long_term, SearchedHistory):
        same = same_events(*(model.long_term.search(wire, query, h) for h in (narrow, wide)))
        outputs, expected = outputs[same], expected[same]
    np.testing.assert_allclose(outputs, expected, atol=TOLERANCE)


def test_the_same_eager_and_traced_for_batches_of_any_size(model, batch):
    """As it is exported: no dimension is known."""
    wire = wire_spec(model.spec.features)
    traced = tf.function(model, input_signature=[wire], autograph=False)
    batch = {key: batch[key] for key in wire}
    # Requests, candidates and width of the history
    for rows, candidates, width in ((38, 5, 12), (1, 1, 12), (2, 1, 5), (1, 5, 4), (3, 2, 0)):
        some = {key: value[-rows:] for key, value in batch.items()}
        for key, value in some.items():
            if value.shape.rank == 2:
                some[key] = value[:, : candidates if key.startswith("candidate") else width]
        some["history_length"] = tf.minimum(some["history_length"], width)
        expected = model(some)
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(traced(some), expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", LONG_TERM_PARTS)
def test_baking_changes_no_score(name, make_model, arguments, batch):
    model = make_model(name)
    unbaked = model(batch).numpy()
    if name == "sim_soft":
        found = model.long_term.search(*arguments(model, batch))
    tables = model.long_term.bake()
    assert bool(tables) == (name in ("eta", "sim_soft"))
    assert not any(table.trainable for table in tables)
    baked = model(batch).numpy()
    if name == "sim_soft":
        # Products of other tensors, which may be rounded in another way
        same = same_events(model.long_term.search(*arguments(model, batch)), found)
        np.testing.assert_allclose(baked[same], unbaked[same], atol=TOLERANCE)
    else:
        np.testing.assert_array_equal(baked, unbaked)


@pytest.mark.parametrize("name", LONG_TERM_PARTS)
@pytest.mark.parametrize("time_gap_dim", [0, 4])
def test_times_matter_unless_they_are_left_out(make_model, batch, name, time_gap_dim):
    model = make_model(name, time_gap_dim=time_gap_dim)
    year = 365 * 86_400
    older = {**batch, "history_timestamp": batch["history_timestamp"] - year}
    if time_gap_dim:
        assert np.any(np.abs(model(batch) - model(older)) > 1e-3)
    else:
        np.testing.assert_array_equal(model(batch), model(older))


@pytest.mark.parametrize("name", SEARCHES)
def test_what_is_found_are_distinct_valid_events(make_model, arguments, batch, name):
    model = make_model(name)
    wire, query, long = arguments(model, batch)
    found = model.long_term.search(wire, query, long)
    assert found.mask.shape == (*wire["candidate_item"].shape, SMALL.searched_events)
    valid = long.mask.numpy()
    for row, column in np.ndindex(*found.mask.shape[:2]):
        mask = found.mask[row, column].numpy()
        position = found.position[row, column].numpy()[mask]
        assert len(set(position)) == len(position)
        assert valid[row, position].all()
        if name != "sim_hard":
            assert mask.sum() == min(valid[row].sum(), SMALL.searched_events)


@pytest.mark.parametrize("name", [name for name in SEARCHES if name != "sim_hard"])
def test_a_search_that_finds_all_events_reads_what_full_attention_reads(
    make_model, arguments, batch, name
):
    full, searched = make_model("full"), make_model(name, searched_events=SMALL.long_length)
    for unit in ("exact_search", "timed_events"):
        getattr(searched.long_term, unit).set_weights(getattr(full.long_term, unit).get_weights())
    searched.embeddings.set_weights(full.embeddings.get_weights())
    output = searched.long_term(*arguments(searched, batch))
    expected = full.long_term(*arguments(full, batch))
    np.testing.assert_allclose(output, expected, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in LONG_TERM_PARTS if name != "none"])
def test_the_click_loss_trains_everything_but_the_choice_of_events(make_model, batch, name):
    model = make_model(name)
    part = model.long_term
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch, training=True)
    gradients = tape.gradient(loss, part.trainable_variables)
    own = {id(variable) for layer in searching(part) for variable in layer.trainable_variables}
    assert bool(own) == (name == "sim_soft")
    for variable, gradient in zip(part.trainable_variables, gradients, strict=True):
        if id(variable) in own:
            assert gradient is None, variable.name
        elif gradient is not None:
            assert np.isfinite(tf.convert_to_tensor(gradient)).all()
            assert np.any(tf.convert_to_tensor(gradient)), variable.name
        else:
            # Of the shared tables, a part reads those of items and categories alone.
            assert id(variable) in {id(v) for v in model.embeddings.trainable_variables}


def searching(part):
    return [part.space, part.auxiliary] if hasattr(part, "space") else []


@pytest.mark.parametrize("name", LONG_TERM_PARTS)
def test_a_step_computes_nothing_over_the_whole_vocabulary(name, batch):
    """Tables are read and updated by the rows of the batch."""
    config = small_config(name, soft_search=SoftSearchConfig(dim=4, sampled_length=5))
    sizes = {"item": MANY_ITEMS, "category": MANY_CATEGORIES, "user": 41}
    model = spread(ModelSpec(config, (), sizes, {}))

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = model.compute_loss(batch, training=True) + sum(model.losses)
        return loss, tape.gradient(loss, model.trainable_variables)

    graph = step.get_concrete_function().graph
    tables = {id(v) for v in model.trainable_variables if v.shape[0] in sizes.values()}
    _, gradients = graph.structured_outputs
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        if id(variable) in tables:
            assert isinstance(gradient, tf.IndexedSlices), variable.name
            assert gradient.values.shape[0] not in sizes.values()
    large = [
        operation.name
        for operation in graph.get_operations()
        for output in operation.outputs
        if {MANY_ITEMS, MANY_CATEGORIES} & set(output.shape.as_list() if output.shape.rank else [])
    ]
    assert not large
