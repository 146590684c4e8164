import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.candidate_matches import CandidateMatches
from lifelong.models.config import SoftSearchConfig
from lifelong.models.embeddings import Embeddings
from lifelong.models.export import ServingSignatures
from lifelong.models.soft_search.space import SearchSpace
from lifelong.models.training import make_spec
from lifelong.models.unknown_items import UnknownItems, unknown_item_rows
from tests.sample_models import RECORDS, all_requests, small_config, small_spec, spread_model
from tests.sample_records import serialize

KNOWN, CATEGORIES, BUCKETS = 10, 4, 3
CHOICES = ("shared", "matched", "hash_buckets", "category")
# The hashes 0, 4 and 6 of unknown items, and two known ones.
ITEMS = [[KNOWN, 2, KNOWN + 4, 9, KNOWN + 6]]
ROWS_OF = [[3, 0, 0, 1, 2]]


def spec_of(choice):
    """A vocabulary of `KNOWN` items and of `CATEGORIES - 1` known categories."""
    spec = small_spec("full", unknown_items=choice, item_buckets=BUCKETS)
    unknown = unknown_item_rows(spec.model, CATEGORIES)
    sizes = {"item": KNOWN + unknown, "category": CATEGORIES, "user": 3}
    return dataclasses.replace(spec, vocabulary_sizes=sizes)


def rows(values):
    return tf.constant(values, tf.int64)


def look_up(choice, items=ITEMS, categories=ROWS_OF):
    batch = {"candidate_item": rows(items), "candidate_category": rows(categories)}
    return UnknownItems(spec_of(choice)).look_up(batch)["candidate_item"].numpy().tolist()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("shared", [[10, 2, 10, 9, 10]]),
        ("matched", [[10, 2, 10, 9, 10]]),
        # 10 + 0 % 3, 10 + 4 % 3, 10 + 6 % 3
        ("hash_buckets", [[10, 2, 11, 9, 10]]),
        # 10 + the row of the category
        ("category", [[13, 2, 10, 9, 12]]),
    ],
)
def test_rows_by_hand(choice, expected):
    assert look_up(choice) == expected
    assert look_up(choice, expected) == expected


@pytest.mark.parametrize(
    ("choice", "rows_of"), zip(CHOICES, (1, 1, BUCKETS, CATEGORIES), strict=True)
)
def test_every_item_has_a_row_in_the_table(choice, rows_of):
    spec = spec_of(choice)
    assert spec.vocabulary_sizes["item"] == KNOWN + rows_of
    assert UnknownItems(spec).known == KNOWN
    assert Embeddings(spec).item.input_dim == KNOWN + rows_of


@pytest.mark.parametrize("choice", CHOICES)
def test_history_candidates_and_searched_events_alike(choice):
    items, categories = np.array(ITEMS), np.array(ROWS_OF)
    batch = {
        "history_item": rows(items),
        "history_category": rows(categories),
        "candidate_item": rows(items),
        "candidate_category": rows(categories),
        # One event of each category: [B, C, K] and [B, C]
        "searched_item": rows(items[:, :, np.newaxis]),
        "searched_category": rows(categories),
        "history_length": rows([5]),
    }
    found = UnknownItems(spec_of(choice)).look_up(batch)
    hashes = {key for key in found if key.endswith("_item_hash")}
    assert found.keys() - hashes == batch.keys()
    assert hashes == (
        {f"{owner}_item_hash" for owner in ("history", "candidate", "searched")}
        if choice == "matched"
        else set()
    )
    for key in hashes:
        np.testing.assert_array_equal(found[key], batch[key.removesuffix("_hash")])
    assert UnknownItems(spec_of(choice)).look_up(found).keys() == found.keys()
    expected = look_up(choice)
    for key in ("history_item", "candidate_item"):
        assert found[key].numpy().tolist() == expected
    assert found["searched_item"].numpy()[:, :, 0].tolist() == expected
    assert batch["history_item"].numpy().tolist() == ITEMS


@pytest.mark.parametrize(
    ("choice", "matching"), [("shared", 1), ("matched", 3), ("category", 1), ("hash_buckets", 3)]
)
def test_only_what_is_told_apart_matches_itself(choice, matching):
    """Three candidates, two of them unknown, each with an event of its own."""
    items, categories = rows([[KNOWN, 2, KNOWN + 1]]), rows([[0, 1, 2]])
    batch = {"history_item": items, "history_category": categories}
    batch |= {"candidate_item": items, "candidate_category": rows([[3, 3, 3]])}
    batch = UnknownItems(spec_of(choice)).look_up(batch)
    matches = CandidateMatches(spec_of(choice))
    evidence = matches(batch, batch, rows([[5, 6, 7]]), tf.ones([1, 3], tf.bool)).numpy()
    # The first number is log(1 + events of the candidate's item).
    np.testing.assert_allclose(np.expm1(evidence[0, :, 0]).sum(), matching, rtol=1e-6)


