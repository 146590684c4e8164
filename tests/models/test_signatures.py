"""What TensorFlow Serving's batching asks of signatures, of models run as a server runs them."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lifelong.models.config import SoftSearchConfig
from lifelong.models.export import export_model
from lifelong.models.long_term import LONG_TERM_PARTS
from lifelong.serving.request import stack_requests
from lifelong.serving.server.session import LoadedModel
from tests.sample_models import RECORDS, SMALL, all_requests, spread_model
from tests.sample_searches import searched_requests
from tests.signature_runs import run_signature

pytestmark = pytest.mark.slow

INT64 = np.iinfo(np.int64)
# Scores are sums of another order in a batch of another size.
TOLERANCE = 1e-5
INDEX = SoftSearchConfig(dim=3, served_by="index", clusters=9, searched_clusters=3)
PARTS = {name: (name, {}) for name in LONG_TERM_PARTS} | {
    "sim_soft by its index": ("sim_soft", {"soft_search": INDEX})
}
# The lists of a request, by what tells their lengths.
LISTS = {
    "history_length": ("history_item", "history_category", "history_timestamp"),
    "candidate_length": ("candidate_item", "candidate_category"),
    "searched_length": ("searched_item", "searched_timestamp"),
}


@pytest.fixture(scope="module", params=PARTS)
def model(request, transform_output, tmp_path_factory):
    """A baked SavedModel in a session, with every long-term part."""
    long_term, changes = PARTS[request.param]
    folder = str(tmp_path_factory.mktemp("model"))
    trained = spread_model(long_term, transform_output, **changes)
    trained.long_term.bake()
    export_model(trained, transform_output, folder)
    return LoadedModel(folder, version=1)


@pytest.fixture(scope="module")
def wire():
    """Real requests with raw ids, padded to one width."""
    batch = {key: value.numpy() for key, value in all_requests(RECORDS).items()}
    del batch["candidate_label"]
    return batch


@pytest.fixture(scope="module")
def requests(model, wire):
    """By each signature that ranks, requests of one row that are as narrow as they can be."""
    rows = [_narrow(wire, row) for row in range(len(wire["user"]))]
    by_signature = {"serving_default": rows, "transform_features": rows, "explain": rows}
    if "search" in model.signatures:
        by_signature["search"] = rows
    if "searched_events" in model.signatures:
        by_signature["searched_events"] = [
            searched_requests(row, SMALL.short_length, SMALL.window, SMALL.searched_events)
            for row in rows
        ]
    return by_signature


def _narrow(wire, row):
    request = {key: value[row : row + 1] for key, value in wire.items()}
    for length in ("history_length", "candidate_length"):
        for key in LISTS[length]:
            request[key] = request[key][:, : max(request[length][0], 1)]
    return request


def offered(request):
    """Which candidates are no padding, `[B, N]`."""
    width = request["candidate_item"].shape[1]
    return np.arange(width) < request["candidate_length"][:, np.newaxis]


def first_rows(request, rows):
    return {key: value[:rows] for key, value in request.items()}


def test_every_input_and_output_starts_with_the_batch(model, requests):
    for name in set(model.signatures) - {"__saved_model_init_op"}:
        signature = model.signature(name)
        # What `score_records` returns is one row a request, and one a candidate.
        tensors = [*signature.inputs.values()]
        tensors += signature.outputs.values() if name != "score_records" else []
        for tensor in tensors:
            assert not tensor.tensor_shape.unknown_rank, (name, tensor.name)
            assert tensor.tensor_shape.dim[0].size == -1, (name, tensor.name)
        if name == "data_contract":
            outputs = run_signature(model, name, {"user": np.arange(3)})
        elif name in requests:
            outputs = run_signature(model, name, stack_requests(requests[name][:3]))
        else:
            assert name == "score_records"
            continue
        assert {value.shape[0] for value in outputs.values()} == {3}, name


# Calls under way at the same time: the requests of each, which is a client's own batch.
CALLS = st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=4), min_size=1, max_size=4)


@settings(derandomize=True, max_examples=12, deadline=None)
@given(calls=CALLS, padding=st.integers(0, 3))
@example(calls=[[0], [17], [3, 30]], padding=2)
def test_calls_that_are_batched_are_answered_as_each_alone(model, requests, calls, padding):
    """Narrow calls are padded with the first element of each tensor, the batch with its first row.

    That is what `pad_variable_length_inputs` and `allowed_batch_sizes` do. Answers are split by row.
    """
    for name, rows in requests.items():
        merged = [stack_requests([rows[i % len(rows)] for i in call]) for call in calls]
        batch = stack_requests(merged)
        filled = stack_requests([batch, *[first_rows(batch, 1)] * padding])
        together = run_signature(model, name, filled)
        first = 0
        for request in merged:
            last = first + len(request["user"])
            for key, alone in run_signature(model, name, request).items():
                part = together[key][first:last][tuple(slice(size) for size in alone.shape)]
                if name != "transform_features":
                    real = offered(request)
                    part, alone = part[real], alone[real]
                np.testing.assert_allclose(part, alone, atol=TOLERANCE, err_msg=f"{name}: {key}")
            first = last


@pytest.mark.parametrize("content", ["random", -1, INT64.max, INT64.min])
def test_what_padding_holds_does_not_matter(model, requests, content):
    rng = np.random.default_rng(3)
    for name, rows in requests.items():
        if name == "transform_features":
            continue
        request = stack_requests(rows)
        changed = dict(request)
        for length, keys in LISTS.items():
            for key in set(keys) & set(request):
                place = np.arange(request[key].shape[-1])
                padding = place >= request[length][..., np.newaxis]
                assert padding.any()
                cells = request[key].shape
                held = rng.integers(INT64.min, INT64.max, cells) if content == "random" else content
                changed[key] = np.where(padding, held, request[key])
        real = offered(request)
        expected = run_signature(model, name, request)
        for key, value in run_signature(model, name, changed).items():
            np.testing.assert_allclose(value[real], expected[key][real], atol=1e-6)


def test_ids_that_are_not_known_are_all_alike(model, requests):
    """Whatever they are, scores are finite, and the same again."""
    rng = np.random.default_rng(4)
    rows = requests["serving_default"]
    known = stack_requests(rows)
    scores = []
    for unknown in (10**15, -1, INT64.max, INT64.min, "random"):
        request = dict(known)
        for key in ("user", *LISTS["candidate_length"], "history_item", "history_category"):
            if unknown == "random":
                request[key] = rng.integers(10**6, INT64.max, known[key].shape)
            else:
                request[key] = np.full_like(known[key], unknown)
        scores.append(run_signature(model, "serving_default", request)["scores"])
        np.testing.assert_array_equal(
            scores[-1], run_signature(model, "serving_default", request)["scores"]
        )
    assert np.isfinite(scores[0]).all()
    for other in scores[1:]:
        np.testing.assert_array_equal(other, scores[0])
    assert np.abs(run_signature(model, "serving_default", known)["scores"] - scores[0]).max() > 1e-3
