import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.experiments.rehash_trial import RehashTrial, content_hash, rehash
from lifelong.models.ctr_model import CTRModel
from lifelong.models.trained import build, save_trained
from lifelong.models.training import make_spec
from tests.sample_models import RECORDS, all_requests, small_config, small_spec


@pytest.fixture(scope="module")
def trained():
    """A small `eta` model whose random weights are large enough for its scores to differ."""
    model = CTRModel(small_spec("eta"))
    build(model)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return model


def weights(model):
    rotation = model.long_term.simhash.rotation
    return [w.numpy() for w in model.weights if w is not rotation], rotation.numpy()


@pytest.mark.parametrize(("bits", "events"), [(64, 1), (32, 3), (200, 5)])
def test_all_weights_but_the_rotation_are_kept(trained, bits, events):
    model = rehash(trained, bits, events)
    assert model.spec.model.signature_bits == bits
    assert model.spec.model.searched_events == events
    old, _ = weights(trained)
    new, rotation = weights(model)
    for old_weight, new_weight in zip(old, new, strict=True):
        np.testing.assert_array_equal(old_weight, new_weight)
    assert rotation.shape == (8, bits)
    assert np.std(rotation) > 0.3


def test_with_as_many_bits_and_events_the_scores_are_the_same(trained):
    batch = all_requests(RECORDS)
    same = rehash(trained, 64, 3)
    np.testing.assert_array_equal(same(batch), trained(batch))
    np.testing.assert_array_equal(weights(same)[1], weights(trained)[1])


def test_other_bits_or_events_change_the_search(trained):
    batch = all_requests(RECORDS)
    for bits, events in ((2, 3), (64, 1)):
        assert np.abs(rehash(trained, bits, events)(batch) - trained(batch)).max() > 1e-3


def test_the_trained_model_is_left_as_it_was(trained):
    before = weights(trained)[0]
    tf.nest.map_structure(
        lambda w: w.assign_add(tf.ones_like(w)), rehash(trained, 32, 3).trainable_variables
    )
    for old_weight, new_weight in zip(before, weights(trained)[0], strict=True):
        np.testing.assert_array_equal(old_weight, new_weight)


def test_only_eta_can_be_hashed_again():
    model = CTRModel(small_spec("none"))
    build(model)
    with pytest.raises(ValueError, match="long_term is 'none'; only 'eta' has signatures"):
        rehash(model, 64, 3)


def test_a_point_is_measured_and_depends_on_the_weights(trained, data, tmp_path):
    fields = {"model": dataclasses.asdict(small_config("eta")), "features": []}
    model = CTRModel(make_spec(fields, data.transform_output()))
    build(model)
    save_trained(model, str(tmp_path / "trained"))
    content = content_hash(tmp_path / "trained")
    trial = RehashTrial(tmp_path / "trained", content, bits=32, events=2, seed=17)
    assert trial.name == "M=32,K=2"
    measured = trial.run(data, tmp_path)
    assert measured.metrics[0].candidates > 0
    assert measured.ranking_ms > 0
    assert measured.epochs is None
    model.weights[0].assign_add(tf.ones_like(model.weights[0]))
    save_trained(model, str(tmp_path / "trained"))
    assert content_hash(tmp_path / "trained") != content
