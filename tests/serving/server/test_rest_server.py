import contextlib
import gzip
import http.client
import json
import socket
import threading

import numpy as np
import pytest

from lifelong.serving.client import PredictionClient
from lifelong.serving.server.metrics import ServerMetrics
from lifelong.serving.server.options import ServerOptions
from lifelong.serving.server.registry import ModelRegistry
from lifelong.serving.server.rest import server as rest_server
from lifelong.serving.server.rest.api import RestApi
from lifelong.serving.server.rest.server import RestServer
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.versions import ModelVersions


@pytest.fixture(scope="module")
def rest(half_plus, push, tmp_path_factory):
    """Both front ends on `two`, version 3: y = x / 2 + 2."""
    base = tmp_path_factory.mktemp("rest")
    push(half_plus[2], base, 3)
    with ModelServer.of_model("two", str(base), poll_interval_s=0, rest_port=0) as running:
        yield running


@pytest.fixture(scope="module")
def connection(rest):
    with contextlib.closing(http.client.HTTPConnection(rest.rest_address, timeout=20)) as opened:
        yield opened


@pytest.fixture
def serve(tmp_path, push):
    """Starts REST alone, on one version of a model."""
    with contextlib.ExitStack() as stack:

        def start(source, timeout_s=30.0, **options):
            push(source, tmp_path / "models", 1)
            versions = ModelVersions("m", str(tmp_path / "models"), LoadedModel)
            versions.poll()
            stack.callback(versions.close)
            metrics = ServerMetrics()
            server = RestServer(
                RestApi(ModelRegistry([versions]), metrics, timeout_s), metrics.page, **options
            )
            server.start()
            stack.callback(server.stop)
            return server

        yield start


def call(connection, verb, path, body=None, **headers):
    connection.request(verb, path, json.dumps(body) if isinstance(body, dict) else body, headers)
    response = connection.getresponse()
    text = response.read()
    assert response.headers["Content-Type"] == "application/json"
    return response.status, json.loads(text)


def post(connection, body, path="/v1/models/two:predict", **headers):
    return call(connection, "POST", path, body, **headers)


def test_rows_and_columns(connection):
    # y = x / 2 + 2.
    assert post(connection, {"instances": [1, 2.5, -3]}) == (200, {"predictions": [2.5, 3.25, 0.5]})
    assert post(connection, {"inputs": [[1], [4]]}) == (200, {"outputs": [[2.5], [4.0]]})
    assert post(connection, {"inputs": {"x": 4}}) == (200, {"outputs": 4.0})
    combined = {"a": 3, "b": 4}
    assert post(connection, {"signature_name": "combine", "instances": [combined]}) == (
        200,
        {"predictions": [{"product": 12.0, "sum": 7.0}]},
    )
    assert post(connection, {"signature_name": "combine", "inputs": {"a": [3], "b": [4]}}) == (
        200,
        {"outputs": {"product": [12.0], "sum": [7.0]}},
    )
    words = ["pear", {"b64": "YXBwbGU="}]
    assert post(connection, {"signature_name": "look_up", "instances": words}) == (
        200,
        {"predictions": [{"id": 1, "word": "pear"}, {"id": 0, "word": "apple"}]},
    )
    assert post(connection, {"inputs": 4}, "/V1/Models/two/Versions/3:predict")[0] == 200


def test_numbers_that_json_lacks(connection):
    connection.request(
        "POST", "/v1/models/two:predict", '{"instances": [NaN, Infinity, -Infinity]}'
    )
    assert connection.getresponse().read() == b'{"predictions": [NaN, Infinity, -Infinity]}'


def test_scores_are_those_of_grpc(rest, connection):
    x = np.random.default_rng(0).standard_normal((3, 50)).astype(np.float32)
    with PredictionClient(rest.address, "two") as client:
        expected = client.predict({"x": x})["y"]
    code, answer = post(connection, {"inputs": x.tolist()})
    assert code == 200
    np.testing.assert_array_equal(np.float32(answer["outputs"]), expected)


