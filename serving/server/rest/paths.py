"""Paths of the REST API: which model, which version, what to do with it.

Source: tensorflow_serving/model_servers/http_rest_api_util.cc.
"""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import unquote

from tensorflow_serving.apis import model_pb2

from lifelong.serving.server.errors import ServingError, invalid_argument

_VERSION = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_PATTERNS = {
    "POST": re.compile(
        rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>classify|regress|predict)",
        re.IGNORECASE | re.ASCII,
    ),
    "GET": re.compile(
        rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<method>metadata))?",
        re.IGNORECASE | re.ASCII,
    ),
}
_MAX_VERSION = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Target:
    """What a path points at.

    Attributes:
        spec: The model and version.
        method: `predict`, `classify`, `regress`, `metadata`, or empty for the status.
    """

    spec: model_pb2.ModelSpec
    method: str


def parse_path(verb: str, path: str) -> Target:
    """Reads a request's path.

    Case does not matter in `/v1/models`, `/versions` and `/labels`. It does in the rest: another
    case of a POST's method is malformed, and `/METADATA` is the status.

    Args:
        verb: HTTP method.
        path: Path as it was sent, without the query.

    Returns:
        What it points at.

    Raises:
        ServingError: INVALID_ARGUMENT for any other path.
    """
    pattern = _PATTERNS.get(verb)
    found = pattern.fullmatch(path) if pattern else None
    method = (found["method"] or "") if found else ""
    if not found or (verb == "POST" and not method.islower()):
        raise invalid_argument(f"Malformed request: {verb} {path}")
    spec = model_pb2.ModelSpec(name=unquote(found["name"] or ""))
    if found["version"]:
        version = int(found["version"])
        if version > _MAX_VERSION:
            raise invalid_argument(f"Failed to convert version: {found['version']} to numeric.")
        spec.version.value = version
    if found["label"]:
        spec.version_label = unquote(found["label"])
    return Target(spec, method if method.islower() else "")


def needs_body(verb: str, path: str) -> bool:
    """Returns whether a request is one that a body can answer: not a malformed one, nor a GET."""
    try:
        return bool(parse_path(verb, path).method) and verb == "POST"
    except ServingError:
        return False
