import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.features import Feature
from lifelong.models.config import ModelSpec
from lifelong.models.ctr_model import CTRModel
from lifelong.models.long_term import LONG_TERM_PARTS
from lifelong.models.trained import build, load_trained, save_trained
from tests.sample_models import small_config, small_spec

TOLERANCE = 1e-5


def scores(model, batch):
    """Logits of valid candidates."""
    valid = (
        np.arange(batch["candidate_item"].shape[1])
        < np.asarray(batch["candidate_length"])[:, np.newaxis]
    )
    return np.asarray(model(batch))[valid]


@pytest.fixture(params=LONG_TERM_PARTS)
def model(request):
    """A model with each long-term part, with the weights that training starts from."""
    tf.keras.utils.set_random_seed(1)
    model = CTRModel(small_spec(request.param))
    build(model)
    return model


def take(batch, rows):
    return {key: np.asarray(value)[rows] for key, value in batch.items()}


def test_one_logit_per_candidate(model, batch):
    assert model(batch).shape == batch["candidate_item"].shape
    assert np.isfinite(scores(model, batch)).all()


def test_content_of_padding_does_not_matter(model, batch):
    rng = np.random.default_rng(0)
    changed = dict(batch)
    for prefix in ("history", "candidate"):
        length = batch[f"{prefix}_length"].numpy()[:, np.newaxis]
        for key, high in (("item", 71), ("category", 8), ("timestamp", 2**40)):
            if f"{prefix}_{key}" not in batch:
                continue
            values = batch[f"{prefix}_{key}"].numpy()
            padding = np.arange(values.shape[1]) >= length
            assert padding.any()
            changed[f"{prefix}_{key}"] = np.where(
                padding, rng.integers(0, high, values.shape), values
            )
    np.testing.assert_allclose(scores(model, batch), scores(model, changed), atol=TOLERANCE)


def test_a_batch_scores_as_its_rows_alone(model, batch):
    together = np.asarray(model(batch))
    for row in range(0, len(together), 5):
        one = take(batch, slice(row, row + 1))
        count = int(one["candidate_length"][0])
        np.testing.assert_allclose(
            np.asarray(model(one))[0, :count], together[row, :count], atol=TOLERANCE
        )


def test_candidates_do_not_influence_each_other(model, batch):
    together = np.asarray(model(batch))
    alone = {
        key: value[:, :1] if key.startswith("candidate_") and value.shape.rank == 2 else value
        for key, value in batch.items()
    }
    np.testing.assert_allclose(np.asarray(model(alone))[:, 0], together[:, 0], atol=TOLERANCE)


def test_histories_may_be_narrower_than_the_short_part(model, batch):
    config = model.spec.model
    narrow = {
        key: value[:, : config.short_length - 1]
        if key.startswith("history_") and value.shape.rank == 2
        else value
        for key, value in batch.items()
    }
    width = config.short_length - 1
    narrow["history_length"] = tf.minimum(batch["history_length"], width)
    wide = dict(batch, history_length=narrow["history_length"])
    np.testing.assert_allclose(scores(model, narrow), scores(model, wide), atol=TOLERANCE)


def changed_event(batch, position):
    item = np.array(batch["history_item"])
    item[:, position] = (item[:, position] + 1) % 71
    return dict(batch, history_item=item)


def test_the_window_is_cut_into_two_disjoint_parts(model, batch):
    """The S newest events reach every model; the L before them only one with a long-term part."""
    config = model.spec.model
    full = take(batch, np.flatnonzero(batch["history_length"] == config.window))
    original = scores(model, full)
    newest = scores(model, changed_event(full, 0))
    last_short = scores(model, changed_event(full, config.short_length - 1))
    assert not np.allclose(original, newest, atol=TOLERANCE)
    assert not np.allclose(original, last_short, atol=TOLERANCE)
    long_part = [
        np.allclose(original, scores(model, changed_event(full, position)), atol=TOLERANCE)
        for position in range(config.short_length, config.window)
    ]
    if config.long_term == "none":
        assert all(long_part)
    else:
        assert not any(long_part)


