"""The page on TensorFlow Serving says what the embedded server does: its tables against the code."""

import contextlib
import http.client
import re
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import (
    model_service_pb2,
    prediction_service_pb2,
    session_service_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from lifelong.commands.parser import COMMANDS
from lifelong.serving.server.model_config import single_model
from lifelong.serving.server.options import ServerOptions
from lifelong.serving.server.server import ModelServer
from tests.serving.test_deploy import KNOWN_FLAGS

PAGE = (Path(__file__).parents[3] / "docs" / "tf_serving.md").read_text()
SERVICES = [
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (prediction_service_pb2, "PredictionService"),
        (model_service_pb2, "ModelService"),
        (session_service_pb2, "SessionService"),
    )
]
METHODS = {f"{it.name}.{method.name}": it.full_name for it in SERVICES for method in it.methods}


def rows(heading):
    """The rows of the table below a heading, as pairs of what and how."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[1:]]


def codes(text):
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture(scope="module")
def running(half_plus, push, tmp_path_factory):
    base = tmp_path_factory.mktemp("page")
    push(half_plus[1], base, 7)
    options = ServerOptions(poll_interval_s=0, rest_port=0)
    with ModelServer(single_model("NAME", str(base)), options) as server:
        yield server


def test_every_method_of_every_service_is_listed():
    assert sorted(codes(what)[0] for what, _ in rows("gRPC")) == sorted(METHODS)


@pytest.mark.parametrize(("what", "how"), rows("gRPC"))
def test_methods_are_answered_as_the_page_says(what, how, running):
    (method,) = codes(what)
    path = f"/{METHODS[method]}/{method.split('.')[1]}"
    with grpc.insecure_channel(running.address) as channel:
        call = channel.unary_unary(path, lambda it: it, lambda it: it)
        with pytest.raises(grpc.RpcError) as refused:
            call(b"", timeout=10)
    unknown = refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert unknown == how.startswith("not there")
    assert unknown or refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(("what", "how"), rows("REST"))
def test_paths_are_answered_as_the_page_says(what, how, running):
    (request,) = codes(what)
    verb, path = request.replace("VERSION", "7").split()
    with contextlib.closing(http.client.HTTPConnection(running.rest_address)) as connection:
        connection.request(verb, path, body=b"{}" if verb == "POST" else None)
        answer = connection.getresponse()
        text = answer.read().decode()
    assert ("Malformed request" in text) == how.startswith("not there")
    if verb == "GET":
        assert answer.status == 200


def test_every_field_of_the_model_config_is_listed():
    fields = model_server_config_pb2.ModelConfig.DESCRIPTOR.fields_by_name
    assert {codes(what)[0] for what, _ in rows("The model config file")} == set(fields)


def test_the_metrics_are_those_that_are_listed(running):
    with contextlib.closing(http.client.HTTPConnection(running.rest_address)) as connection:
        connection.request("GET", "/monitoring/prometheus/metrics")
        page = connection.getresponse().read().decode()
    told = re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)
    assert {codes(what)[0] for what, _ in rows("Metrics")} == set(told)


def test_every_flag_is_listed_once():
    flags = [flag for what, _ in rows("Flags") for flag in codes(what)]
    listed = [flag.removeprefix("--") for flag in flags if flag != "tensorflow_model_server"]
    assert sorted(listed) == sorted(KNOWN_FLAGS)


def test_options_that_stand_for_flags_exist():
    known = COMMANDS["serve"].make_parser()._option_string_actions
    for _, how in rows("Flags"):
        for option in codes(how):
            assert not option.startswith("--") or option in known, option
