import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow

keras = tf.keras

if keras.layers.Layer.__module__.startswith("keras."):
    pytest.skip("tfrs.Model needs tf_keras", allow_module_level=True)

from examples.tfrs_ranking import (  # noqa: E402
    AveragingRanker,
    SearchingRanker,
    auc_of,
    make_requests,
    signatures,
    train,
)


@pytest.fixture(scope="module")
def evaluation():
    return make_requests(seed=1, count=400)


@pytest.fixture(scope="module")
def trained(evaluation):
    keras.utils.set_random_seed(3)
    model = SearchingRanker()
    model(evaluation[0])
    before = signatures(model)
    return model, train(model), before


def test_the_search_finds_what_an_average_loses(trained, evaluation):
    model, loss, _ = trained
    assert loss[-1] < 0.6 * loss[0]
    auc = auc_of(model, evaluation)
    assert auc > 0.9
    averaging = AveragingRanker()
    train(averaging)
    assert auc > auc_of(averaging, evaluation) + 0.2


def test_signatures_follow_the_embeddings(trained, evaluation):
    model, _, before = trained
    features, _ = evaluation
    now = signatures(model)
    assert (now != before).any(axis=1).mean() > 0.9
    found = model.nearest(model.item(features["candidate"]), model.item(features["history"]))
    # Looking signatures up is hashing the trained embeddings.
    looked_up = model.search(now[features["candidate"]], now[features["history"]])
    for expected, tensor in zip(found, looked_up, strict=True):
        np.testing.assert_array_equal(tensor, expected)
    # Those from before the training find other events.
    stale = model.search(before[features["candidate"]], before[features["history"]])
    assert (stale.position.numpy() != found.position.numpy()).mean() > 0.1
