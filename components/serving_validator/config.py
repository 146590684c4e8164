"""What a candidate model must show before it is pushed; importable without TFX or TensorFlow."""

from __future__ import annotations

import dataclasses

from lifelong.data.config_json import JsonConfig

# TensorFlow Serving refuses a model with more.
MAX_WARMUP_REQUESTS = 1000
XLA_FLAG = "--xla_cpu_compilation_enabled"
_AT_LEAST = {
    "validation_requests": 1,
    "tolerance": 0,
    "latency_budget_ms": 0,
    "latency_requests": 1,
    "latency_candidates": 1,
    "warmup_requests": 0,
    "max_batch_size": 1,
    "batch_timeout_micros": 0,
    "load_timeout_s": 1,
    "call_timeout_s": 1,
}


@dataclasses.dataclass(frozen=True)
class ServingConfig(JsonConfig):
    """How a model is served before it is pushed, and what is pushed with it.

    Attributes:
        validation_requests: Requests of the eval split that are sent to the served model, alone and
            in batches; some with the history cut to its first events, or to none.
        tolerance: Largest difference between a served score and the Evaluator's that is let
            through.
        latency_budget_ms: Largest 99th percentile of a Predict call's time, in milliseconds; 0 only
            measures it. One request a call, one call at a time, on this machine.
        latency_requests: Calls that are timed.
        latency_candidates: Candidates of a timed request; its history is full (S + L events).
        warmup_requests: Most warm-up requests to push with the model, at most 1000; 0 pushes none.
            They hold real histories, ids and times as in the eval split, without the user's id:
            whoever can read the model can read them.
        max_batch_size: Most requests that a server joins. It is written to the model's
            `batching_params.pbtxt` (1 writes none), and warm-up batches are as large: a server that
            is told to join fewer refuses them, and with them the model.
        batch_timeout_micros: How long a request waits for others, in microseconds.
        load_timeout_s: Seconds that the server may take to start, and to load the model; a run in
            which it takes longer fails, and the next one tries again.
        call_timeout_s: Likewise, seconds that it may take to answer a call.
        xla_cpu_compilation_enabled: Whether the servers that models are pushed to run with the flag
            of this name, which `export.jit_compile` needs.
    """

    json_name = "serving"

    validation_requests: int = 64
    tolerance: float = 1e-5
    latency_budget_ms: float = 0.0
    latency_requests: int = 200
    latency_candidates: int = 200
    warmup_requests: int = 48
    max_batch_size: int = 8
    batch_timeout_micros: int = 500
    load_timeout_s: float = 120.0
    call_timeout_s: float = 60.0
    xla_cpu_compilation_enabled: bool = False

    def __post_init__(self) -> None:
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f"serving.{name} is {value}; it must be at least {least}")
        if self.warmup_requests > MAX_WARMUP_REQUESTS:
            raise ValueError(
                f"serving.warmup_requests is {self.warmup_requests}; TensorFlow Serving takes at "
                f"most {MAX_WARMUP_REQUESTS}"
            )

    @property
    def server_flags(self) -> list[str]:
        """Flags of TensorFlow Serving with which the model is served."""
        return [XLA_FLAG] * self.xla_cpu_compilation_enabled

    @property
    def batch_sizes(self) -> list[int]:
        """Sizes that batches are filled up to: powers of two, and the largest."""
        sizes = [2**power for power in range(self.max_batch_size.bit_length())]
        return sizes if sizes[-1] == self.max_batch_size else [*sizes, self.max_batch_size]
