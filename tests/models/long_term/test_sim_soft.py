import itertools

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import SoftSearchConfig
from lifelong.models.vocabulary_files import UNKNOWN
from tests.sample_models import SMALL


@pytest.fixture
def make_soft(make_model):
    def make(**search):
        return make_model("sim_soft", soft_search=SoftSearchConfig(dim=3, **search))

    return make


def found_by(model, arguments, batch):
    return model.long_term.search(*arguments(model, batch))


def auxiliary_loss(model, arguments, batch):
    model.long_term(*arguments(model, batch), training=True)
    (loss,) = model.long_term.losses
    return loss


def search_variables(model):
    space = model.long_term.space
    tables = [space.item.embeddings, space.category.embeddings]
    return [*tables, space.event_kernel, space.candidate_kernel]


def test_the_events_of_the_largest_inner_products_are_found(make_soft, arguments, batch):
    model = make_soft()
    item, category, of_event, of_candidate = (v.numpy() for v in search_variables(model))
    _, _, long = arguments(model, batch)

    def embed(values, prefix):
        return np.concatenate(
            [item[values[f"{prefix}_item"]], category[values[f"{prefix}_category"]]], axis=-1
        )

    scores = np.einsum(
        "bnd,bld->bnl",
        embed(batch, "candidate") @ of_candidate,
        embed(long.values, "history") @ of_event,
    )
    scores = np.where(long.mask.numpy()[:, np.newaxis], scores, -np.inf)
    expected = -np.sort(-scores, axis=-1)[..., : SMALL.searched_events]
    found = found_by(model, arguments, batch)
    mask = found.mask.numpy()
    np.testing.assert_array_equal(mask, np.isfinite(expected))
    picked = np.take_along_axis(scores, found.position.numpy(), axis=-1)
    np.testing.assert_allclose(picked[mask], expected[mask], atol=1e-4)
    np.testing.assert_allclose(found.relevance.numpy()[mask], expected[mask], atol=1e-4)


def test_the_models_own_embeddings_do_not_matter_to_the_search(make_soft, arguments, batch):
    model = make_soft()
    found, scores = found_by(model, arguments, batch), model(batch)
    for table in (model.embeddings.item, model.embeddings.category):
        table.embeddings.assign(-table.embeddings)
    assert np.any(model(batch) != scores)
    for before, after in zip(found, found_by(model, arguments, batch), strict=True):
        np.testing.assert_array_equal(before, after)
    table = model.long_term.space.item.embeddings
    table.assign(-table)
    assert np.any(found_by(model, arguments, batch).position != found.position)


def test_the_auxiliary_loss_trains_the_search_and_nothing_else(make_soft, arguments, batch):
    model = make_soft()
    part = model.long_term
    own = [*search_variables(model), *part.auxiliary.trainable_variables]
    rest = [v for v in model.trainable_variables if not any(v is variable for variable in own)]
    with tf.GradientTape(persistent=True) as tape:
        loss = auxiliary_loss(model, arguments, batch)
    for gradient in tape.gradient(loss, own):
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all()
        assert np.any(gradient)
    assert rest
    assert tape.gradient(loss, rest) == [None] * len(rest)


def test_the_click_loss_does_not_train_the_search(make_soft, batch):
    model = make_soft()
    part = model.long_term
    own = [*search_variables(model), *part.auxiliary.trainable_variables]
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch, training=True)
    assert tape.gradient(loss, own) == [None] * len(own)


@pytest.mark.parametrize("kernel", ["event_kernel", "candidate_kernel"])
def test_the_auxiliary_loss_depends_on_relevance(make_soft, arguments, batch, kernel):
    model = make_soft()
    before = auxiliary_loss(model, arguments, batch)
    projection = getattr(model.long_term.space, kernel)
    projection.assign(-projection)
    assert abs(auxiliary_loss(model, arguments, batch) - before) > 1e-3


def test_alpha_weighs_the_auxiliary_loss_and_beta_the_click_loss(make_soft, arguments, batch):
    model, weighted = make_soft(), make_soft(auxiliary_weight=0.3, click_weight=0.2)
    ratio = auxiliary_loss(weighted, arguments, batch) / auxiliary_loss(model, arguments, batch)
    np.testing.assert_allclose(ratio, 0.3, rtol=1e-5)
    np.testing.assert_allclose(
        weighted.compute_loss(batch), 0.2 * model.compute_loss(batch), rtol=1e-5
    )


