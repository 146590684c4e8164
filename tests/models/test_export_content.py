"""What lies in a SavedModel's files: every table once, in its type, never as a constant."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from lifelong.models.config import ExportConfig, SoftSearchConfig
from lifelong.models.export import ServingSignatures, export_model
from tests.sample_models import RECORDS, all_requests, spread_model

pytestmark = pytest.mark.slow

# Bytes. These models' tables of items and signatures are larger.
LARGEST_CONSTANT = 300


def trained_and_baked(long_term, transform_output, **changes):
    """Returns a model with an optimizer's slots, and its baked tables."""
    model = spread_model(long_term, transform_output, **changes)
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    assert len(model.optimizer.variables) > 2 * len(model.trainable_variables)
    return model, model.long_term.bake()


def read_graph(path):
    """Returns the nodes of the graph and of its functions."""
    proto = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    (meta_graph,) = proto.meta_graphs
    graph = meta_graph.graph_def
    return [*graph.node, *(node for f in graph.library.function for node in f.node_def)]


def saved_variables(path):
    """Counts the variables of the checkpoint by type and shape."""
    checkpoint = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    types = checkpoint.get_variable_to_dtype_map()
    return collections.Counter(
        (types[name].name, *shape)
        for name, shape in checkpoint.get_variable_to_shape_map().items()
        # The description of the objects that were saved is a string.
        if types[name] != tf.string
    )


def counted(variables):
    return collections.Counter((v.dtype.name, *v.shape.as_list()) for v in variables)


def in_type(table, table_type):
    """What a float32 table is stored as."""
    rows, size = table.shape
    if table_type == "int8":
        return [("int8", rows, size), ("float32", rows, 1)]
    return [(table_type, rows, size)]


@pytest.mark.parametrize(
    ("long_term", "changes", "table_type"),
    [
        ("eta", {}, "float32"),
        ("eta", {}, "bfloat16"),
        ("eta", {}, "int8"),
        ("sim_soft", {"soft_search": SoftSearchConfig(dim=3, served_by="alsh")}, "int8"),
    ],
)
def test_tables_and_weights_are_saved_once_as_variables(
    transform_output, tmp_path, long_term, changes, table_type
):
    model, baked = trained_and_baked(long_term, transform_output, **changes)
    # In a model of another search, `explain` hashes item vectors, to compare it with ETA's.
    export = ExportConfig(table_type=table_type, explain=long_term == "eta")
    export_model(model, transform_output, str(tmp_path), export)
    embeddings = model.embeddings
    tables = [layer.embeddings for layer in (embeddings.item, embeddings.category, embeddings.user)]
    # What searches while training is replaced by the baked tables.
    replaced = {id(table) for table in tables}
    if long_term == "sim_soft":
        part = model.long_term
        replaced |= {id(v) for v in (*part.space.variables, *part.auxiliary.variables)}
    expected = counted(v for v in model.trainable_variables if id(v) not in replaced)
    expected += counted(baked)
    for table in tables:
        expected.update(in_type(table, table_type))
    assert saved_variables(tmp_path) == expected

    # Strings are names of variables and of vocabulary files.
    nodes = [node for node in read_graph(tmp_path) if node.attr["dtype"].type != tf.string]
    assert sum(node.op == "VarHandleOp" for node in nodes) == sum(expected.values())
    constants = [node.attr["value"].tensor.ByteSize() for node in nodes if node.op == "Const"]
    assert constants
    assert max(constants) < LARGEST_CONSTANT
    for table in (tables[0], *baked):
        assert table.shape.num_elements() * table.dtype.size > LARGEST_CONSTANT


def test_an_export_rounds_neither_the_model_nor_its_signatures(transform_output, tmp_path):
    model = spread_model("eta", transform_output)
    (signatures,) = model.long_term.bake()
    wire = all_requests(RECORDS)
    del wire["candidate_label"]
    scores = ServingSignatures(model, transform_output).rank(**wire)["scores"]
    export_model(model, transform_output, str(tmp_path), ExportConfig(table_type="int8"))
    again = ServingSignatures(model, transform_output).rank(**wire)["scores"]
    np.testing.assert_array_equal(again, scores)

    loaded = tf.saved_model.load(str(tmp_path))
    rounded = loaded.signatures["serving_default"](**wire)["scores"]
    assert 1e-5 < np.abs(rounded - scores).max() < 0.2
    (table,) = (v for v in loaded.model_variables if v.dtype == tf.int64)
    np.testing.assert_array_equal(table, signatures)
    # Spare rows are not baked.
    items = model.embeddings.item.embeddings[: model.spec.used_rows("item")]
    hashed = model.long_term.simhash(items).numpy()
    np.testing.assert_array_equal(table, hashed)


def test_a_table_that_cannot_be_rounded_is_not_exported(transform_output, tmp_path):
    model = spread_model("none", transform_output)
    table = model.embeddings.category.embeddings
    table[0, 0].assign(np.nan)
    with pytest.raises(ValueError, match=r"`category`.*export\.table_type int8: train again"):
        export_model(model, transform_output, str(tmp_path / "1"), ExportConfig("int8"))
    assert not (tmp_path / "1").exists()
    # The tables before it are looked up as they were trained.
    items = model.embeddings.item
    np.testing.assert_array_equal(items(tf.range(3)), items.embeddings[:3])
