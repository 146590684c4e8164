import numpy as np
import pytest
import tensorflow as tf

from examples.functional_model import (
    auc_of,
    averaging_model,
    make_requests,
    reloaded_difference,
    searching_model,
    train,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def requests():
    rng = np.random.default_rng(5)
    return make_requests(rng, 2000), make_requests(rng, 1000)


@pytest.fixture(scope="module")
def trained(requests):
    tf.keras.utils.set_random_seed(3)
    return train(searching_model(), requests[0])


def test_the_search_finds_what_an_average_loses(requests, trained):
    auc = auc_of(trained, requests[1])
    assert auc > 0.9
    assert auc > auc_of(train(averaging_model(), requests[0]), requests[1]) + 0.2


def test_the_trained_model_is_saved_and_reloaded(requests, trained, tmp_path):
    assert reloaded_difference(trained, requests[1][0], tmp_path) < 1e-6