def test_events_beyond_the_window_do_not_matter(model, batch):
    config = model.spec.model
    longer = {
        key: tf.concat([value, value], axis=1)
        if key.startswith("history_") and value.shape.rank == 2
        else value
        for key, value in batch.items()
    }
    full = np.flatnonzero(batch["history_length"] == config.window)
    longer["history_length"] = tf.constant(2 * config.window, tf.int64, [len(batch["user"])])
    np.testing.assert_allclose(
        scores(model, take(batch, full)), scores(model, take(longer, full)), atol=TOLERANCE
    )


def test_lengths_outside_the_width_mean_all_or_nothing(model, batch):
    window = model.spec.model.window
    for length, meant in ((-7, 0), (10**9, window)):
        given, expected = (
            scores(
                model,
                {**batch, "history_length": tf.fill(batch["user"].shape, tf.constant(v, tf.int64))},
            )
            for v in (length, meant)
        )
        np.testing.assert_array_equal(given, expected)


def test_when_events_happened_matters_and_when_all_of_it_happened_does_not(model, batch):
    """Time gaps come from real times, not from positions: moving everything by weeks is no change."""
    week = 7 * 86_400
    times = ("history_timestamp", "request_timestamp")
    moved = {key: value + 10 * week if key in times else value for key, value in batch.items()}
    older = dict(batch, history_timestamp=batch["history_timestamp"] - 30 * week)
    original = scores(model, batch)
    np.testing.assert_allclose(original, scores(model, moved), atol=TOLERANCE)
    some = np.abs(original - scores(model, older)) > TOLERANCE
    assert some.any()


def test_a_saved_model_is_built_again_with_all_its_weights(model, batch, tmp_path):
    model.compile(optimizer="adam")
    model.fit(tf.data.Dataset.from_tensors(batch), epochs=2, verbose=0)
    # What is drawn from a seed must be the saved one too, not drawn again.
    rng = np.random.default_rng(0)
    for variable in model.long_term.non_trainable_variables:
        if variable.dtype.is_floating:
            variable.assign(rng.normal(0, 1, variable.shape))
    save_trained(model, str(tmp_path))
    tf.keras.utils.set_random_seed(99)
    again = load_trained(str(tmp_path))
    np.testing.assert_array_equal(scores(model, batch), scores(again, batch))
    for saved, loaded in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(saved, loaded, err_msg=saved.name)


def test_no_trained_model_is_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no trained model"):
        load_trained(str(tmp_path))


def test_unknown_users_are_trained_too(batch):
    spec = ModelSpec(
        small_config("none", hidden=(8,), unknown_rate=0.5),
        (),
        {"item": 71, "category": 8, "user": 41},
        {},
    )
    tf.keras.utils.set_random_seed(1)
    model = CTRModel(spec)
    build(model)
    unknown = model.embeddings.user.embeddings[0].numpy()
    model.compile(optimizer="adam")
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(3), verbose=0)
    assert not np.allclose(unknown, model.embeddings.user.embeddings[0].numpy())


@pytest.mark.parametrize("kind", ["categorical", "numeric"])
@pytest.mark.parametrize("owner", ["event", "candidate", "request", "user"])
def test_extra_features_reach_the_scores(batch, owner, kind):
    feature = Feature("extra", owner, kind)
    sizes = {"item": 71, "category": 8, "user": 41, feature.key: 5}
    spec = ModelSpec(
        small_config("sim_hard", hidden=(8,)),
        (feature,),
        sizes,
        {},
    )
    model = CTRModel(spec)
    build(model)
    like = {
        "event": "history_item",
        "candidate": "candidate_item",
        "request": "user",
        "user": "user",
    }[owner]
    dtype = tf.int64 if feature.is_categorical else tf.float32
    first, second = (
        scores(model, {**batch, feature.key: tf.fill(batch[like].shape, tf.constant(v, dtype))})
        for v in (1, 2)
    )
    assert not np.allclose(first, second)


def test_the_loss_counts_valid_candidates_only(model, batch):
    logits = np.asarray(model(batch))
    labels = batch["candidate_label"].numpy()
    valid = np.arange(logits.shape[1]) < batch["candidate_length"].numpy()[:, np.newaxis]
    probability = 1 / (1 + np.exp(-logits[valid]))
    log_loss = -np.mean(
        labels[valid] * np.log(probability) + (1 - labels[valid]) * np.log(1 - probability)
    )
    np.testing.assert_allclose(model.compute_loss(batch), log_loss, rtol=1e-4)
