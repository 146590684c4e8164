"""Models whose distance of signatures XLA compiles."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from lifelong.models.config import ExportConfig, SoftSearchConfig
from lifelong.models.export import ServingSignatures, export_model
from lifelong.models.long_term import LONG_TERM_PARTS
from lifelong.serving.server.session import LoadedModel
from tests.sample_models import RECORDS, all_requests, spread_model
from tests.sample_records import serialize
from tests.signature_runs import run_signature

pytestmark = pytest.mark.slow

COMPILED = ExportConfig(jit_compile=True)
ALSH = {"soft_search": SoftSearchConfig(dim=3, served_by="alsh")}


@pytest.fixture(scope="module")
def wire():
    batch = {key: value.numpy() for key, value in all_requests(RECORDS).items()}
    del batch["candidate_label"]
    return batch


@pytest.fixture(scope="module")
def compiled(transform_output, tmp_path_factory):
    """An unbaked model, and the folder that it was exported to with compilation."""
    model = spread_model("eta", transform_output)
    folder = tmp_path_factory.mktemp("compiled")
    export_model(model, transform_output, str(folder), COMPILED)
    return model, folder


def compiled_functions(path):
    """Returns how many functions of a SavedModel XLA has to compile."""
    proto = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    library = proto.meta_graphs[0].graph_def.library
    return sum(function.attr["_XlaMustCompile"].b for function in library.function)


@pytest.mark.parametrize(("long_term", "changes"), [("eta", {}), ("sim_soft", ALSH)])
def test_compiled_scores_are_the_uncompiled_ones(
    transform_output, tmp_path, wire, long_term, changes
):
    model = spread_model(long_term, transform_output, **changes)
    model.long_term.bake()
    export_model(model, transform_output, str(tmp_path / "1"))
    export_model(model, transform_output, str(tmp_path / "2"), COMPILED)
    assert compiled_functions(tmp_path / "1") == 0
    assert compiled_functions(tmp_path / "2") > 0
    plain, compiled = (LoadedModel(str(tmp_path / name), version=1) for name in "12")
    # Each shape is compiled anew.
    for rows, width, candidates in ((38, 12, 5), (1, 6, 2), (2, 4, 1)):
        some = {key: value[-rows:] for key, value in wire.items()}
        for key, value in some.items():
            if value.ndim == 2:
                some[key] = value[:, : candidates if key.startswith("candidate") else width]
        for signature in ("serving_default", "search"):
            expected = run_signature(plain, signature, some)
            for key, value in run_signature(compiled, signature, some).items():
                np.testing.assert_array_equal(value, expected[key], err_msg=key)
    assert np.std(run_signature(plain, "serving_default", wire)["scores"]) > 0.01


def test_records_are_scored_without_compilation(compiled, transform_output):
    """Their shapes change from call to call."""
    model, folder = compiled
    loaded = tf.saved_model.load(str(folder))
    score = loaded.signatures["score_records"]
    used, waiting = set(), [score.graph.as_graph_def()]
    library = {function.signature.name: function for function in waiting[0].library.function}
    nodes = list(waiting[0].node)
    while nodes:
        for value in nodes.pop().attr.values():
            name = value.func.name
            if name in library and name not in used:
                used.add(name)
                nodes.extend(library[name].node_def)
    assert used
    assert not any(library[name].attr["_XlaMustCompile"].b for name in used)
    records = tf.constant([serialize(record) for record in RECORDS])
    expected = ServingSignatures(model, transform_output).score_records(records)["scores"]
    np.testing.assert_allclose(score(records=records)["scores"], expected, atol=1e-6)


def test_the_model_stays_as_it_is(compiled, transform_output, tmp_path):
    model, _ = compiled
    assert not model.long_term.hamming_search.jit_compile
    export_model(model, transform_output, str(tmp_path))
    assert compiled_functions(tmp_path) == 0


@pytest.mark.parametrize("long_term", [name for name in LONG_TERM_PARTS if name != "eta"])
def test_a_model_that_computes_no_distance_is_refused(transform_output, tmp_path, long_term):
    model = spread_model(long_term, transform_output)
    model.long_term.bake()
    with pytest.raises(ValueError, match=f"export.jit_compile .*model.long_term {long_term}"):
        export_model(model, transform_output, str(tmp_path / "1"), COMPILED)
    assert not (tmp_path / "1").exists()
