"""TLS for gRPC, and a token for gRPC and REST."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from lifelong.serving.credentials import read_token
from lifelong.serving.server.grpc_options import GrpcOptions

NO_TOKEN = "the call carries no valid token; send it as `authorization: Bearer TOKEN`"
_UNGUARDED = "/grpc.health.v1.Health/"


def server_credentials(options: GrpcOptions) -> grpc.ServerCredentials | None:
    """Returns the TLS side of a server; none when it serves without.

    Raises:
        OSError: A file cannot be read.
    """
    if not options.tls_certificate:
        return None
    pair = (Path(options.tls_key).read_bytes(), Path(options.tls_certificate).read_bytes())
    authorities = Path(options.tls_client_ca).read_bytes() if options.tls_client_ca else None
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authorities, require_client_auth=authorities is not None
    )


class Token:
    """What clients must send as `authorization: Bearer TOKEN`.

    Args:
        path: The file that holds it; see `lifelong.serving.credentials.read_token`.
    """

    def __init__(self, path: str) -> None:
        self._expected = f"Bearer {read_token(path)}".encode()

    def is_in(self, authorization: str | bytes) -> bool:
        """Returns whether a header carries the token; takes the same time whatever was sent."""
        sent = authorization.encode() if isinstance(authorization, str) else authorization
        return hmac.compare_digest(sent, self._expected)


class TokenGuard(grpc.ServerInterceptor):
    """Refuses calls without the token, but for health checks, before it reads what they send.

    Args:
        token: What clients must send.
    """

    def __init__(self, token: Token) -> None:
        self._token = token

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Passes a call on, or answers UNAUTHENTICATED."""
        handler = continuation(handler_call_details)
        sent = dict(handler_call_details.invocation_metadata).get("authorization", "")
        if (
            handler is None
            or handler_call_details.method.startswith(_UNGUARDED)
            or self._token.is_in(sent)
        ):
            return handler
        # Whatever the method takes: gRPC reads the one message of a call before the handler runs,
        # but a stream of them only as the handler asks for it. On the wire they are the same.
        return grpc.stream_unary_rpc_method_handler(_refuse)


def _refuse(requests: Iterator[bytes], context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.UNAUTHENTICATED, NO_TOKEN)
