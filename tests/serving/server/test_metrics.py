import http.client
import re

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lifelong.serving.client import PredictionClient, PredictionError
from lifelong.serving.server.metrics import MAX_NAMES, ServerMetrics
from lifelong.serving.server.server import ModelServer


def get(address, path="/monitoring/prometheus/metrics"):
    connection = http.client.HTTPConnection(address)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def value(page, name, **labels):
    """Returns a sample's value; none when there is no such sample."""
    for line in page.splitlines():
        found = re.fullmatch(r"(\S+)\{(.*)\} (\S+)", line)
        if found and found[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', found[2])) == labels:
            return float(found[3])
    return None


def test_calls_are_counted(half_plus, push, tmp_path):
    path = push(half_plus[2], tmp_path, 3)
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pb").write_bytes(b"bad")
    with (
        ModelServer.of_model("two", str(tmp_path), poll_interval_s=0, rest_port=0) as server,
        PredictionClient(server.address, "two") as client,
    ):
        # Version 4 is bad: remove it, so that 3 is loaded.
        (tmp_path / "4" / "saved_model.pb").unlink()
        server.poll()
        for _ in range(3):
            client.predict({"x": np.float32(1)})
        with pytest.raises(PredictionError):
            client.predict({"z": np.float32(1)})
        client.metadata()
        connection = http.client.HTTPConnection(server.rest_address)
        for body in ('{"inputs": 1}', "bad"):
            connection.request("POST", "/v1/models/two:predict", body)
            connection.getresponse().read()
        connection.close()
        code, kind, page = get(server.rest_address)
    assert (code, kind) == (200, "text/plain")
    requests = ":tensorflow:serving:request_count"
    # Three over gRPC and one over REST; the metadata is not counted over gRPC.
    assert value(page, requests, model_name="two", status="OK") == 4
    assert value(page, requests, model_name="two", status="INVALID_ARGUMENT") == 2
    # Only what succeeds has a latency.
    for api, entrypoint, count in (("Predict", "GRPC", 3), ("predict", "REST", 1)):
        labels = {"model_name": "two", "API": api, "entrypoint": entrypoint}
        latency = ":tensorflow:serving:request_latency"
        assert value(page, f"{latency}_count", **labels) == count
        assert value(page, f"{latency}_bucket", **labels, le="+Inf") == count
        # 20 minutes are more than any of them took, 10 microseconds less.
        assert value(page, f"{latency}_bucket", **labels, le="10") == 0
        assert 10 < value(page, f"{latency}_sum", **labels) / count < 20 * 60e6
    runtime = {"model_name": "two", "API": "Predict", "runtime": "TF1"}
    assert value(page, ":tensorflow:serving:runtime_latency_count", **runtime) == 4
    loads = ":tensorflow:cc:saved_model:load_attempt_count"
    assert value(page, loads, model_path=str(path), status="success") == 1
    assert value(page, loads, model_path=str(tmp_path / "4"), status="fail") == 1
    assert value(page, ":tensorflow:cc:saved_model:load_latency", model_path=str(path)) > 0


def test_the_page_is_what_prometheus_reads():
    metrics = ServerMetrics()
    metrics.record('a "quoted" \\ name', "Predict", "GRPC", grpc.StatusCode.OK, 0.0001)
    metrics.record_run("m", 0.0001)
    page = metrics.page()
    assert "# TYPE :tensorflow:serving:request_count counter" in page.splitlines()
    (line,) = [
        it for it in page.splitlines() if it.startswith(":tensorflow:serving:request_count{")
    ]
    assert line.endswith('{model_name="a \\"quoted\\" \\\\ name",status="OK"} 1')
    assert "_total" not in page
    assert "_created" not in page
    families = {family.name: family for family in text_string_to_metric_families(page)}
    latency = families[":tensorflow:serving:request_latency"]
    assert latency.type == "histogram"
    buckets = [it for it in latency.samples if it.name.endswith("_bucket")]
    # 10, 18, 32.4, 58.32, 104.976: 100 microseconds are in the fifth and all after it.
    assert [it.labels["le"] for it in buckets[:5]] == ["10", "18", "32.4", "58.32", "104.976"]
    assert len(buckets) == 34
    assert [it.value for it in buckets] == [0] * 4 + [1] * 30


def test_names_that_clients_make_up_do_not_grow_the_page():
    metrics = ServerMetrics()
    for number in range(MAX_NAMES + 5):
        metrics.record(f"m{number}", "Predict", "GRPC", grpc.StatusCode.NOT_FOUND, 0)
    page = metrics.page()
    lines = [it for it in page.splitlines() if it.startswith(":tensorflow:serving:request_count{")]
    assert len(lines) == MAX_NAMES + 1
    name = ":tensorflow:serving:request_count"
    assert value(page, name, model_name="", status="NOT_FOUND") == 5
    assert value(page, name, model_name="m0", status="NOT_FOUND") == 1
