"""Whole Predict calls, L = 1,024, 200 candidates: latency, rate, and CPU against the session call.

The server, a process that only makes the session call, and a gRPC server that does nothing each
have a process of their own, which tells the CPU time of all its threads. They take turns, since
other work on the machine changes what a CPU second is worth.
"""

from __future__ import annotations

import functools
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any
from unittest import mock

import grpc
import numpy as np
from tensorflow_serving.apis import predict_pb2

from benchmarks.finished_run import FinishedRun
from benchmarks.ranking import CANDIDATES, LONG_LENGTH
from benchmarks.trained_models import load_with_lengths
from lifelong.data.keys import RANK_SIGNATURE
from lifelong.experiments.ranking_time import real_request
from lifelong.models.config import LongTermName
from lifelong.models.export import export_model
from lifelong.models.records import record_spec
from lifelong.serving import prediction, tensors
from lifelong.serving.client import PredictionClient
from lifelong.serving.messages import TensorProto

MODELS: tuple[LongTermName, ...] = ("eta", "sim_hard")
CLIENTS = (1, 4, 16)
ROUNDS, CALLS = 12, 96
_WARM_UP_ROUNDS = 2
_MESSAGE_ROUNDS = 1_000
# About what a session call takes: a server that slept as long wakes up with cold caches.
_SLEEP_S = 0.003
_TIMEOUT_S = 60.0
_QUARTILES = (25, 50, 75)
Request = dict[str, np.ndarray]


def measure_predict(
    models: Sequence[LongTermName] = MODELS, rounds: int = ROUNDS, calls: int = CALLS
) -> list[str]:
    """Measures a server of each model.

    Args:
        models: Long-term parts; `eta` is served baked.
        rounds: Counted turns of each number of clients.
        calls: Calls in a turn, of all clients together.

    Returns:
        Lines to print. Where there is no trained model to measure, a line says so.
    """
    run = FinishedRun.read(having="Transform")
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name in models:
            try:
                model = load_with_lengths(name, long_length=LONG_LENGTH)
            except (FileNotFoundError, ValueError) as error:
                lines.append(f"predict, {name}: not measured, {error}")
                continue
            if name == "eta":
                model.long_term.bake()
            export_model(
                model, run.transform_output(), f"{folder}/{name}/1", statistics=run.statistics()
            )
            request = real_request(
                run.raw_files("eval"),
                record_spec(model.spec.features),
                model.spec.model.max_events,
                CANDIDATES,
            )
            measured = _measure(f"{folder}/{name}", request, rounds, calls)
            lines += [f"predict, {name}, {line}" for line in measured]
    return lines


def _measure(base_path: str, request: Request, rounds: int, calls: int) -> list[str]:
    with ExitStack() as stack:
        bare = stack.enter_context(_process(_call_session, f"{base_path}/1", request))
        server = stack.enter_context(_process(_serve, base_path))
        client = stack.enter_context(PredictionClient(server.recv(), timeout_s=_TIMEOUT_S))
        bare.recv()
        answer = client.predict(request)
        turns = {clients: [] for clients in CLIENTS}
        for number in range(_WARM_UP_ROUNDS + rounds):
            for clients in CLIENTS:
                before = _ask(bare, calls)
                turn = _Turn(functools.partial(client.predict, request), server, clients, calls)
                turn.session_s = (before + _ask(bare, calls)) / 2
                if number >= _WARM_UP_ROUNDS:
                    turns[clients].append(turn)
        lines = [_describe(clients, measured) for clients, measured in turns.items()]
    return [*lines, *_parts(request, answer, rounds, calls)]


class _Turn:
    """Some calls by some clients at the same time: what they took, per call.

    Attributes:
        latencies: Seconds of each call.
        server_s: CPU seconds of the server's process.
        client_s: CPU seconds of this process.
        session_s: CPU seconds of the process that makes session calls.
        rate: Calls per second.
    """

    def __init__(
        self, call: Callable[[], object], server: Connection, clients: int, calls: int
    ) -> None:
        each = calls // clients
        with futures.ThreadPoolExecutor(clients) as pool:
            server_s, client_s, began = (
                _ask(server, "cpu"),
                time.process_time(),
                time.perf_counter(),
            )
            timed = pool.map(lambda _: _latencies(call, each), range(clients))
            self.latencies = [it for several in timed for it in several]
            count = len(self.latencies)
            self.rate = count / (time.perf_counter() - began)
            self.client_s = (time.process_time() - client_s) / count
            self.server_s = (_ask(server, "cpu") - server_s) / count
        self.session_s = 0.0


def _latencies(call: Callable[[], object], count: int) -> list[float]:
    latencies = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        latencies.append(time.perf_counter() - began)
    return latencies


