"""Parameters that tell a component what its logs are like, so that it runs again when one changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tfx.types import component_spec

from lifelong.components.run_parameter import Parameter


def fingerprint_key(table: str) -> str:
    """Returns the name of the parameter with a table's fingerprint."""
    return f"{table}_fingerprint"


def fingerprint_spec(*tables: str) -> dict[str, component_spec.ExecutionParameter]:
    """Returns the part of a component's specification with the fingerprints of its tables.

    A component reads them only to note them: they decide whether its earlier outputs are still right.
    All runners compare parameters, while drivers, where TFX looks at files, run on this machine only.

    Args:
        *tables: Names of the tables that there may be, as in the configuration.
    """
    return {
        fingerprint_key(table): component_spec.ExecutionParameter(type=str, optional=True)
        for table in tables
    }


def fingerprints_of(
    tables: Iterable[str], fingerprints: Mapping[str, Parameter]
) -> dict[str, Parameter]:
    """Returns the fingerprints of tables as parameters.

    Args:
        tables: Names of the tables that are read.
        fingerprints: Fingerprint by table, see `lifelong.data.logs.fingerprint`; there may be others.

    Raises:
        ValueError: The fingerprint of one is not given.
    """
    tables = list(tables)
    missing = [table for table in tables if table not in fingerprints]
    if missing:
        raise ValueError(
            f"no fingerprint of {', '.join(missing)} is given: without one, a changed log would go "
            "unnoticed; see lifelong.data.logs.fingerprint"
        )
    return {fingerprint_key(table): fingerprints[table] for table in tables}


def told_fingerprints(exec_properties: Mapping[str, Any]) -> str:
    """Returns the fingerprints that an executor was given, a line each."""
    end = fingerprint_key("")
    told = {key: value for key, value in exec_properties.items() if key.endswith(end)}
    return "\n".join(f"{key.removesuffix(end)} {told[key]}" for key in sorted(told))
