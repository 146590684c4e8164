import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import SoftSearchConfig
from lifelong.models.embeddings import Embeddings
from lifelong.models.export import ServingSignatures
from lifelong.models.soft_search.space import SearchSpace
from lifelong.models.training import make_spec
from lifelong.models.unknown_items import UnknownItems
from lifelong.models.vocabulary_files import transforms_vocabulary
from tests.sample_models import RECORDS, all_requests, small_config, small_spec, spread_model
from tests.sample_records import serialize

KNOWN, CATEGORIES, BUCKETS = 10, 4, 6
CHOICES = ("shared", "hash_buckets", "category")
BLOCKS = dict(zip(CHOICES, (1, BUCKETS, BUCKETS), strict=True))
# Transform's rows: 0 is that of unknown items.
ITEMS = [[0, 2, 0, 9, 0]]
IDS = [[700, 12, 701, 19, 702]]
ROWS_OF = [[3, 0, 0, 1, 2]]
# FarmHash's fingerprints of the ids as text, modulo 6.
BUCKETS_OF = {
    number: tf.strings.to_hash_bucket_fast([str(number)], BUCKETS).numpy()[0]
    for number in (700, 701, 702)
}


def spec_of(choice, **changes):
    """A vocabulary of `KNOWN` items and of `CATEGORIES - 1` known categories."""
    spec = small_spec("full", unknown_items=choice, **{"item_buckets": BUCKETS, **changes})
    sizes = {"item": KNOWN + 1, "category": CATEGORIES, "user": 3}
    return dataclasses.replace(spec, vocabulary_sizes=sizes)


def rows(values):
    return tf.constant(values, tf.int64)


def batch_of(owner="candidate", items=ITEMS, ids=IDS, categories=ROWS_OF):
    return {
        f"{owner}_item": rows(items),
        f"{owner}_item_id": rows(ids),
        f"{owner}_category": rows(categories),
    }


def test_rows_of_the_block_stand_for_new_categories_where_no_older_one_shares_them():
    """Of 10 known categories and that of unknown ones, with a block of 6 rows."""
    spec = dataclasses.replace(
        spec_of("category"), vocabulary_sizes={"item": KNOWN + 1, "category": 11, "user": 3}
    )
    assert list(UnknownItems(spec).rows_of_categories(4)) == [4, 5]
    assert not UnknownItems(spec).rows_of_categories(8)
    assert list(UnknownItems(spec_of("category")).rows_of_categories(2)) == [2, 3]
    assert not UnknownItems(spec_of("hash_buckets")).rows_of_categories(2)


def look_up(choice, **changes):
    found = UnknownItems(spec_of(choice, **changes)).look_up(batch_of())
    return found["candidate_item"].numpy().tolist()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("shared", [[0, 2, 0, 9, 0]]),
        # Known items follow the block of six rows.
        ("hash_buckets", [[BUCKETS_OF[700], 7, BUCKETS_OF[701], 14, BUCKETS_OF[702]]]),
        ("category", [[3, 7, 0, 14, 2]]),
    ],
)
def test_rows_by_hand(choice, expected):
    assert look_up(choice) == expected


def test_more_categories_than_rows_share_them():
    assert look_up("category", item_buckets=2) == [[1, 3, 0, 10, 0]]


@pytest.mark.parametrize("choice", CHOICES)
def test_known_items_keep_their_rows_when_items_and_categories_are_added(choice):
    spec = spec_of(choice)
    grown = dataclasses.replace(
        spec, vocabulary_sizes={"item": KNOWN + 50, "category": CATEGORIES + 9, "user": 9}
    )
    before, after = (UnknownItems(of).look_up(batch_of()) for of in (spec, grown))
    np.testing.assert_array_equal(before["candidate_item"], after["candidate_item"])


@pytest.mark.parametrize("choice", CHOICES)
def test_every_item_has_a_row_in_the_table(choice):
    spec = spec_of(choice)
    assert UnknownItems(spec).block == BLOCKS[choice]
    assert Embeddings(spec).item.input_dim == KNOWN + BLOCKS[choice]


@pytest.mark.parametrize("choice", CHOICES)
def test_history_candidates_and_searched_events_alike(choice):
    # One event of each category: [B, C, K] and [B, C]
    searched = batch_of("searched", np.transpose(ITEMS)[np.newaxis], np.transpose(IDS)[np.newaxis])
    batch = batch_of("history") | batch_of() | searched | {"history_length": rows([5])}
    found = UnknownItems(spec_of(choice)).look_up(batch)
    assert found.keys() == batch.keys()
    expected = look_up(choice)
    for key in ("history_item", "candidate_item"):
        assert found[key].numpy().tolist() == expected
    assert found["searched_item"].numpy()[:, :, 0].tolist() == expected
    assert batch["history_item"].numpy().tolist() == ITEMS


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        # What stands for unknown items of all categories has the unknown one, 0.
        ("shared", [0, 2, *[0] * 9]),
        ("hash_buckets", [1, *[0] * 5, 2, *[0] * 9]),
        ("category", [0, 1, 2, 3, 0, 0, 2, *[0] * 9]),
    ],
)
def test_the_catalogue_of_soft_search_knows_the_categories(choice, expected):
    spec = spec_of(choice)
    space = SearchSpace(spec)
    space.note_categories(rows([0, BLOCKS[choice]]), rows([1, 2]), tf.constant([True, True]))
    categories = space.catalogue()(tf.range(space.items))[:, spec.model.soft_search.dim :]
    np.testing.assert_array_equal(categories, space.category(rows(expected)))


def test_rows_that_stand_for_nothing_are_no_neighbors():
    """With `category`, the block has more rows than there are categories."""
    assert SearchSpace(spec_of("shared")).catalogue_rows().numpy().tolist() == [*range(11)]
    spec = dataclasses.replace(spec_of("category"), spare_rows={"item": 5})
    assert SearchSpace(spec).catalogue_rows().numpy().tolist() == [0, 1, 2, 3, *range(6, 16)]


def test_the_sizes_are_those_of_the_vocabularies(transform_output):
    known = len(transforms_vocabulary(transform_output, "item").ids)
    model = dataclasses.asdict(small_config("eta", unknown_items="hash_buckets", item_buckets=5))
    spec = make_spec({"model": model, "features": []}, transform_output)
    assert spec.vocabulary_sizes["item"] == known + 1
    assert spec.used_rows("item") == known + 5
    assert spec.table_rows("item") == known + 5 + np.ceil((known + 5) * 0.2)


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
    table = signatures.transform_features(**wire)["candidate_item"].numpy()
    assert len(set(table[table < model.unknown_items.block])) > 1
    assert table.max() < model.spec.used_rows("item")
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