@pytest.mark.parametrize("choice", CHOICES)
def test_unknown_items_are_the_rarest(choice):
    popularity = Embeddings(spec_of(choice)).popularity(rows(look_up(choice))).numpy()[0, :, 0]
    expected = np.log1p([KNOWN, 2, KNOWN, 9, KNOWN]) / np.log1p(KNOWN)
    np.testing.assert_allclose(popularity, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        # Row 10 is of unknown items of all categories: the unknown category, 3.
        ("shared", [2, *[3] * 9, 3]),
        ("matched", [2, *[3] * 9, 3]),
        ("hash_buckets", [2, *[3] * 9, 1, 3, 3]),
        ("category", [2, *[3] * 9, 0, 1, 2, 3]),
    ],
)
def test_the_catalogue_of_soft_search_knows_the_categories(choice, expected):
    spec = spec_of(choice)
    space = SearchSpace(spec)
    space.note_categories(rows([0, KNOWN]), rows([2, 1]), tf.constant([True, True]))
    categories = space.catalogue()[:, spec.model.soft_search.dim :]
    np.testing.assert_array_equal(categories, space.category(rows(expected)))


def test_vocabulary_sizes_hold_the_rows_of_unknown_items(transform_output):
    known = transform_output.vocabulary_size_by_name("item")
    categories = transform_output.vocabulary_size_by_name("category")
    for choice, unknown in (
        ("shared", 1),
        ("matched", 1),
        ("hash_buckets", 5),
        ("category", categories + 1),
    ):
        model = dataclasses.asdict(small_config("eta", unknown_items=choice, item_buckets=5))
        spec = make_spec({"model": model, "features": []}, transform_output)
        assert spec.vocabulary_sizes["item"] == known + unknown
        assert spec.vocabulary_sizes["category"] == categories + 1


@pytest.mark.parametrize("choice", CHOICES[1:])
@pytest.mark.parametrize("long_term", ["eta", "sim_soft", "sim_hard"])
def test_raw_ids_are_served_as_they_were_trained(transform_output, choice, long_term):
    """Baked and unbaked, by history and by record, and what `search` finds."""
    changes = {"soft_search": SoftSearchConfig(dim=3)} if long_term == "sim_soft" else {}
    model = spread_model(
        long_term, transform_output, unknown_items=choice, item_buckets=7, **changes
    )
    wire = all_requests(RECORDS)
    del wire["candidate_label"]
    signatures = ServingSignatures(model, transform_output)
    known = transform_output.vocabulary_size_by_name("item")
    table = signatures.transform_features(**wire)["candidate_item"].numpy()
    assert (len(set(table[table >= known])) > 1) == (choice != "matched")
    assert table.max() < model.spec.vocabulary_sizes["item"]
    unbaked = signatures.rank(**wire)["scores"].numpy()
    model.long_term.bake()
    found = signatures.search(**wire)
    np.testing.assert_allclose(found["scores"], unbaked, atol=1e-5)
    valid = np.arange(unbaked.shape[1]) < wire["candidate_length"].numpy()[:, np.newaxis]
    records = tf.constant([serialize(record) for record in RECORDS])
    np.testing.assert_allclose(
        signatures.score_records(records)["scores"], unbaked[valid], atol=1e-5
    )


def test_rows_of_unknown_items_are_trained_apart(transform_output):
    """Two unknown items of one request have different scores, unless they share a row."""
    wire = all_requests(RECORDS)
    del wire["candidate_label"]
    one = {key: value[-1:] for key, value in wire.items()}
    one["candidate_item"] = rows([[10**9, 10**9 + 1]])
    one["candidate_category"] = rows([[1, 1]])
    one["candidate_length"] = rows([2])
    for choice, different in (("shared", False), ("hash_buckets", True), ("category", False)):
        model = spread_model("sim_hard", transform_output, unknown_items=choice)
        scores = ServingSignatures(model, transform_output).rank(**one)["scores"].numpy()[0]
        assert (scores[0] != scores[1]) == different
