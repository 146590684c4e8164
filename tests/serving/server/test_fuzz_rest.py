"""Whatever is sent over HTTP, to a server in a process of its own, it answers on."""

import contextlib
import copy
import http.client
import json
import socket

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

TIMEOUT_S = 20
MAX_GROWTH = 300 * 2**20
FUZZ = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
PATHS = st.sampled_from(
    [
        *("/v1/models/half:predict", "/v1/models/half", "/v1/models/half/metadata", "/v1/models"),
        *("/v1/models/half/versions/1:predict", "/v1/models/half/versions/99999999999999999999"),
        *(
            "/v1/models/%FF%00:predict",
            "/v1/models/half/labels/%",
            "/monitoring/prometheus/metrics",
        ),
        *("/", "*", "//", "/v1/models/../half"),
    ]
) | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=20)
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Length", "Transfer-Encoding", "Content-Encoding", "Expect", "Host"]),
    st.sampled_from(["0", "7", "-1", "1e9", "chunked", "gzip", "100-continue", ""]),
    max_size=3,
)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.none() | st.text(max_size=3)


@pytest.fixture(scope="module")
def inputs(ranker_inputs):
    return {key: value.tolist() for key, value in ranker_inputs["serving_default"].items()}


@pytest.fixture(scope="module")
def process(half_plus, ranker_model, push, tmp_path_factory):
    base = tmp_path_factory.mktemp("rest")
    folders = {"half": base / "half", "ranker": base / "ranker"}
    push(half_plus[2], folders["half"], 1)
    push(ranker_model, folders["ranker"], 1)
    with ServerProcess(folders, base / "log", poll_interval_s=0, rest_port=0) as running:
        yield running


@pytest.fixture(scope="module")
def post(process):
    """Sends a document to a model over one connection that is kept."""
    connection = http.client.HTTPConnection(process.rest_address, timeout=TIMEOUT_S)

    def send(model, document):
        connection.request("POST", f"/v1/models/{model}:predict", json.dumps(document))
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    with contextlib.closing(connection):
        yield send


@pytest.fixture(autouse=True)
def still_good(process, post, inputs):
    expected = post("ranker", {"inputs": inputs})
    assert expected[0] == 200
    memory = process.memory()
    yield
    assert process.exit_code is None
    assert post("half", {"instances": [1, 2]}) == (200, {"predictions": [2.5, 3.0]})
    assert post("ranker", {"inputs": inputs}) == expected
    assert process.memory() < memory + MAX_GROWTH


def test_any_bytes(process):
    @FUZZ
    @given(
        st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "G\0T", ""]),
        PATHS,
        HEADERS,
        st.binary(max_size=30),
    )
    def check(verb, path, headers, body):
        lines = [f"{verb} {path} HTTP/1.1", *(f"{key}: {it}" for key, it in headers.items())]
        host, port = process.rest_address.split(":")
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            # A malformed request ends the connection, with or without an answer.
            with contextlib.suppress(ConnectionResetError):
                while received := connection.recv(65536):
                    answer += received
        assert not answer or answer.startswith(b"HTTP/1.1 ")
        assert not answer.startswith(b"HTTP/1.1 500")

    check()


def test_changed_documents_of_the_ranker(post, inputs):
    @FUZZ
    @given(st.data())
    def check(data):
        changed = copy.deepcopy(inputs)
        name = data.draw(st.sampled_from(sorted(changed)))
        rows = changed[name]
        row = data.draw(st.integers(0, len(rows) - 1))
        what = data.draw(st.sampled_from(["value", "row", "all", "more", "fewer", "name"]))
        if what == "value" and isinstance(rows[row], list):
            rows[row][0] = data.draw(NUMBERS)
        elif what == "row":
            rows[row] = data.draw(st.lists(NUMBERS, max_size=3) | NUMBERS)
        elif what == "all":
            changed[name] = data.draw(st.lists(st.lists(NUMBERS, max_size=2), max_size=2) | NUMBERS)
        elif what == "more":
            rows.append(rows[0])
        elif what == "fewer":
            rows.pop()
        else:
            changed[data.draw(st.text(max_size=4))] = changed.pop(name)
        code, answer = post("ranker", {"inputs": changed})
        assert code in (200, 400)
        if code == 200:
            assert np.isfinite(answer["outputs"]).all()
        else:
            assert answer["error"]

    check()
