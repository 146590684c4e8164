import numpy as np
import pytest
import tensorflow as tf

from examples.ragged_fit import (
    LONGEST,
    AveragingModel,
    SearchingModel,
    auc_of,
    make_log,
    scores_of,
    train,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def logs():
    rng = np.random.default_rng(5)
    return make_log(rng, 2000), make_log(rng, 500)


@pytest.fixture(scope="module")
def trained(logs):
    tf.keras.utils.set_random_seed(3)
    return train(SearchingModel(), logs[0])


def test_the_search_finds_what_an_average_loses(logs, trained):
    auc = auc_of(trained, logs[1])
    assert auc > 0.9
    assert auc > auc_of(train(AveragingModel(), logs[0]), logs[1]) + 0.2


@pytest.mark.parametrize("length", [LONGEST + 1, 2 * LONGEST, None])
def test_places_of_padding_change_no_score(logs, trained, length):
    expected = scores_of(trained, logs[1])
    np.testing.assert_allclose(scores_of(trained, logs[1], length), expected, atol=1e-6)
