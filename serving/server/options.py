"""What an operator may choose about the embedded server."""

from __future__ import annotations

import dataclasses

from lifelong.serving.server.grpc_options import GrpcOptions

_LARGEST_PORT = 65_535


def check_port(name: str, port: int, none: bool = False) -> None:
    """Checks a port to listen on.

    Args:
        name: Option to name in the error.
        port: Its value.
        none: Whether -1 stands for none.

    Raises:
        ValueError: There is no such port.
    """
    if not (-1 if none else 0) <= port <= _LARGEST_PORT:
        free = "0 for a free one, or -1 for none" if none else "or 0 for a free one"
        raise ValueError(f"{name} is {port}; give 1 to {_LARGEST_PORT}, {free}")


@dataclasses.dataclass(frozen=True)
class ServerOptions(GrpcOptions):
    """Options of a `ModelServer`, whatever models it serves.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        rest_port: Port of REST and the metrics; 0 takes a free one, -1 serves gRPC alone.
        poll_interval_s: Seconds between two looks at the base folders; 0 leaves polling to
            `ModelServer.poll`.
        max_load_retries: How often a failed load is tried again.
        load_retry_interval_s: Seconds between two attempts.
        allow_version_labels_for_unavailable_models: Whether a new label may point to a version
            that is not loaded yet; without, a configuration may have labels only when it is
            reloaded.
        enable_signature_method_name_check: Whether Classify and Regress refuse signatures
            without their method name.
        xla_cpu_compilation_enabled: Whether to run models that XLA has to compile (exported with
            `jit_compile`).
    """

    host: str = "127.0.0.1"
    port: int = 0
    rest_port: int = -1
    poll_interval_s: float = 1.0
    max_load_retries: int = 5
    load_retry_interval_s: float = 60.0
    allow_version_labels_for_unavailable_models: bool = False
    enable_signature_method_name_check: bool = False
    xla_cpu_compilation_enabled: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.host:
            raise ValueError("host is empty; 0.0.0.0 listens on all addresses")
        check_port("port", self.port)
        check_port("rest_port", self.rest_port, none=True)
        for name in ("poll_interval_s", "max_load_retries", "load_retry_interval_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 0 is needed")
        if self.rest_port >= 0 and self.tls_certificate:
            raise ValueError(
                f"rest_port is {self.rest_port}, but REST has no TLS: leave it out, or put a proxy"
                " that has it before a server that listens on 127.0.0.1"
            )
