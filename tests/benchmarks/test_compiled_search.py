import numpy as np
import pytest

from benchmarks.compiled_search import nearest_events


@pytest.mark.parametrize(("length", "words", "k"), [(1, 1, 1), (50, 2, 50), (700, 4, 48)])
def test_finds_what_sorting_finds(length, words, k):
    rng = np.random.default_rng(0)
    # Few different words: many ties.
    pool = rng.integers(0, 2**64, 5, np.uint64)
    candidates, history = rng.choice(pool, (3, words)), rng.choice(pool, (length, words))
    differing = candidates[:, None] ^ history
    distance = np.unpackbits(differing.view(np.uint8), axis=-1).sum(-1)
    expected = np.argsort(distance, axis=-1, kind="stable")[:, :k]
    found = nearest_events(candidates, np.ascontiguousarray(history.T), k)
    np.testing.assert_array_equal(found, np.sort(expected, axis=-1))
