"""Two days of logs: the second one has new users, items and categories."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.contract import VERSION, DataContract
from lifelong.data.features import Feature
from lifelong.data.keys import CANDIDATE_LENGTH
from lifelong.models.config import SoftSearchConfig, TrainingConfig
from lifelong.models.export import ServingSignatures
from lifelong.models.growth import categories_of_items, go_on_from, keep_room
from lifelong.models.trained import SPEC_FILE, read_spec, save_trained
from lifelong.models.training import begin, make_spec
from lifelong.models.vocabulary_files import RAW_IDS, transforms_vocabulary
from tests.sample_models import (
    RECORDS,
    all_requests,
    run_transform,
    small_config,
    transform_records,
)
from tests.sample_records import make_records, write_records

NEW = 1000
IDS = ("user", "item", "category")
TRAINING = TrainingConfig(learning_rate=0.01)


def second_day(known):
    """Records of known items and of new ones, whose categories and users are new, too."""
    records = make_records(users=6, seed=9)
    for record in records:
        record["user"] = [record["user"][0] + NEW]
        for owner in ("history", "candidate"):
            raw = record[f"{owner}_item"]
            items = np.where(raw < 20, raw + NEW, known[raw % len(known)])
            record[f"{owner}_item"] = items
            record[f"{owner}_category"] = np.where(items >= NEW, NEW + items % 5, items % 7)
    return records


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Transform's output of each day, and the records of the second."""
    folder = tmp_path_factory.mktemp("days")
    for day in ("first", "second"):
        (folder / day).mkdir()
    first = run_transform(folder / "first")
    records = second_day(transforms_vocabulary(first, "item").ids)
    second = run_transform(
        folder / "second", records, previous=str(folder / "first" / "vocabularies")
    )
    return first, second, records


def new_model(transform_output, long_term="eta", base=None, **changes):
    config = {"model": dataclasses.asdict(small_config(long_term, **changes)), "features": []}
    spec = make_spec(config, transform_output)
    return begin(keep_room(spec, base) if base else spec, TRAINING, transform_output)


def trained_model(transform_output, **changes):
    """Takes a few steps, after which rows and slots of all kinds are their own."""
    model = new_model(transform_output, **changes)
    batch = all_requests(RECORDS)
    batch |= {raw: batch[key] for raw, key in RAW_IDS.items()}
    for name in IDS:
        for key in [key for key in batch if key.endswith(name)]:
            batch[key] = batch[key] % model.spec.vocabulary_sizes[name]
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(3), verbose=0)
    return model


def scores(model, transform_output, records):
    """Returns what a client gets, for candidates that are there."""
    wire = all_requests(records)
    del wire["candidate_label"]
    found = ServingSignatures(model, transform_output).rank(**wire)["scores"].numpy()
    return found[np.arange(found.shape[1]) < wire[CANDIDATE_LENGTH].numpy()[:, np.newaxis]]


def slots(model):
    """Returns what the optimizer keeps of each variable."""
    return [variable.numpy() for variable in model.optimizer.variables if variable.shape.rank]


