"""What hides the differences between the libraries of the two sets."""

from google.protobuf import descriptor_pb2, wrappers_pb2

from lifelong.data.library_differences import message_classes


def described(field):
    """A file with a message that is called as one of protobuf's own, with another field."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{field}.proto", package="google.protobuf")
    message = file.message_type.add(name="Int64Value")
    message.field.add(name=field, number=1, type=3, label=1)
    return file


def test_messages_of_one_name_live_in_one_process():
    names = ("first", "second")
    made = {
        name: message_classes([described(name)])["google.protobuf.Int64Value"] for name in names
    }
    for name, message in made.items():
        assert message(**{name: 7}).SerializeToString() == b"\x08\x07"
    assert wrappers_pb2.Int64Value.FromString(b"\x08\x07").value == 7
