import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from lifelong.data.contract import VERSION, DataContract
from lifelong.data.features import Feature
from lifelong.models.config import ExportConfig, SoftSearchConfig
from lifelong.models.export import ServingSignatures, export_model
from lifelong.models.training import make_spec
from lifelong.models.wire import wire_spec
from tests.sample_models import (
    RECORDS,
    SMALL,
    all_requests,
    run_transform,
    spread,
    spread_model,
)
from tests.sample_records import make_records, serialize
from tests.stock_tensorflow import stock_scores

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wire():
    """Real requests with raw ids, without labels."""
    batch = all_requests(RECORDS)
    del batch["candidate_label"]
    return batch


@pytest.fixture(scope="module")
def models(transform_output, tmp_path_factory):
    """Paths of an unbaked and a baked SavedModel of the same weights, and the model."""
    model = spread_model("eta", transform_output)
    folder = tmp_path_factory.mktemp("models")
    export_model(model, transform_output, str(folder / "unbaked"))
    model.long_term.bake()
    export_model(model, transform_output, str(folder / "baked"))
    return folder / "unbaked", folder / "baked", model


@pytest.fixture(scope="module")
def baked(models):
    """The baked SavedModel, loaded."""
    return tf.saved_model.load(str(models[1]))


def valid_scores(outputs, wire):
    count = np.asarray(wire["candidate_length"])[:, np.newaxis]
    return np.asarray(outputs["scores"])[np.arange(outputs["scores"].shape[1]) < count]


