import re

import grpc
import pytest

from lifelong.components.serving_validator import validation
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.refusal import (
    ModelRefusedError,
    ServerFailedError,
    judge,
    machine_state,
)
from lifelong.components.serving_validator.validation import Candidate, validate
from lifelong.serving.client import VersionStatus
from lifelong.serving.prediction import PredictionError


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("DEADLINE_EXCEEDED", ServerFailedError),
        ("UNAVAILABLE", ServerFailedError),
        ("RESOURCE_EXHAUSTED", ServerFailedError),
        ("CANCELLED", ServerFailedError),
        ("INVALID_ARGUMENT", ModelRefusedError),
        ("INTERNAL", ModelRefusedError),
        ("NOT_FOUND", ModelRefusedError),
        ("UNIMPLEMENTED", ModelRefusedError),
        ("DATA_LOSS", ModelRefusedError),
    ],
)
def test_a_busy_machine_is_no_fault_of_the_model(code, kind):
    judged = judge(PredictionError(grpc.StatusCode[code], "text"), "a call")
    assert type(judged) is kind
    assert str(judged).startswith(f"a call: {code}: text")


def test_a_call_that_takes_too_long_names_the_setting():
    late = PredictionError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    assert "raise serving.call_timeout_s, or run again" in str(judge(late))


def test_the_state_of_the_machine_is_told():
    assert re.fullmatch(
        r"[\d,]+ of [\d,]+ MB of memory are free, load [\d.]+ on \d+ cores", machine_state()
    )


@pytest.fixture
def validated(monkeypatch, tmp_path):
    """Validates with a server that fails in a given way."""
    monkeypatch.setattr(validation, "read_requests", lambda files, most: [])

    def run(error):
        def serve(*arguments):
            raise error

        monkeypatch.setattr(validation, "_serve", serve)
        model = Candidate("shop", tmp_path / "model", tmp_path / "warmed", tmp_path / "log")
        return validate(model, ["files"], ServingConfig())

    return run


def test_a_server_that_is_late_fails_the_run_instead_of_refusing_the_model(validated):
    with pytest.raises(ServerFailedError, match="not in time"):
        validated(ServerFailedError("not in time"))
    with pytest.raises(ServerFailedError, match="DEADLINE_EXCEEDED"):
        validated(PredictionError(grpc.StatusCode.DEADLINE_EXCEEDED, "late"))


def test_what_the_model_does_wrong_is_a_reason(validated):
    assert validated(ModelRefusedError("scores differ")).reason == "scores differ"
    wrong = PredictionError(grpc.StatusCode.INVALID_ARGUMENT, "no input user")
    assert validated(wrong).reason == "INVALID_ARGUMENT: no input user"


class Loading:
    """A client of a server that is loading a version, or could not."""

    def __init__(self, code="OK", message=""):
        self._status = VersionStatus(1, "LOADING", grpc.StatusCode[code], message)

    def status(self):
        return [self._status]


@pytest.mark.parametrize(
    ("client", "kind", "says"),
    [
        (Loading(), ServerFailedError, r"after 0\.02 s; raise serving\.load_timeout_s, or run"),
        (Loading("RESOURCE_EXHAUSTED", "OOM"), ServerFailedError, "cannot load the model: RES"),
        (
            Loading("INVALID_ARGUMENT", "Python ops"),
            ModelRefusedError,
            "cannot load the model: INV",
        ),
    ],
)
def test_a_model_that_is_not_loaded_in_time_is_no_fault_of_it(monkeypatch, client, kind, says):
    monkeypatch.setattr(validation, "_POLL_S", 0.001)
    with pytest.raises(kind, match=says):
        validation._wait_until_loaded(client, 1, 0.02)
