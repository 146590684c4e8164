"""What an operator may choose about a server's gRPC side."""

from __future__ import annotations

import dataclasses

# Some hundred users with histories of thousands of events fit.
MAX_MESSAGE_BYTES = 64 * 2**20
# What protobuf itself can hold.
_PROTOBUF_BYTES = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class GrpcOptions:
    """Limits, security and extra services of a server: of gRPC, and of REST where that is served.

    Attributes:
        threads: Calls that run at the same time.
        queue: Calls that wait for a thread; more are answered RESOURCE_EXHAUSTED at once.
        max_message_bytes: Size of a request or an answer, and of the body of a REST request;
            larger ones are answered RESOURCE_EXHAUSTED (HTTP 413). -1 sets no limit but protobuf's
            own, 2 GB.
        max_run_s: Seconds that a prediction may run, whatever the client's deadline; 0 sets no
            limit.
        tls_certificate: PEM file with the server's certificates; empty serves without TLS.
        tls_key: PEM file with the key of the first certificate.
        tls_client_ca: PEM file with the authorities that clients' certificates must come from;
            empty asks clients for none.
        token_file: File with a token that calls, REST's and those for metrics too, must carry as
            `authorization: Bearer TOKEN`; empty asks for none. The health service never asks, so
            that probes work.
        health: Whether to offer `grpc.health.v1.Health`.
        reflection: Whether to offer server reflection.
    """

    threads: int = 8
    queue: int = 256
    max_message_bytes: int = MAX_MESSAGE_BYTES
    max_run_s: float = 0.0
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    token_file: str = ""
    health: bool = False
    reflection: bool = False

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads is {self.threads}; at least 1 is needed")
        if self.queue < 0:
            raise ValueError(f"queue is {self.queue}; 0 lets no call wait")
        if self.max_message_bytes < -1 or self.max_message_bytes == 0:
            raise ValueError(
                f"max_message_bytes is {self.max_message_bytes}; give a size, or -1 for no limit"
            )
        if self.max_run_s < 0:
            raise ValueError(f"max_run_s is {self.max_run_s}; 0 sets no limit")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together; one of them is empty")
        if self.tls_client_ca and not self.tls_certificate:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")

    @property
    def largest_message(self) -> int:
        """Most bytes of a message, where there is no limit protobuf's own."""
        return _PROTOBUF_BYTES if self.max_message_bytes < 0 else self.max_message_bytes
