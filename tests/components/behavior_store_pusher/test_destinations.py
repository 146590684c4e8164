import re
import shutil

import pytest

from lifelong.components.behavior_store_pusher.destination import check_destination
from lifelong.components.behavior_store_pusher.destinations import destination_at, destination_state
from lifelong.components.behavior_tree_builder.store_files import store_uri
from lifelong.serving.behavior_store import StoreUnavailableError, indexed_versions
from tests.redis_server import RedisServer, free_port


@pytest.fixture(params=["folder", "file", "redis"])
def address(request, tmp_path):
    """A destination of each kind, where nothing is yet."""
    if request.param == "redis":
        with RedisServer(tmp_path) as server:
            yield server.address("shop")
    else:
        yield f"{'file://' if request.param == 'file' else ''}{tmp_path}/pushed"


def push(tree, address):
    destination = destination_at(address, 2)
    events = tree.get_int_custom_property("events")
    return destination.push(store_uri(tree), destination.next_number(), events)


def test_the_state_tells_which_store_is_in_use(address, built):
    assert destination_state(address, 2) == ""
    assert destination_at(address, 2).last_push() == ""
    first = push(built("a"), address)
    counted_by_server = "redis" in address
    assert destination_at(address, 2).last_push() == (
        "" if counted_by_server else str(first.number)
    )
    state = destination_state(address, 2)
    assert re.fullmatch(rf"{first.number} [0-9a-f]{{16}}( {first.number})?", state)
    assert destination_state(address, 2) == state
    second = push(built("b"), address)
    number, digest = destination_state(address, 2).split()[:2]
    assert int(number) == second.number > first.number
    assert digest != state.split()[1]
    push(built("a"), address)
    assert destination_state(address, 2).split()[1] == state.split()[1]


# With as many versions as are kept before it, and with fewer.
@pytest.mark.parametrize("before_it", ["ab", "a"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_loss_is_another_state_than_that_before_the_push(tmp_path, built, scheme, before_it):
    address = f"{scheme}{tmp_path}/pushed"
    for name in before_it:
        push(built(name), address)
    before = destination_state(address, 2)
    lost = push(built("c"), address)
    shutil.rmtree(tmp_path / "pushed" / str(lost.number))
    state = destination_state(address, 2)
    assert state.split()[:2] == before.split()[:2]
    assert state != before


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_store_that_cannot_be_used_is_none(tmp_path, built, scheme):
    address = f"{scheme}{tmp_path}/pushed"
    push(built("a"), address)
    shutil.rmtree(next((tmp_path / "pushed").glob("[0-9]*/shard-00000")))
    assert destination_state(address, 2) == ""


def test_a_destination_that_cannot_be_reached_says_so(monkeypatch):
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        destination_state(f"redis://127.0.0.1:{free_port()}/0", 2)

    def unreachable(path, options):
        raise OSError("nobody answers")

    monkeypatch.setattr(indexed_versions, "file_system", unreachable)
    with pytest.raises(StoreUnavailableError, match="gs://bucket/a cannot be used now: nobody"):
        destination_state("gs://bucket/a", 2)


@pytest.mark.parametrize(
    "address",
    [
        "pushed",
        "redis://host:6379/0?name=shop",
        "gs://bucket/store",
        "s3://bucket/store?endpoint_override=minio:9000&scheme=http",
        "file:///folder",
    ],
)
def test_destinations_that_make_sense(address):
    check_destination(address, 1)


@pytest.mark.parametrize(
    ("address", "keep", "message"),
    [
        ("", 2, "destination is empty"),
        ("redis://host:port", 2, "cannot be read"),
        ("pushed", 0, "keep_versions is 0"),
        ("redis:/host", 2, "neither a folder nor a URI; write redis://host"),
        ("gs:/bucket/a", 2, "neither a folder nor a URI; write gs://bucket/a"),
        ("s3:/bucket", 2, "neither a folder nor a URI; write s3://bucket"),
        ("file:/folder", 2, "neither a folder nor a URI; write file:///folder"),
        ("gcs3://bucket/a", 2, "store.destination is 'gcs3://bucket/a', which PyArrow cannot open"),
        ("gs:///a", 2, "PyArrow cannot open .* gs://bucket/folder"),
    ],
)
def test_those_that_make_none_are_refused_with_the_fix(address, keep, message):
    with pytest.raises(ValueError, match=message):
        destination_at(address, keep)
