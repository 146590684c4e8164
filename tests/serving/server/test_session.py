import gc
import shutil
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from lifelong.serving.server.errors import ServingError
from lifelong.serving.server.session import LoadedModel


@pytest.fixture(scope="module")
def model(half_plus):
    loaded = LoadedModel(half_plus[2], 7)
    yield loaded
    loaded.close()


def feeds(model, signature, **values):
    inputs = model.signature(signature).inputs
    return {inputs[name].name: value for name, value in values.items()}


def fetch(model, signature, name):
    return model.signature(signature).outputs[name].name


def test_variables_are_restored(model):
    name = fetch(model, "serving_default", "y")
    values = model.run(feeds(model, "serving_default", x=np.float32([2, 4])), [name, name])
    assert [value.tolist() for value in values] == [[3.0, 4.0], [3.0, 4.0]]


def test_vocabulary_comes_from_the_assets(model):
    words = np.array([b"pear", b"fig"], dtype=object)
    (ids,) = model.run(feeds(model, "look_up", word=words), [fetch(model, "look_up", "id")])
    assert ids.tolist() == [1, 3]


def test_unknown_signature(model):
    with pytest.raises(ServingError, match='Serving signature key "zzz" not') as caught:
        model.signature("zzz")
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_the_tensors_of_a_signature(model):
    tensors = model.tensors("combine")
    assert list(tensors.inputs.items()) == [("a", "combine_a:0"), ("b", "combine_b:0")]
    assert list(tensors.outputs) == ["product", "sum"]
    assert tensors.outputs["sum"] == fetch(model, "combine", "sum")
    assert tensors.defaults == {}
    with pytest.raises(ServingError, match='Serving signature key "zzz" not') as caught:
        model.tensors("zzz")
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_tensor_that_is_not_in_the_graph(model):
    with pytest.raises(ServingError, match='the tensor "nope:0", which is not a dense tensor'):
        model.run({}, ["nope:0"])


def test_the_run_is_cancelled_after_the_timeout(model, tmp_path):
    gate = np.array(str(tmp_path / "gate").encode(), dtype=object)
    with pytest.raises(ServingError) as caught:
        model.run(feeds(model, "wait", gate=gate), [fetch(model, "wait", "y")], timeout_s=0.1)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_threads_share_a_model(model):
    wrong = []

    def call(value):
        for _ in range(50):
            (y,) = model.run(
                feeds(model, "serving_default", x=np.float32([value])),
                [fetch(model, "serving_default", "y")],
            )
            if y.tolist() != [value / 2 + 2]:
                wrong.append((value, y))

    threads = [threading.Thread(target=call, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def live(kind):
    return sum(isinstance(it, kind) for it in gc.get_objects())


def test_closing_frees_session_and_graph_at_once(half_plus, no_collector):
    graphs, sessions = live(tf.Graph), live(tf.compat.v1.Session)
    loaded = LoadedModel(half_plus[1], 1)
    assert live(tf.Graph) > graphs
    assert live(tf.compat.v1.Session) == sessions + 1
    loaded.close()
    assert live(tf.compat.v1.Session) == sessions
    del loaded
    assert live(tf.Graph) == graphs


def test_a_model_that_fails_to_load_leaves_nothing(half_plus, tmp_path, no_collector):
    shutil.copytree(half_plus[1], tmp_path / "copy", ignore=lambda *_: ["variables"])
    before = live(tf.Graph)
    for _ in range(2):
        with pytest.raises(ServingError):
            LoadedModel(str(tmp_path / "copy"), 1)
    assert live(tf.Graph) == before


class Python(tf.Module):
    """Calls Python inside a function, inside a branch."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="x")])
    def half(self, x):
        return {"y": tf.cond(x > 0, lambda: self.call(lambda v: v / 2, [x], tf.float32), lambda: x)}


@pytest.mark.parametrize("call", [tf.py_function, tf.numpy_function])
def test_python_ops_are_refused(call, tmp_path):
    module = Python(call)
    tf.saved_model.save(module, str(tmp_path), signatures=module.half)
    with pytest.raises(ServingError, match=r"contains Python ops.*PyFunc.* in function") as caught:
        LoadedModel(str(tmp_path), 1)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT


def custom_op(nodes):
    nodes.add(name="custom", op="OpOfSomeLibrary")


def new_attribute(nodes):
    next(node for node in nodes if node.op == "AddV2").attr["of_tomorrow"].b = True


@pytest.mark.parametrize("in_a_function", [False, True])
@pytest.mark.parametrize(
    ("change", "message", "code"),
    [
        (
            custom_op,
            "Op type not registered 'OpOfSomeLibrary': this server has TensorFlow {}, TensorFlow 9.9.9 "
            "wrote {}. Export the model with the server's version, or replace custom ops by "
            "TensorFlow's own.",
            grpc.StatusCode.NOT_FOUND,
        ),
        (
            new_attribute,
            "NodeDef mentions attr 'of_tomorrow' not in Op<name=AddV2>: this server has TensorFlow {}, "
            "TensorFlow 9.9.9 wrote {}. Export the model with the server's version.",
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ],
)
def test_what_this_tensorflow_does_not_have_is_refused(
    half_plus, tmp_path, change, message, code, in_a_function
):
    copy = tmp_path / "copy"
    shutil.copytree(half_plus[1], copy)
    saved = saved_model_pb2.SavedModel.FromString((copy / "saved_model.pb").read_bytes())
    saved.meta_graphs[0].meta_info_def.tensorflow_version = "9.9.9"
    graph = saved.meta_graphs[0].graph_def
    changed = [function.node_def for function in graph.library.function]
    if not in_a_function:
        # The calls of functions are all there is; an op of its own is among them.
        node = graph.node.add(name="sum", op="AddV2")
        node.attr["T"].type = 1
        node.input[:] = [graph.node[0].name] * 2
        changed = [graph.node]
    change(next(nodes for nodes in changed if any(node.op == "AddV2" for node in nodes)))
    (copy / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(ServingError) as caught:
        LoadedModel(str(copy), 1)
    assert caught.value.message == message.format(tf.__version__, copy)
    assert caught.value.code is code


def test_a_file_that_is_no_model(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(ServingError, match=r"saved_model.pb is not a SavedModel"):
        LoadedModel(str(tmp_path), 1)


def test_no_file(tmp_path):
    with pytest.raises(ServingError) as caught:
        LoadedModel(str(tmp_path), 1)
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


def test_another_tag(tmp_path):
    builder = tf.compat.v1.saved_model.Builder(str(tmp_path / "model"))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.constant(1)
        builder.add_meta_graph_and_variables(session, ["train"])
    builder.save()
    with pytest.raises(ServingError, match=r"tag `serve` alone; .* \[\['train'\]\]"):
        LoadedModel(str(tmp_path / "model"), 1)


def test_missing_variables(half_plus, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(half_plus[1], copy)
    shutil.rmtree(copy / "variables")
    with pytest.raises(ServingError, match="not a valid checkpoint"):
        LoadedModel(str(copy), 1)
