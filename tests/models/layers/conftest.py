"""What the tests of the layers share."""

import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def mixed_precision(request):
    """Sets a global policy of mixed precision for one test; gives its compute type."""
    set_policy = tf.keras.mixed_precision.set_global_policy
    set_policy(request.param)
    yield tf.as_dtype(request.param.removeprefix("mixed_"))
    set_policy("float32")


@pytest.fixture(scope="session")
def run_python():
    """Runs code in a fresh process, which must succeed; returns what it printed."""

    def run(code, *arguments):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


@pytest.fixture
def best_by_score():
    """Gives the search that all searches are compared with."""

    def search(scores, mask, k):
        """What any search must find, one candidate at a time.

        Args:
            scores: `[B, N, L]`, larger is better; -inf for events that do not match.
            mask: `[B, L]` bool, True for valid events.
            k: Events to find.

        Returns:
            Position, mask and relevance, `[B, N, min(k, L)]`.
        """
        k = min(k, mask.shape[1])
        shape = (*scores.shape[:2], k)
        position, found, relevance = np.zeros(shape, int), np.zeros(shape, bool), np.zeros(shape)
        for row, column in np.ndindex(*shape[:2]):
            matches = np.flatnonzero(mask[row] & (scores[row, column] > -np.inf))
            order = matches[np.argsort(-scores[row, column, matches], kind="stable")][:k]
            position[row, column, : len(order)] = order
            found[row, column, : len(order)] = True
            relevance[row, column, : len(order)] = scores[row, column, order]
        return position, found, relevance

    return search


@pytest.fixture
def assert_found():
    """Gives the assertion that `SearchedEvents` are as expected, types included."""

    def check(found, expected, tolerance=0.0):
        position, mask, relevance = expected
        assert found._fields == ("position", "mask", "relevance")
        assert [tensor.dtype for tensor in found] == [tf.int32, tf.bool, tf.float32]
        np.testing.assert_array_equal(found.mask, mask, err_msg="mask")
        np.testing.assert_array_equal(found.position, position, err_msg="position")
        np.testing.assert_allclose(found.relevance, relevance, tolerance, err_msg="relevance")
        # Neither -0.0 nor anything else is left where nothing was found, or for a perfect match.
        assert not np.signbit(np.asarray(found.relevance)[np.asarray(found.relevance) == 0]).any()

    return check
