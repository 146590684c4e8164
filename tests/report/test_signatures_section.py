import numpy as np
import pytest

from lifelong.models.layers import SimHash
from lifelong.report.signatures_section import (
    Collisions,
    count_collisions,
    distance_shares,
    fair_shares,
    signature_tables,
    signatures_section,
    unpack_bits,
)
from tests.sample_models import small_spec, spread


def test_bits_are_unpacked_in_the_order_of_the_words():
    # Bit 63 is the sign; bit 64 is the first of the second word.
    words = np.array([[5, 0], [-(2**63), 1]])
    ones = unpack_bits(words, 66)
    assert ones.shape == (2, 66)
    assert np.flatnonzero(ones[0]).tolist() == [0, 2]
    assert np.flatnonzero(ones[1]).tolist() == [63, 64]
    assert ones.mean(axis=0)[[0, 1, 2, 64]].tolist() == [0.5, 0, 0.5, 0.5]


def test_bits_are_those_of_the_hash():
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    hashed = SimHash(bits=70)
    ones = unpack_bits(hashed(vectors).numpy(), 70)
    np.testing.assert_array_equal(ones, vectors @ hashed.rotation.numpy() > 0)


def test_items_that_share_a_signature_are_counted():
    words = np.array([[1, 2], [1, 2], [1, 3], [7, 7], [7, 7], [7, 7], [2, 1]])
    assert count_collisions(words) == Collisions(signatures=4, items=5, largest=3)


def test_distances_of_pairs_by_hand():
    # Every pair of different items of these differs in two bits, and none in another number.
    ones = np.eye(3, dtype=bool)
    assert distance_shares(ones, pairs=50).tolist() == [0, 0, 1, 0]


def test_fair_coins_differ_as_the_binomial_says():
    assert fair_shares(3).tolist() == [1 / 8, 3 / 8, 3 / 8, 1 / 8]
    assert fair_shares(256).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("long_term", "names"), [("eta", ["items"]), ("sim_hard", []), ("sim_soft", [])]
)
def test_the_signatures_that_serve_are_those_of_known_items(long_term, names):
    model = spread(small_spec(long_term))
    tables = signature_tables(model)
    assert list(tables) == names
    for words in tables.values():
        # The first of 71 rows stands for unknown items.
        assert words.shape == (70, 1)
        own = model.long_term.simhash(model.embeddings.items(np.arange(1, 71)))
        np.testing.assert_array_equal(words, own)


def test_a_model_without_signatures_has_no_section():
    assert signatures_section(spread(small_spec("sim_hard"))) is None
    assert signatures_section(spread(small_spec("eta"))).name == "signatures"
