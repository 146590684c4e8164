"""Why a model is not pushed: by its own fault, or because the machine did not let it be judged."""

from __future__ import annotations

import os

import grpc

from lifelong.serving.prediction import PredictionError

# What a server or a network says that is busy, full or gone; another try may find it otherwise.
_OF_THE_MACHINE = {
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
}


class ModelRefusedError(Exception):
    """The model cannot be served as it should; the message says why."""


class ServerFailedError(RuntimeError):
    """The server could not show whether the model is served as it should; to be tried again."""


def judge(error: PredictionError, what: str = "") -> ModelRefusedError | ServerFailedError:
    """Returns what the failure of a call says about the model.

    Args:
        error: What the client raised.
        what: Begins the message.
    """
    text = f"{what}: {error}" if what else str(error)
    if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        text += "; raise serving.call_timeout_s, or run again when the machine is less busy"
    return ServerFailedError(text) if error.code in _OF_THE_MACHINE else ModelRefusedError(text)


def machine_state() -> str:
    """Says how much memory is free on this machine, and how busy it is."""
    page = os.sysconf("SC_PAGE_SIZE")
    free, total = (os.sysconf(name) * page / 1e6 for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"))
    return (
        f"{free:,.0f} of {total:,.0f} MB of memory are free, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