def test_baked_scores_equal_unbaked_ones(models, baked, wire):
    scores = [
        valid_scores(loaded.signatures["serving_default"](**wire), wire)
        for loaded in (tf.saved_model.load(str(models[0])), baked)
    ]
    assert np.std(scores[0]) > 0.01
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_the_baked_model_holds_the_table_and_no_rotation(models, baked):
    unbaked, spec = tf.saved_model.load(str(models[0])), models[2].spec
    words = -(-spec.model.signature_bits // 64)

    def variables(loaded):
        return {(variable.dtype, tuple(variable.shape)) for variable in loaded.model_variables}

    rotation = (tf.float32, (spec.model.item_dim, spec.model.signature_bits))
    table = (tf.int64, (spec.vocabulary_sizes["item"], words))
    assert rotation in variables(unbaked)
    assert table not in variables(unbaked)
    assert rotation not in variables(baked)
    assert table in variables(baked)


def test_every_input_starts_with_the_request_dimension(baked):
    signatures = baked.signatures
    assert set(signatures) == {
        "serving_default",
        "search",
        "explain",
        "score_records",
        "transform_features",
        "data_contract",
    }
    for signature in signatures.values():
        for spec in signature.structured_input_signature[1].values():
            assert spec.shape.rank >= 1
            assert spec.shape[0] is None


def test_what_is_explained_is_what_is_ranked(baked, wire):
    ranked = baked.signatures["serving_default"](**wire)
    searched = baked.signatures["search"](**wire)
    explained = baked.signatures["explain"](**wire)
    np.testing.assert_allclose(explained["scores"], ranked["scores"], atol=1e-6)
    for key in ("searched_position", "searched_relevance"):
        np.testing.assert_array_equal(explained[key], searched[key])
        np.testing.assert_array_equal(explained[key], explained[key.replace("searched", "eta")])
    without = explained["scores_without_long_term"]
    assert np.abs(without - ranked["scores"]).max() > 0.01


def test_a_model_need_not_explain(models, transform_output, tmp_path):
    export_model(models[2], transform_output, str(tmp_path), ExportConfig(explain=False))
    assert "explain" not in tf.saved_model.load(str(tmp_path)).signatures


def test_the_data_contract_is_told_once_a_row(transform_output, tmp_path):
    model = spread_model("none", transform_output)
    contract = DataContract(VERSION, id_space="shop-7: Kunden, Größe")
    model.spec = dataclasses.replace(model.spec, data_contract=contract)
    export_model(model, transform_output, str(tmp_path))
    told = tf.saved_model.load(str(tmp_path)).signatures["data_contract"]
    for rows in (0, 1, 3):
        outputs = told(user=tf.range(rows, dtype=tf.int64))
        for key, text in contract.texts().items():
            assert outputs[key].numpy().tolist() == [text.encode()] * rows
        assert outputs["item_features"].numpy().tolist() == [b"[]"] * rows
        for key in ("short_length", "long_length", "searched_events"):
            assert outputs[key].numpy().tolist() == [getattr(model.spec.model, key)] * rows


def test_features_are_transformed_whatever_their_names(tmp_path):
    """Also those whose names end like a value that Transform leaves alone."""
    features = (Feature("dwell_length", "event"), Feature("stock_label", "candidate", "numeric"))
    rng = np.random.default_rng(5)
    records = [
        record
        | {
            "history_dwell_length": rng.integers(700, 703, len(record["history_item"])),
            "candidate_stock_label": rng.normal(50, 5, len(record["candidate_item"])),
        }
        for record in RECORDS
    ]
    output = run_transform(tmp_path, records, features)
    config = {"model": dataclasses.asdict(SMALL), "features": [vars(f) for f in features]}
    signatures = ServingSignatures(spread(make_spec(config, output)), output)
    spec = wire_spec(features)
    wire = {key: tf.ones([1] * value.shape.rank, value.dtype) for key, value in spec.items()}
    wire["history_dwell_length"] = tf.constant([[701, 5]], tf.int64)
    wire["candidate_stock_label"] = tf.constant([[50.0]])
    rows = signatures.transform_features(**wire)
    known, unknown = rows["history_dwell_length"].numpy()[0]
    assert known > unknown == 0
    assert abs(rows["candidate_stock_label"].numpy()[0, 0]) < 1


def test_only_stock_kernels_without_python(models):
    proto = saved_model_pb2.SavedModel.FromString((models[1] / "saved_model.pb").read_bytes())
    graph = proto.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert not {node.op for node in nodes} & {"PyFunc", "EagerPyFunc", "PyFuncStateless"}


def test_nothing_is_compiled_by_default(models):
    for path in models[:2]:
        assert b"_XlaMustCompile" not in (path / "saved_model.pb").read_bytes()


def test_records_score_as_their_requests(baked, wire):
    signatures = baked.signatures
    records = tf.constant([serialize(record) for record in RECORDS])
    by_record = signatures["score_records"](records=records)
    by_request = valid_scores(signatures["serving_default"](**wire), wire)
    np.testing.assert_allclose(by_record["scores"], by_request, atol=1e-6)
    np.testing.assert_array_equal(
        by_record["candidate_label"], np.concatenate([r["candidate_label"] for r in RECORDS])
    )
    np.testing.assert_array_equal(
        by_record["history_events"],
        np.concatenate([r["request_events"] + r["events_before_record"] for r in RECORDS]),
    )
    assert by_record["request_candidates"].numpy().sum() == len(by_request)


def test_more_requests_than_are_scored_together(baked):
    """One user with many requests, scored in several steps, as with few."""
    score = baked.signatures["score_records"]
    many = tf.constant([serialize(record) for record in make_records(users=60, seed=9)])
    together = score(records=many)["scores"]
    alone = [score(records=many[i : i + 1])["scores"] for i in range(60)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)


def test_no_records_give_no_scores(baked):
    score = baked.signatures["score_records"]
    assert score(records=tf.constant([], tf.string))["scores"].shape == [0]


def test_unknown_ids_and_empty_histories_are_scored(baked, wire):
    rank = baked.signatures["serving_default"]
    unknown = {key: value[:1] for key, value in wire.items()}
    for key in ("user", "candidate_item", "candidate_category", "history_item"):
        unknown[key] = tf.ones_like(unknown[key]) * 10**15
    assert np.isfinite(rank(**unknown)["scores"]).all()
    unknown["history_length"] = tf.constant([0], tf.int64)
    assert np.isfinite(rank(**unknown)["scores"]).all()


def test_searched_events_are_real_distinct_and_in_the_long_part(baked, wire):
    outputs = baked.signatures["search"](**wire)
    position, relevance = (outputs[f"searched_{key}"].numpy() for key in ("position", "relevance"))
    assert (position.dtype, relevance.dtype) == (np.int64, np.float32)
    length = wire["history_length"].numpy()
    for row, cells in enumerate(position):
        found = min(max(length[row] - SMALL.short_length, 0), SMALL.searched_events)
        for candidate, events in enumerate(cells[: wire["candidate_length"][row]]):
            real = events[events >= 0]
            assert len(real) == len(set(real)) == found
            assert ((real >= SMALL.short_length) & (real < length[row])).all()
            relevances = relevance[row, candidate][events >= 0]
            assert (relevances <= 0).all()
            assert (np.diff(relevances) <= 0).all()
            assert (relevance[row, candidate][events < 0] == 0).all()
    assert (position >= 0).any()


def test_stock_tensorflow_in_a_fresh_process_gives_the_training_processs_scores(
    models, transform_output, wire, tmp_path
):
    _, path, model = models
    expected = ServingSignatures(model, transform_output).rank(**wire)
    scores = {"scores": stock_scores(path, wire, tmp_path)}
    np.testing.assert_allclose(valid_scores(scores, wire), valid_scores(expected, wire), atol=1e-6)


def test_a_model_without_a_search_has_no_search_signature(transform_output, tmp_path):
    model = spread_model("none", transform_output)
    export_model(model, transform_output, str(tmp_path))
    assert "search" not in tf.saved_model.load(str(tmp_path)).signatures


def soft_model(transform_output, wire, served_by):
    """A model with soft search, whose items have been seen with their categories."""
    search = SoftSearchConfig(
        dim=3, served_by=served_by, alsh_bits=128, clusters=20, searched_clusters=5
    )
    model = spread_model("sim_soft", transform_output, soft_search=search)
    rows = ServingSignatures(model, transform_output).transform_features(**wire)
    valid = tf.sequence_mask(wire["candidate_length"], wire["candidate_item"].shape[1])
    model.long_term.space.note_categories(rows["candidate_item"], rows["candidate_category"], valid)
    return model


@pytest.mark.parametrize("served_by", ["exact", "alsh", "index"])
def test_soft_search_is_served_from_tables(transform_output, wire, served_by, tmp_path):
    model = soft_model(transform_output, wire, served_by)
    unbaked = ServingSignatures(model, transform_output).rank(**wire)
    model.long_term.bake()
    expected = ServingSignatures(model, transform_output).rank(**wire)
    export_model(model, transform_output, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))

    outputs = loaded.signatures["search"](**wire)
    scores = valid_scores(outputs, wire)
    np.testing.assert_allclose(scores, valid_scores(expected, wire), atol=1e-6)
    if served_by == "exact":
        np.testing.assert_allclose(scores, valid_scores(unbaked, wire), atol=1e-5)
    position = outputs["searched_position"].numpy()
    found = position >= 0
    length = wire["history_length"].numpy()[:, np.newaxis, np.newaxis]
    assert found.any()
    assert ((position >= SMALL.short_length) & (position < length))[found].all()
    relevance = outputs["searched_relevance"].numpy()
    assert (np.diff(relevance)[found[..., 1:]] <= 0).all()

    # Neither the space nor what hashes it: tables of the search alone
    items, categories = (model.spec.vocabulary_sizes[name] for name in ("item", "category"))
    shapes = sorted(tuple(variable.shape) for variable in loaded.model_variables)
    of_search = {
        "exact": [(items, 6)] * 2 + [(categories, 6)] * 2,
        "alsh": [(items, 2)] * 2,
        "index": [(items, 6)] * 2 + [(categories, 6)] * 2 + [(items,), (items, 5)],
    }[served_by]
    others = {(6, 6), (7, 128), (items, 3), (categories, 3), (items,)}
    for shape in others | set(of_search):
        assert shapes.count(shape) == of_search.count(shape)