@pytest.mark.parametrize(
    ("long_term", "unknown_items"),
    [("eta", "shared"), ("sim_soft", "category"), ("sim_hard", "hash_buckets")],
)
def test_old_requests_keep_their_scores_and_new_ids_get_rows(
    days, tmp_path, long_term, unknown_items
):
    first, second, records = days
    choices = {"long_term": long_term, "unknown_items": unknown_items, "item_buckets": 6}
    if long_term == "sim_soft":
        choices["soft_search"] = SoftSearchConfig(dim=3)
    base = trained_model(first, **choices)
    save_trained(base, str(tmp_path))
    model = new_model(second, base=str(tmp_path), **choices)
    assert not np.allclose(scores(model, second, RECORDS), scores(base, first, RECORDS))
    files = [write_records(transform_records(records, second), tmp_path / "records.gz")]
    new_ids = go_on_from(model, str(tmp_path), second, files)

    for name in IDS:
        before, after = (transforms_vocabulary(day, name) for day in (first, second))
        assert new_ids[name] == len(after.ids) - len(before.ids) > 0
        np.testing.assert_array_equal(after.ids[: len(before.ids)], before.ids)
    np.testing.assert_array_equal(scores(model, second, RECORDS), scores(base, first, RECORDS))
    table, rows = model.embeddings.item.embeddings.numpy(), base.spec.used_rows("item")
    np.testing.assert_array_equal(table[:rows], base.embeddings.item.embeddings[:rows])
    users = model.embeddings.user.embeddings.numpy()[base.spec.used_rows("user") :]
    np.testing.assert_array_equal(users[: new_ids["user"]], users[:1].repeat(new_ids["user"], 0))
    new_items = transforms_vocabulary(second, "item").ids[base.spec.known("item") :]
    categories = categories_of_items(model.spec, second, files)[base.spec.known("item") :]
    unknown_of = {
        "shared": np.zeros_like(categories),
        "category": np.where(
            categories < base.spec.vocabulary_sizes["category"], categories % 6, 0
        ),
        "hash_buckets": tf.strings.to_hash_bucket_fast(new_items.astype(str), 6).numpy(),
    }[unknown_items]
    np.testing.assert_array_equal(table[rows:][: len(new_items)], table[unknown_of])
    if long_term == "sim_soft":
        noted = model.long_term.space.category_of_item.numpy()[rows:]
        np.testing.assert_array_equal(noted[: len(new_items)], categories)
    for new, old in zip(slots(model), slots(base), strict=True):
        np.testing.assert_array_equal(new[: len(old)], old)
        assert not new[len(old) :].any()
    assert model.optimizer.iterations.numpy() == base.optimizer.iterations.numpy() == 3
    assert model.optimizer.learning_rate.numpy() == np.float32(0.01)


def test_new_items_start_as_their_category_and_without_one_as_the_unknown_item(
    days, trained, tmp_path
):
    """Items from 1000 on have new categories, but for the one that this test moves."""
    first, second, records = days
    ids = transforms_vocabulary(second, "item").ids
    known = transforms_vocabulary(first, "item").ids
    moved = next(item for item in ids if item >= NEW)
    records = [dict(record) for record in records]
    for record in records:
        for owner in ("history", "candidate"):
            of = record[f"{owner}_category"]
            record[f"{owner}_category"] = np.where(record[f"{owner}_item"] == moved, 3, of)
    files = [write_records(transform_records(records, second), tmp_path / "records.gz")]
    model = new_model(second, base=trained)
    go_on_from(model, trained, second, files)
    table = model.embeddings.item.embeddings.numpy()
    row = {item: 1 + place for place, item in enumerate(ids)}
    seen = set(np.concatenate([record["history_item"] for record in records]))
    seen |= set(np.concatenate([record["candidate_item"] for record in records]))
    alike = [row[item] for item in known if item % 7 == 3 and item in seen]
    assert len(alike) > 1
    np.testing.assert_allclose(table[row[moved]], table[alike].mean(axis=0), rtol=1e-5)
    others = [row[item] for item in ids if item >= NEW and item != moved]
    np.testing.assert_array_equal(table[others], table[:1].repeat(len(others), 0))


def test_a_model_whose_search_was_trained_ahead_goes_on_with_a_new_optimizer(days, tmp_path):
    """Saved when the search was frozen, its optimizer lacks the search's slots."""
    first, second, records = days
    choices = {"long_term": "sim_soft", "soft_search": SoftSearchConfig(dim=3, ahead_epochs=1)}
    base = new_model(first, **choices)
    base.long_term.end_ahead()
    base.compile(optimizer="adam")
    base.optimizer.build(base.trainable_variables)
    save_trained(base, str(tmp_path))
    model = new_model(second, base=str(tmp_path), **choices)
    files = [write_records(transform_records(records, second), tmp_path / "records.gz")]
    go_on_from(model, str(tmp_path), second, files)
    np.testing.assert_array_equal(scores(model, second, RECORDS), scores(base, first, RECORDS))
    assert not any(slot.any() for slot in slots(model))


def test_a_search_that_learned_with_the_model_does_not_begin_again(days, tmp_path):
    first, second, records = days
    save_trained(new_model(first, long_term="twin"), str(tmp_path))
    model = new_model(second, base=str(tmp_path), long_term="twin")
    assert model.long_term.epochs_ahead == 1
    files = [write_records(transform_records(records, second), tmp_path / "records.gz")]
    go_on_from(model, str(tmp_path), second, files)
    assert model.long_term.epochs_ahead == 0