def _describe(clients: int, turns: Sequence[_Turn]) -> str:
    p50, p99 = np.percentile([it for turn in turns for it in turn.latencies], (50, 99)) * 1e3
    rate, server, session, client = np.median(
        [(it.rate, it.server_s * 1e3, it.session_s * 1e3, it.client_s * 1e3) for it in turns], 0
    )
    low, ratio, high = np.percentile([it.server_s / it.session_s for it in turns], _QUARTILES)
    return (
        f"{clients} clients: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {rate:.0f} requests/s; CPU of the "
        f"server {server:.2f} ms, of the session call alone {session:.2f} ms: {ratio:.2f} of it "
        f"(quartiles {low:.2f} to {high:.2f}); CPU of the clients {client:.2f} ms, "
        f"{client / (client + server):.0%} of all"
    )


def _parts(request: Request, answer: Request, rounds: int, calls: int) -> list[str]:
    """Tells what a Predict costs beside the session call: the messages, and gRPC itself."""
    message = prediction.predict_request(prediction.model_spec("lifelong", None), request, "", ())
    sent = message.SerializeToString()
    response = predict_pb2.PredictResponse()
    for alias, value in answer.items():
        tensors.write(value, response.outputs[alias])
    returned = response.SerializeToString()
    actions: dict[str, Callable[[], object]] = {
        "parsing the request": lambda: predict_pb2.PredictRequest.FromString(sent),
        "decoding its tensors": lambda: [tensors.decode(it) for it in message.inputs.values()],
        "encoding the answer": lambda: [tensors.write(it, TensorProto()) for it in answer.values()],
        "serializing it": response.SerializeToString,
    }
    costs = ", ".join(f"{name} {_cpu_us(action):.0f}" for name, action in actions.items())
    lines = [f"microseconds of CPU in a loop: {costs}"]
    with ExitStack() as stack:
        echoes = {
            name: stack.enter_context(_process(_answer_at_once, returned, sleep_s))
            for name, sleep_s in (("at once", 0.0), (f"after {_SLEEP_S * 1e3:g} ms", _SLEEP_S))
        }
        for name, server in echoes.items():
            channel = stack.enter_context(grpc.insecure_channel(server.recv()))
            call = functools.partial(channel.unary_unary("/echo/Echo"), sent, timeout=_TIMEOUT_S)
            turns = [_Turn(call, server, 1, calls) for _ in range(_WARM_UP_ROUNDS + rounds)]
            spent = [it.server_s * 1e6 for it in turns[_WARM_UP_ROUNDS:]]
            low, median, high = np.percentile(spent, _QUARTILES)
            lines.append(
                f"gRPC and its threads, {len(sent):,} bytes in, {len(returned):,} out {name}: "
                f"{median:.0f} microseconds of CPU (quartiles {low:.0f} to {high:.0f})"
            )
    return lines


def _cpu_us(action: Callable[[], object]) -> float:
    for _ in range(_MESSAGE_ROUNDS // 10):
        action()
    began = time.process_time()
    for _ in range(_MESSAGE_ROUNDS):
        action()
    return (time.process_time() - began) / _MESSAGE_ROUNDS * 1e6


@contextmanager
def _process(target: Callable[..., None], *args: Any) -> Iterator[Connection]:
    """Runs a function in a process of its own, and yields a pipe to it; it ends on a None."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args), daemon=True)
    # TFX imports IPython, which puts a folder on the path that has a package `tests` of its own.
    path = [it for it in sys.path if not it.endswith("IPython/extensions")]
    with mock.patch.object(sys, "path", path):
        process.start()
    # Else a process that dies leaves this one waiting.
    theirs.close()
    try:
        yield ours
    finally:
        with suppress(BrokenPipeError):
            ours.send(None)
        process.join()


def _ask(process: Connection, question: object) -> float:
    process.send(question)
    return process.recv()


def _tell_cpu(pipe: Connection) -> None:
    while pipe.recv() is not None:
        pipe.send(time.process_time())


def _serve(pipe: Connection, base_path: str) -> None:
    from lifelong.serving.server.server import ModelServer

    with ModelServer.of_model("lifelong", base_path) as server:
        pipe.send(server.address)
        _tell_cpu(pipe)


def _call_session(pipe: Connection, path: str, request: Request) -> None:
    from lifelong.serving.server.session import LoadedModel

    model = LoadedModel(path, version=1)
    signature = model.tensors(RANK_SIGNATURE)
    feeds = {signature.inputs[alias]: value for alias, value in request.items()}
    fetches = list(signature.outputs.values())
    pipe.send("loaded")
    while (calls := pipe.recv()) is not None:
        began = time.process_time()
        for _ in range(calls):
            model.run(feeds, fetches)
        pipe.send((time.process_time() - began) / calls)


def _answer_at_once(pipe: Connection, answer: bytes, sleep_s: float) -> None:
    from lifelong.serving.server.grpc_options import GrpcOptions
    from lifelong.serving.server.grpc_server import GrpcServer

    def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(sleep_s)
        return answer

    handler = grpc.method_handlers_generic_handler(
        "echo", {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    )
    add = lambda service, server: server.add_generic_rpc_handlers((service,))  # noqa: E731
    server = GrpcServer(GrpcOptions(), {add: handler})
    pipe.send(f"127.0.0.1:{server.bind('127.0.0.1:0')}")
    server.start()
    _tell_cpu(pipe)
    server.stop(0)
