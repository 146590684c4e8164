"""A parameter whose value is a run's own."""

from __future__ import annotations

from tfx.orchestration.data_types import RuntimeParameter

# A text, or one that is given when the compiled pipeline is started.
Parameter = str | RuntimeParameter