def test_a_step_takes_both_losses(make_soft, arguments, batch):
    model = make_soft(auxiliary_weight=0.3)
    model.compile(optimizer=tf.keras.optimizers.SGD(0.0))
    logs = model.train_step(batch)
    auxiliary = auxiliary_loss(model, arguments, batch)
    np.testing.assert_allclose(logs["regularization_loss"], auxiliary, rtol=1e-5)
    np.testing.assert_allclose(logs["total_loss"], logs["loss"] + auxiliary, rtol=1e-5)


def test_only_training_adds_the_loss_and_reads_a_sample(make_soft, arguments, batch):
    model = make_soft(sampled_length=2)
    part, (wire, query, long) = model.long_term, arguments(model, batch)
    sampled = part(wire, query, long, training=True).numpy()
    assert len(part.losses) == 1
    whole = part(wire, query, long).numpy()
    assert part.losses == []
    pairs = [
        part(
            wire, query, long._replace(mask=long.mask & np.isin(np.arange(SMALL.long_length), pair))
        )
        for pair in itertools.combinations(range(SMALL.long_length), 2)
    ]
    events = long.mask.numpy().sum(axis=1)
    assert (events > 2).any()
    for row, count in enumerate(events):
        readings = np.array([pair[row] for pair in pairs]) if count > 2 else whole[row][np.newaxis]
        assert np.abs(readings - sampled[row]).max(axis=(1, 2)).min() < 1e-5
        assert count <= 2 or np.abs(whole[row] - sampled[row]).max() > 1e-4


def test_training_notes_the_category_of_events_and_candidates(make_soft, arguments, batch):
    model = make_soft()
    noted = model.long_term.space.category_of_item
    model(batch)
    assert (noted.numpy() == UNKNOWN).all()

    wire, query, long = arguments(model, batch)
    seen = set(np.asarray(long.values["history_item"])[long.mask])
    valid = tf.sequence_mask(batch["candidate_length"], batch["candidate_item"].shape[1])
    seen |= set(np.asarray(batch["candidate_item"])[valid])
    # Padding that would put every item into a category that none has.
    wrong = tf.constant(7, tf.int64)
    values = dict(long.values)
    values["history_item"] = tf.where(long.mask, values["history_item"], 70)
    values["history_category"] = tf.where(long.mask, values["history_category"], wrong)
    wire = dict(wire, candidate_item=tf.where(valid, wire["candidate_item"], 70))
    wire["candidate_category"] = tf.where(valid, wire["candidate_category"], wrong)
    model.long_term(wire, query, long._replace(values=values), training=True)
    expected = [item % 7 if item in seen else UNKNOWN for item in range(71)]
    assert 0 < len(seen) < 70
    np.testing.assert_array_equal(noted, expected)


def test_trained_alone_and_then_frozen(make_soft, arguments, batch):
    model = make_soft(ahead_epochs=3, click_weight=0.5)
    part = model.long_term
    assert part.epochs_ahead == 3
    joint = model.compute_loss(batch)
    own = {id(v) for v in [*part.space.trainable_variables, *part.auxiliary.trainable_variables]}
    part.begin_ahead()
    assert model.compute_loss(batch) == 0
    assert auxiliary_loss(model, arguments, batch) > 0
    part.end_ahead()
    np.testing.assert_allclose(model.compute_loss(batch), joint, rtol=1e-6)
    part(*arguments(model, batch), training=True)
    assert part.losses == []
    assert not own & {id(variable) for variable in model.trainable_variables}


@pytest.mark.parametrize("served_by", ["alsh", "index"])
def test_baked_approximations_find_valid_events(make_soft, arguments, batch, served_by):
    model = make_soft(served_by=served_by)
    auxiliary_loss(model, arguments, batch)
    exact = found_by(model, arguments, batch)
    tables = model.long_term.bake()
    assert {table.shape[0] for table in tables} <= set(model.spec.vocabulary_sizes.values())
    found = found_by(model, arguments, batch)
    _, _, long = arguments(model, batch)
    same = 0
    for row, column in np.ndindex(*found.mask.shape[:2]):
        position, wanted = (
            set(each.position[row, column].numpy()[each.mask[row, column]])
            for each in (found, exact)
        )
        assert long.mask.numpy()[row, list(position)].all()
        same += len(position & wanted)
    assert same / exact.mask.numpy().sum() > 0.7
    assert np.isfinite(model(batch)).all()
