"""TensorFlow Serving's `BatchingParameters`, which its Python package lacks."""

from google.protobuf import descriptor_pb2, text_format, wrappers_pb2

from lifelong.data.library_differences import message_classes


def _message_class(name, fields):
    """Makes a message class of (name, number, type, repeated) fields; types are wrappers or proto's."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto",
        package="test",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    message = file.message_type.add(name=name)
    for field, number, kind, repeated in fields:
        added = message.field.add(name=field, number=number, label=3 if repeated else 1)
        if kind.endswith("Value"):
            added.type, added.type_name = added.TYPE_MESSAGE, f".google.protobuf.{kind}"
        else:
            added.type = getattr(added, f"TYPE_{kind}")
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    return message_classes([wrappers, file])[f"test.{name}"]


# tensorflow_serving/servables/tensorflow/session_bundle_config.proto.
BatchingParameters = _message_class(
    "BatchingParameters",
    [
        ("max_batch_size", 1, "Int64Value", False),
        ("batch_timeout_micros", 2, "Int64Value", False),
        ("max_enqueued_batches", 3, "Int64Value", False),
        ("num_batch_threads", 4, "Int64Value", False),
        ("thread_pool_name", 5, "StringValue", False),
        ("allowed_batch_sizes", 6, "INT64", True),
        ("pad_variable_length_inputs", 7, "BOOL", False),
        ("enable_large_batch_splitting", 8, "BoolValue", False),
        ("max_execution_batch_size", 9, "Int64Value", False),
    ],
)


def read_batching_parameters(path):
    """Reads a file in protobuf's text format."""
    return text_format.Parse(path.read_text(), BatchingParameters())
