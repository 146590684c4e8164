"""Where the libraries of the older platform differ from those of the current one.

Everything else that the project uses is the same in both (`constraints/`). No TensorFlow: the client
imports this, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google import protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

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


def message_classes(files: Iterable[descriptor_pb2.FileDescriptorProto]) -> dict[str, Any]:
    """Makes the classes of the messages that files describe, in a descriptor pool of their own.

    `message_factory.GetMessages` is no way to it: that of protobuf 3.20 puts all files of the
    process into one pool, where two of the same message do not fit.

    Args:
        files: Descriptions, each after those it depends on.

    Returns:
        Classes by full name of their message, without those within another.
    """
    pool = descriptor_pool.DescriptorPool()
    described = []
    for file in files:
        pool.Add(file)
        described.append(pool.FindFileByName(file.name))
    if _PROTOBUF >= (4, 22):
        make = message_factory.GetMessageClass
    else:
        make = message_factory.MessageFactory(pool).GetPrototype
    return {
        message.full_name: make(message)
        for file in described
        for message in file.message_types_by_name.values()
    }
