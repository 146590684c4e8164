import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from tfx.utils import path_utils

from lifelong.components.serving_validator import server_process
from lifelong.components.serving_validator.refusal import ModelRefusedError, ServerFailedError
from lifelong.components.serving_validator.server_process import ServerProcess
from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError

pytestmark = pytest.mark.slow

# Starts a server, says where it listens, and waits.
STARTS_ONE = """
import sys, time
from pathlib import Path
from lifelong.components.serving_validator.server_process import ServerProcess

model, folder = map(Path, sys.argv[1:])
server = ServerProcess("shop", folder, folder / "server.log")
server.add(1, model)
with server:
    print(server.wait_until_listening(120), flush=True)
    time.sleep(120)
"""


@pytest.fixture
def model_path(sim_hard):
    return Path(path_utils.serving_model_path(sim_hard.uri))


def is_up(address):
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=0.5)
        except grpc.FutureTimeoutError:
            return False
    return True


def test_it_serves_until_it_is_left_by_an_error_too(model_path, tmp_path):
    server = ServerProcess("shop", tmp_path, tmp_path / "server.log")
    server.add(3, model_path)

    def use():
        with server:
            address = server.wait_until_listening(120)
            with PredictionClient(address, "shop") as client:
                assert [it.version for it in client.status()] == [3]
            assert is_up(address)
            used.append(address)
            raise KeyboardInterrupt

    used = []
    with pytest.raises(KeyboardInterrupt):
        use()
    assert not is_up(used[0])
    # It had the time to end by itself.
    assert "version 3 is unloaded" in (tmp_path / "server.log").read_text()


def test_it_ends_with_a_process_that_is_killed(model_path, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_ONE, str(model_path), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        address = parent.stdout.readline().strip()
        assert is_up(address)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while is_up(address):
        assert time.monotonic() < deadline, "the server outlives the process that started it"


@pytest.fixture
def stand_in(tmp_path):
    """A server process that runs this code instead of a server."""

    def make(code):
        server = ServerProcess("shop", tmp_path, tmp_path / "server.log")
        server.command = [sys.executable, "-c", code]
        return server

    return make


def test_a_server_that_does_not_start_is_a_failure_that_says_why(stand_in):
    code = "print(*range(40), sep=chr(10)); raise SystemExit('Address already in use')"
    with pytest.raises(ServerFailedError) as caught, stand_in(code) as server:
        server.wait_until_listening(60)
    message = str(caught.value)
    assert message.startswith("the server does not start; it ended with status 1; ")
    assert "MB of memory are free, load " in message
    assert message.endswith("\n  39\n  Address already in use")
    assert "\n  25\n" not in message


GONE = PredictionError(grpc.StatusCode.UNAVAILABLE, "connection refused")


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        ("raise SystemExit(3)", "it ended with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "it was killed (SIGKILL)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "it was killed (SIGTERM)"),
    ],
)
def test_a_server_that_ends_or_is_killed_while_it_is_called_is_a_failure(stand_in, ending, says):
    with pytest.raises(ServerFailedError) as caught, stand_in(ending):
        raise GONE
    assert str(caught.value).startswith(f"UNAVAILABLE: connection refused; {says}")
    assert str(caught.value).endswith("it said nothing")


def test_a_model_that_brings_the_server_down_is_refused(stand_in):
    code = "import os; print('Check failed: x == y', flush=True); os.abort()"
    with (
        pytest.raises(ModelRefusedError, match=r"brings the server down \(SIGABRT\)") as caught,
        stand_in(code),
    ):
        raise GONE
    assert "Check failed: x == y" in str(caught.value)


def test_what_a_server_answers_is_no_failure_of_it(stand_in):
    refused = PredictionError(grpc.StatusCode.INVALID_ARGUMENT, "no such input")
    with pytest.raises(PredictionError, match="no such input"), stand_in("input()"):
        raise refused


def test_one_that_ends_as_it_should_changes_no_error(stand_in):
    with (
        pytest.raises(ModelRefusedError, match=r"^scores differ$"),
        stand_in("import sys; sys.stdin.read()"),
    ):
        raise ModelRefusedError("scores differ")


def test_one_that_hangs_is_given_up_and_killed(stand_in, monkeypatch, tmp_path):
    monkeypatch.setattr(server_process, "STOP_S", 0.1)
    pid = tmp_path / "pid"
    code = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))"
    server = stand_in(f"{code}; time.sleep(600)")
    server.command.append(str(pid))

    def wait():
        with server:
            while not (pid.exists() and pid.read_text()):
                time.sleep(0.01)
            server.wait_until_listening(0.2)

    with pytest.raises(ServerFailedError) as caught:
        wait()
    assert "after 0.2 s; raise serving.load_timeout_s, or run again" in str(caught.value)
    assert "cores; it said nothing" in str(caught.value)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
