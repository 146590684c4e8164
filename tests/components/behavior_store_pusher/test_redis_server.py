import pytest
import redis

from lifelong.components.behavior_store_pusher.executor import Executor
from lifelong.components.behavior_store_pusher.redis_server import RedisServer
from lifelong.components.behavior_tree_builder.store_files import store_uri
from lifelong.serving.behavior_store import StoreCorruptedError, open_store
from lifelong_artifacts import PushedBehaviorStore
from tests import redis_server


@pytest.fixture
def address(tmp_path):
    """A server of its own, which asks for a password."""
    with redis_server.RedisServer(tmp_path) as server:
        server.client.config_set("requirepass", "secret")
        yield server.address("shop").replace("redis://", "redis://:secret@")


def push(tree, address):
    pushed = PushedBehaviorStore()
    properties = {"destination": address, "keep_versions": 2}
    Executor().Do({"behavior_tree": [tree]}, {"pushed_store": [pushed]}, properties)
    return pushed


def test_a_store_is_loaded_published_and_replaced(address, built):
    assert RedisServer(address).current() is None
    first = push(built("a", events=5), address)
    destination = first.get_string_custom_property("pushed_destination")
    assert "secret" not in destination
    assert destination.endswith("?name=shop")
    with open_store(address) as store:
        assert len(store.history(1, 100)["item"]) == 5
    second = push(built("b", events=6), address)
    numbers = [pushed.get_int_custom_property("pushed_version") for pushed in (first, second)]
    assert numbers[0] < numbers[1]
    with open_store(address) as store:
        assert store.manifest.source == "b"
        assert len(store.history(1, 100)["item"]) == 6
        assert store.statistics_of([1], [1]).item.any()


def test_a_store_that_is_there_is_not_pushed_again(address, built):
    tree = built("a")
    before = push(tree, address)
    after = push(tree, address)
    numbers = [pushed.get_int_custom_property("pushed_version") for pushed in (before, after)]
    assert numbers == [1, 1]
    with redis.Redis.from_url(address.partition("?")[0]) as client:
        assert client.keys("shop:1:*")
        assert not client.keys("shop:2:*")


def test_one_that_is_not_what_was_built_is_not_published(address, built):
    push(built("a"), address)
    with pytest.raises(StoreCorruptedError, match="holds 5 events; 6 were built"):
        RedisServer(address).push(store_uri(built("b", events=5)), 0, 6)
    with open_store(address) as store:
        assert store.manifest.source == "a"