@pytest.fixture(scope="module")
def trained(days, tmp_path_factory):
    """Folder of a model of the first day."""
    folder = str(tmp_path_factory.mktemp("trained"))
    save_trained(trained_model(days[0]), folder)
    return folder


def test_tables_keep_their_sizes_until_their_spare_rows_are_used_up(days, trained):
    earlier, spec = read_spec(trained), new_model(days[1]).spec
    assert earlier.used_rows("item") < spec.used_rows("item") < earlier.table_rows("item")
    assert earlier.table_rows("user") < spec.used_rows("user") < spec.table_rows("user")
    kept = keep_room(spec, trained)
    assert kept.table_rows("item") == earlier.table_rows("item")
    assert kept.table_rows("user") == spec.table_rows("user")


def test_training_goes_on_where_it_stopped(days, trained, tmp_path):
    """What was trained on is saved, and goes on as any other model does."""
    _, second, records = days
    files = [write_records(transform_records(records, second), tmp_path / "records.gz")]
    model = new_model(second)
    go_on_from(model, trained, second, files)
    save_trained(model, str(tmp_path))
    again = new_model(second)
    assert go_on_from(again, str(tmp_path), second, files) == dict.fromkeys(IDS, 0)
    np.testing.assert_array_equal(scores(again, second, RECORDS), scores(model, second, RECORDS))


def test_another_model_is_not_gone_on_with(days, trained):
    _, second, _ = days
    with pytest.raises(ValueError, match=r"model.head_dim is 7, the model of .* with 4"):
        go_on_from(new_model(second, head_dim=7), trained, second, [])
    model = new_model(second)
    model.spec = dataclasses.replace(
        model.spec, features=(Feature("brand", "candidate", "numeric"),)
    )
    with pytest.raises(ValueError, match="trained with other features, "):
        go_on_from(model, trained, second, [])


def test_nor_one_that_had_a_feature_which_is_gone_or_other_ids(days, trained, tmp_path):
    spec = new_model(days[1]).spec
    contract = DataContract(VERSION, id_space="2025")
    earlier = dataclasses.replace(
        read_spec(trained),
        features=(Feature("brand", "candidate"),),
        vocabulary_sizes=spec.vocabulary_sizes | {"candidate_brand": 3},
        data_contract=contract,
    )
    (tmp_path / SPEC_FILE).write_text(earlier.to_json())
    with pytest.raises(ValueError, match=r"trained with other features, \['candidate_brand'\]"):
        keep_room(spec, str(tmp_path))
    spec = dataclasses.replace(spec, data_contract=dataclasses.replace(contract, id_space="2026"))
    with pytest.raises(ValueError, match=r"data_contract.id_space is '2026', the .* with '2025'"):
        keep_room(spec, str(tmp_path))


@pytest.mark.parametrize("name", ["adam", "adagrad"])
def test_the_state_of_another_optimizer_is_not_gone_on_with(days, trained, name):
    """It has as many slots, of other shapes and types, or fewer."""
    model = new_model(days[1], base=trained)
    model.compile(optimizer=name)
    model.optimizer.build(model.trainable_variables)
    with pytest.raises(ValueError, match=r"has no state of the optimizer Ada\w+: set training"):
        go_on_from(model, trained, days[1], [])


def test_ids_with_other_rows_are_refused(days, trained, tmp_path):
    """A vocabulary of the second day alone has other ids in front."""
    alone = run_transform(tmp_path, days[2] + RECORDS)
    with pytest.raises(ValueError, match="the ids of the vocabulary item have other rows"):
        go_on_from(new_model(alone), trained, alone, [])


def test_categories_of_items_are_those_of_the_records(days, tmp_path):
    _, second, records = days
    spec = new_model(second).spec
    files = [write_records(transform_records(records, second), tmp_path / "records.gz")]
    categories = categories_of_items(spec, second, files)
    known = transforms_vocabulary(second, "category").ids.tolist()
    items = transforms_vocabulary(second, "item").ids
    seen = set(np.concatenate([record["history_item"] for record in records]))
    for row, item in enumerate(items):
        if item in seen:
            raw = NEW + item % 5 if item >= NEW else item % 7
            assert categories[row] == (known.index(raw) + 1 if raw in known else 0)
    assert len(categories) == len(items)
