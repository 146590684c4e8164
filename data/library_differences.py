"""Where the libraries of the older set of versions differ from those of the current one.

Everything else that the project uses is the same in both (`constraints/`). No TensorFlow: the client
imports this, too.
"""

from __future__ import annotations

from typing import Any

from google import protobuf
from google.protobuf import json_format

_PROTOBUF = tuple(int(part) for part in protobuf.__version__.split(".")[:2])


def message_as_dict(message: Any) -> dict[str, Any]:
    """Converts a message to what its JSON holds, fields of default values included, in proto's names.

    Args:
        message: A protobuf message.

    Returns:
        Values by name of field.
    """
    with_defaults = (
        "always_print_fields_with_no_presence"
        if _PROTOBUF >= (5, 26)
        else "including_default_value_fields"
    )
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, **{with_defaults: True}
    )
