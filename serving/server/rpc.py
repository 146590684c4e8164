"""What every gRPC method shares: deadlines in, errors out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn, TypeVar

import grpc

from lifelong.serving.server.errors import ServingError, as_serving_error, truncate

_log = logging.getLogger(__name__)
_FOREVER_S = 365 * 24 * 3600.0
Response = TypeVar("Response")


def answer(context: grpc.ServicerContext, call: Callable[[], Response]) -> Response:
    """Runs a call and turns its exceptions into a gRPC status.

    Args:
        context: The call's gRPC context.
        call: Makes the response.

    Returns:
        The response. On an exception the RPC is aborted, which raises.
    """
    try:
        return call()
    except Exception as error:
        known = as_serving_error(error)
        if known.code is grpc.StatusCode.INTERNAL:
            _log.exception("internal error in a call")
        # grpc aborts by raising an exception of its own.
        context.abort(known.code, truncate(known.message))
        raise


def remaining_s(context: grpc.ServicerContext) -> float | None:
    """Returns the seconds left until the client's deadline; none when it set none.

    Raises:
        ServingError: DEADLINE_EXCEEDED when the call waited too long for a thread.
    """
    remaining = context.time_remaining()
    if remaining is not None and remaining <= 0:
        raise ServingError(
            grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the call began to run"
        )
    # gRPC tells "no deadline" as the end of time.
    return remaining if remaining is None or remaining < _FOREVER_S else None


def refuse(context: grpc.ServicerContext, method: str, instead: str) -> NoReturn:
    """Aborts a call to a method that this server does not offer.

    Args:
        context: The call's gRPC context.
        method: Method name.
        instead: What to do instead.
    """
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED, f"{method} is not offered by this server; {instead}"
    )
    raise AssertionError("abort raises")
