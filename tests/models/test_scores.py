import numpy as np
import pytest

from lifelong.models.scores import CandidateScores


def scores(**changes):
    names = ("user", "request", "item", "history_events", "label", "score")
    arrays = {name: np.zeros(3) for name in names}
    return CandidateScores(**{**arrays, **changes})


def test_arrays_of_one_length_are_taken():
    assert scores().score.shape == (3,)


@pytest.mark.parametrize("shape", [(2,), (3, 1)])
def test_another_shape_is_an_error(shape):
    with pytest.raises(ValueError, match=r"`score` has shape .* with C the 3 candidates"):
        scores(score=np.zeros(shape))


def test_a_scalar_user_is_an_error():
    with pytest.raises(ValueError, match="`user` has shape"):
        scores(user=np.zeros(()))