def test_status_and_metadata(connection):
    version = {
        "version": "3",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    for path in ("/v1/models/two", "/v1/models/two/versions/3", "/v1/models/two?all=1"):
        assert call(connection, "GET", path) == (200, {"model_version_status": [version]})
    code, answer = call(connection, "GET", "/v1/models/two/metadata")
    assert code == 200
    assert answer["model_spec"] == {"name": "two", "signature_name": "", "version": "3"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures["combine"]["inputs"]["b"]["dtype"] == "DT_INT64"
    shape = signatures["combine"]["inputs"]["b"]["tensor_shape"]
    assert shape == {"dim": [{"name": "", "size": "-1"}], "unknown_rank": False}


@pytest.mark.parametrize(
    ("verb", "path", "body", "code", "message"),
    [
        ("POST", "two:predict", "", 400, "JSON Parse error: The document is empty"),
        ("POST", "two:predict", "{}", 400, "Missing 'inputs' or 'instances' key"),
        (
            "POST",
            "two:predict",
            '{"signature_name": "zz", "inputs": 1}',
            400,
            'Serving signature name: "zz" not found in signature def',
        ),
        (
            "POST",
            "nope:predict",
            '{"inputs": 1}',
            404,
            "Servable not found for request: Latest(nope)",
        ),
        # As in the reference, JSON is read before the model is looked for.
        ("POST", "nope:predict", "", 400, "JSON Parse error: The document is empty"),
        (
            "POST",
            "two/versions/9:predict",
            '{"inputs": 1}',
            404,
            "Servable not found for request: Specific(two, 9)",
        ),
        (
            "POST",
            "two/labels/stable:predict",
            '{"inputs": 1}',
            400,
            "Unrecognized servable version label: stable",
        ),
        ("POST", "two:explain", "{}", 400, "Malformed request: POST /v1/models/two:explain"),
        ("PUT", "two", None, 400, "Malformed request: PUT /v1/models/two"),
        ("GET", "two/versions/7", None, 404, "Could not find version 7 of model two"),
        ("GET", "nope", None, 404, "Could not find any versions of model nope"),
        (
            "GET",
            "nope/metadata",
            None,
            404,
            "Servable not found for request: Latest(nope)",
        ),
    ],
)
def test_errors(connection, verb, path, body, code, message):
    assert call(connection, verb, f"/v1/models/{path}", body) == (code, {"error": message})


def test_other_paths(connection):
    assert call(connection, "GET", "/v1/models") == (
        400,
        {"error": "Missing model name in request."},
    )
    assert call(connection, "GET", "/v2/health") == (404, {"error": "Not Found"})


def test_errors_of_the_graph(connection):
    body = {"signature_name": "combine", "inputs": {"a": [1, 2], "b": [1, 2, 3]}}
    code, answer = post(connection, body)
    assert code == 400
    assert "Incompatible shapes" in answer["error"]


def test_classify_and_regress(serve, on_examples):
    server = serve(on_examples)
    # y = x / 2 + c + 2, with the context's c.
    body = {"context": {"c": 1.0}, "examples": [{"x": 1.0}, {"x": [4.0]}]}
    with contextlib.closing(http.client.HTTPConnection(server.address)) as connection:
        assert post(connection, body, "/v1/models/m:regress") == (200, {"results": [3.5, 5.0]})
        body["signature_name"] = "classify"
        assert post(connection, body, "/v1/models/m/versions/1:classify") == (
            200,
            {"results": [[["up", 3.5], ["down", -3.5]], [["up", 5.0], ["down", -5.0]]]},
        )
        assert post(connection, {"examples": []}, "/v1/models/m:regress")[0] == 400
        body["signature_name"] = "zz"
        assert post(connection, body, "/v1/models/m:classify") == (
            400,
            {"error": "No signature was found with the name: zz"},
        )


def test_many_requests_at_once(rest):
    wrong = []

    def ask(offset):
        with contextlib.closing(http.client.HTTPConnection(rest.rest_address)) as connection:
            for number in range(20):
                x = 100 * offset + number
                answer = post(connection, {"instances": [x]})
                if answer != (200, {"predictions": [x / 2 + 2]}):
                    wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_compressed_bodies(connection):
    body = gzip.compress(b'{"instances": [1]}')
    expected = (200, {"predictions": [2.5]})
    assert post(connection, body, **{"Content-Encoding": "gzip"}) == expected
    code, answer = post(connection, b"junk", **{"Content-Encoding": "gzip"})
    assert code == 400
    assert answer["error"].startswith("the body is not gzip: ")
    assert post(connection, {"instances": [1]}) == expected


def test_bodies_over_the_limit(serve, half_plus):
    server = serve(half_plus[1], max_body_bytes=100)
    message = "the request has more than 100 bytes (the server's max_message_bytes)"
    with contextlib.closing(http.client.HTTPConnection(server.address)) as connection:
        large = b" " * 20_000
        assert post(connection, large, "/v1/models/m:predict") == (413, {"error": message})
        packed = gzip.compress(large)
        refused = post(connection, packed, "/v1/models/m:predict", **{"Content-Encoding": "gzip"})
        assert refused == (413, {"error": message})
        # Of chunks nobody says how many will come.
        connection.request("POST", "/v1/models/m:predict", iter([large, large]))
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (413, {"error": message})
        # The connection is still good.
        assert post(connection, {"inputs": 2}, "/v1/models/m:predict") == (200, {"outputs": 2.0})


def test_a_run_over_the_time_limit(serve, half_plus, tmp_path):
    server = serve(half_plus[1], timeout_s=0.1)
    body = {"signature_name": "wait", "inputs": str(tmp_path / "gate")}
    with contextlib.closing(http.client.HTTPConnection(server.address)) as connection:
        assert post(connection, body, "/v1/models/m:predict")[0] == 504


def test_more_requests_than_may_wait(serve, half_plus, tmp_path, wait_for):
    server = serve(half_plus[1], threads=1, max_waiting=0)
    gate, answers = tmp_path / "gate", []

    def wait():
        body = {"signature_name": "wait", "inputs": str(gate)}
        with contextlib.closing(http.client.HTTPConnection(server.address)) as connection:
            answers.append(post(connection, body, "/v1/models/m:predict"))

    thread = threading.Thread(target=wait)
    thread.start()
    wait_for((tmp_path / "gate.started").exists)
    with contextlib.closing(http.client.HTTPConnection(server.address)) as connection:
        assert post(connection, {"inputs": 1}, "/v1/models/m:predict")[0] == 429
        gate.touch()
        thread.join()
        assert answers == [(200, {"outputs": 1.0})]
        assert post(connection, {"inputs": 1}, "/v1/models/m:predict") == (200, {"outputs": 1.5})


def test_stop_lets_a_running_request_finish(half_plus, push, tmp_path, wait_for):
    push(half_plus[1], tmp_path / "models", 1)
    server = ModelServer.of_model(
        "m", str(tmp_path / "models"), poll_interval_s=0, rest_port=0
    ).start()
    answers = []

    def wait():
        body = {"signature_name": "wait", "inputs": str(tmp_path / "gate")}
        with contextlib.closing(http.client.HTTPConnection(server.rest_address)) as connection:
            answers.append(post(connection, body, "/v1/models/m:predict"))

    thread = threading.Thread(target=wait)
    thread.start()
    wait_for((tmp_path / "gate.started").exists)
    kept = http.client.HTTPConnection(server.rest_address)
    assert call(kept, "GET", "/v1/models/m")[0] == 200
    stopper = threading.Thread(target=server.stop)
    stopper.start()

    def refused():
        connection = http.client.HTTPConnection(server.rest_address)
        try:
            connection.request("GET", "/v1/models/m")
        except ConnectionRefusedError:
            return True
        finally:
            connection.close()
        return False

    wait_for(refused)
    assert call(kept, "GET", "/v1/models/m") == (503, {"error": "The server is shutting down"})
    (tmp_path / "gate").touch()
    thread.join()
    stopper.join()
    kept.close()
    assert answers == [(200, {"outputs": 1.0})]


def test_a_taken_port_is_an_error(rest):
    port = int(rest.rest_address.rsplit(":", 1)[1])
    server = ModelServer.of_model("two", "/nowhere", rest_port=port, poll_interval_s=0)
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
        server.start()
    server.stop()


def test_rest_is_no_way_around_the_token(half_plus, push, tmp_path):
    push(half_plus[1], tmp_path / "m", 1)
    (tmp_path / "token").write_text("secret\n")
    token = str(tmp_path / "token")
    paths = {
        "/v1/models/m": "GET",
        "/v1/models/m/metadata": "GET",
        "/v1/models/m:predict": "POST",
        "/v2/other": "GET",
        "/monitoring/prometheus/metrics": "GET",
    }
    with (
        ModelServer.of_model(
            "m", str(tmp_path / "m"), poll_interval_s=0, rest_port=0, token_file=token
        ) as server,
        contextlib.closing(http.client.HTTPConnection(server.rest_address)) as connection,
    ):

        def code(verb, path, **headers):
            connection.request(verb, path, '{"inputs": 1}', headers)
            response = connection.getresponse()
            return response.status, response.read()

        for path, verb in paths.items():
            for sent in ({}, {"Authorization": "Bearer secre"}, {"Authorization": "secret"}):
                refused, text = code(verb, path, **sent)
                assert refused == 401
                assert "no valid token" in json.loads(text)["error"]
            good = code(verb, path, Authorization="Bearer secret")[0]
            assert good == (404 if path == "/v2/other" else 200)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for the token `secret` and takes bodies of up to 1,000 bytes."""
    token = tmp_path_factory.mktemp("guarded") / "token"
    token.write_text("secret")
    options = {"token_file": str(token), "max_message_bytes": 1000}
    with ModelServer.of_model(
        "m", "/nowhere", poll_interval_s=0, rest_port=0, **options
    ) as running:
        yield running


def answer_to_headers(server, *lines):
    """Sends headers, but no body; returns all that comes back at once."""
    host, port = server.rest_address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as opened:
        opened.sendall("\r\n".join([*lines, "Host: x", "", ""]).encode())
        answer = http.client.HTTPResponse(opened)
        answer.begin()
        return answer.status, json.loads(answer.read() or "{}")


@pytest.mark.parametrize("size", ["Content-Length: 60000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("more", [(), ("Expect: 100-continue",), ("Content-Encoding: gzip",)])
@pytest.mark.parametrize(
    "target",
    [
        "POST /v1/models/m:predict",
        "POST /v1/models/m:nothing",
        "PUT /v1/models/m",
        "GET /elsewhere",
        "GET /monitoring/prometheus/metrics",
        "POST /monitoring/prometheus/metrics",
    ],
)
def test_a_wrong_token_is_refused_before_the_body_comes(guarded, target, more, size):
    lines = (f"{target} HTTP/1.1", "Authorization: Bearer wrong", size, *more)
    code, answer = answer_to_headers(guarded, *lines)
    assert code == 401
    assert "no valid token" in answer["error"]


@pytest.mark.parametrize("length", [1001, 10**12, 10**30])
def test_a_body_over_the_limit_is_refused_before_it_comes(guarded, length):
    lines = (
        "POST /v1/models/m:predict HTTP/1.1",
        "Authorization: Bearer secret",
        f"Content-Length: {length}",
    )
    message = "the request has more than 1000 bytes (the server's max_message_bytes)"
    assert answer_to_headers(guarded, *lines) == (413, {"error": message})


@pytest.mark.parametrize(
    ("target", "code"),
    [("POST /elsewhere", 404), ("POST /monitoring/prometheus/metrics", 405)],
)
def test_what_no_body_can_mend_is_refused_before_it_comes(guarded, target, code):
    lines = (f"{target} HTTP/1.1", "Authorization: Bearer secret", "Content-Length: 500")
    assert answer_to_headers(guarded, *lines)[0] == code


def test_a_refused_body_is_not_read_for_ever(guarded, monkeypatch):
    monkeypatch.setattr(rest_server, "_MAX_DRAINED_BYTES", 1_000)
    host, port = guarded.rest_address.split(":")
    head = "POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as opened:
        opened.sendall(head.encode())
        answer = http.client.HTTPResponse(opened)
        answer.begin()
        assert answer.status == 401
        answer.read()
        with contextlib.suppress(ConnectionError):
            for _ in range(3):
                opened.sendall(b"400\r\n" + bytes(1024) + b"\r\n")
            assert opened.recv(1) == b""


def test_a_body_of_a_refused_request_leaves_the_connection_good(guarded):
    with contextlib.closing(http.client.HTTPConnection(guarded.rest_address)) as connection:
        connection.auto_open = False
        connection.connect()
        for _ in range(2):
            code, _ = post(connection, bytes(200_000), Authorization="Bearer wrong")
            assert code == 401
        connection.request(
            "GET", "/monitoring/prometheus/metrics", "x" * 900, {"Authorization": "Bearer secret"}
        )
        page = connection.getresponse()
        assert (page.status, page.headers["Content-Type"]) == (200, "text/plain")
        assert b":tensorflow:serving:request_count" in page.read()


def test_rest_is_no_way_around_tls():
    with pytest.raises(ValueError, match="rest_port is 0, but REST has no TLS"):
        ServerOptions(rest_port=0, tls_certificate="certificate.pem", tls_key="key.pem")
