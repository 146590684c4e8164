"""One loaded version of a SavedModel, run through a TF1-style session."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework import op_def_registry, ops

from lifelong.serving.server.compiled import compiled_signatures
from lifelong.serving.server.errors import (
    ServingError,
    as_serving_error,
    invalid_argument,
    not_found,
)

SERVE_TAG = "serve"
SAVED_MODEL_FILE = "saved_model.pb"
# Their kernels are Python functions of the process that wrote the model: nothing to call here.
PYTHON_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
Found = TypeVar("Found")


class SignatureTensors(NamedTuple):
    """A signature's tensors by alias, in plain dictionaries: a protobuf map is slow to read.

    Attributes:
        inputs: Tensor names, in the order of the aliases.
        outputs: Tensor names, in the order of the aliases.
        defaults: Values of inputs that a request may leave out.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]
    defaults: dict[str, tensor_pb2.TensorProto]


class LoadedModel:
    """A SavedModel version in memory, ready to run.

    It is loaded the way TensorFlow Serving loads it: tag `serve`, variables restored, init ops
    run, so vocabulary tables and assets work; only signatures are kept. Calls may come from
    several threads.

    Args:
        path: Folder with `saved_model.pb`.
        version: Version number, echoed in answers.
        xla_cpu_compilation_enabled: Whether signatures that XLA has to compile may run.

    Raises:
        ServingError: The model cannot be loaded, or contains Python or custom ops.
    """

    def __init__(
        self,
        path: str,
        version: int,
        xla_cpu_compilation_enabled: bool = True,
    ) -> None:
        self.path = path
        self.version = version
        meta_graph = _read_meta_graph(path)
        _refuse_python_ops(meta_graph, path)
        _refuse_unknown_ops(meta_graph, path)
        compiled = set() if xla_cpu_compilation_enabled else compiled_signatures(meta_graph)
        self._graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=self._graph)
        try:
            with self._graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(self._session, [SERVE_TAG], path)
        except Exception as error:
            self.close()
            raise as_serving_error(error) from error
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = dict(meta_graph.signature_def)
        self._tensors = {name: _tensors_of(it) for name, it in self.signatures.items()}
        self._endpoints = _Endpoints(self._graph)
        self._disabled = {
            tensor for name in compiled for tensor in self._tensors[name].outputs.values()
        }

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """Returns a signature by name.

        Raises:
            ServingError: FAILED_PRECONDITION when the model has no such signature.
        """
        return _signature(self.signatures, name)

    def tensors(self, signature_name: str) -> SignatureTensors:
        """Returns the tensors of a signature.

        Raises:
            ServingError: FAILED_PRECONDITION when the model has no such signature.
        """
        return _signature(self._tensors, signature_name)

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """Runs the graph.

        Args:
            feeds: Values by tensor name (`serving_default_x:0`).
            fetches: Tensor names to compute.
            timeout_s: Seconds after which the run is cancelled; none by default.

        Returns:
            One array for each fetch, in order.

        Raises:
            ServingError: With TensorFlow's own code and message.
        """
        if not self._disabled.isdisjoint(fetches):
            raise ServingError(grpc.StatusCode.INTERNAL, "XLA compilation disabled")
        # `Session.run` would convert wrong types silently and costs 200 microseconds for ten
        # inputs; a callable takes no deadline per call. This is the C++ Session::Run that
        # TensorFlow Serving calls.
        try:
            endpoints = self._endpoints
            inputs = {endpoints[name]: value for name, value in feeds.items()}
            outputs = [endpoints[name] for name in fetches]
            if timeout_s is None:
                return self._session._call_tf_sessionrun(None, inputs, outputs, [], None)
            options = config_pb2.RunOptions(timeout_in_ms=max(1, math.ceil(timeout_s * 1000)))
            buffer = pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())
            try:
                return self._session._call_tf_sessionrun(buffer, inputs, outputs, [], None)
            finally:
                pywrap_tf_session.TF_DeleteBuffer(buffer)
        except Exception as error:
            raise as_serving_error(error) from error

    def close(self) -> None:
        """Frees the session, its variables and the graph; no call may be running."""
        self._session.close()
        # Only deleting the session frees its variables.
        del self._session
        # A graph is full of cycles, and large: left to the collector, each version would stay for
        # hours.
        ops.dismantle_graph(self._graph)


class _Endpoints(dict[str, Any]):
    """What the C++ session calls a tensor, by the tensor's name; found when first asked for."""

    def __init__(self, graph: tf.Graph) -> None:
        super().__init__()
        self._graph = graph

    def __missing__(self, tensor_name: str) -> Any:
        try:
            tensor = self._graph.get_tensor_by_name(tensor_name)
        except (KeyError, ValueError) as error:
            raise invalid_argument(
                f'the signature names the tensor "{tensor_name}", which is not a dense tensor'
                f" of the graph: {error}"
            ) from error
        # A race stores the same value twice, which is harmless.
        self[tensor_name] = tensor._as_tf_output()
        return self[tensor_name]


def _signature(signatures: Mapping[str, Found], name: str) -> Found:
    try:
        return signatures[name]
    except KeyError:
        raise ServingError(
            grpc.StatusCode.FAILED_PRECONDITION,
            f'Serving signature key "{name}" not found.',
        ) from None


def _tensors_of(signature: meta_graph_pb2.SignatureDef) -> SignatureTensors:
    inputs, outputs = (
        {alias: side[alias].name for alias in sorted(side)}
        for side in (signature.inputs, signature.outputs)
    )
    return SignatureTensors(inputs, outputs, dict(signature.defaults))


def _read_meta_graph(path: str) -> meta_graph_pb2.MetaGraphDef:
    file = os.path.join(path, SAVED_MODEL_FILE)  # noqa: PTH118 (also gs:// and the like)
    try:
        with tf.io.gfile.GFile(file, "rb") as stream:
            saved_model = saved_model_pb2.SavedModel.FromString(stream.read())
    except tf.errors.OpError as error:
        raise as_serving_error(error) from error
    except DecodeError as error:
        raise invalid_argument(f"{file} is not a SavedModel: {error}") from error
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == {SERVE_TAG}:
            return meta_graph
    tags = [sorted(meta_graph.meta_info_def.tags) for meta_graph in saved_model.meta_graphs]
    raise ServingError(
        grpc.StatusCode.NOT_FOUND,
        f"{file} has no graph with the tag `{SERVE_TAG}` alone; its graphs have the tags {tags}",
    )


def _refuse_python_ops(meta_graph: meta_graph_pb2.MetaGraphDef, path: str) -> None:
    graph = meta_graph.graph_def
    found = _python_nodes("the graph", graph.node)
    for function in graph.library.function:
        found += _python_nodes(f"function {function.signature.name}", function.node_def)
    if found:
        raise invalid_argument(
            f"{path} contains Python ops, which no server can run: {'; '.join(found[:5])}"
            f"{f' and {len(found) - 5} more' if len(found) > 5 else ''}. Replace tf.py_function"
            " and tf.numpy_function by TensorFlow ops."
        )


def _refuse_unknown_ops(meta_graph: meta_graph_pb2.MetaGraphDef, path: str) -> None:
    """Finds ops and attributes that this TensorFlow does not have, inside functions, too.

    Of those in functions TensorFlow would tell at the first call, of attributes never: its Python drops
    them, where TensorFlow Serving refuses the model.
    """
    graph = meta_graph.graph_def
    own = {function.signature.name for function in graph.library.function}
    unknown_ops, unknown_attributes = set(), set()
    for node in chain(graph.node, *(function.node_def for function in graph.library.function)):
        if node.op in own:
            continue
        definition = op_def_registry.get(node.op)
        if definition is None:
            unknown_ops.add(node.op)
            continue
        # Those that begin with an underscore are notes, which any op may have.
        noted = {name for name in node.attr if not name.startswith("_")}
        known = {attribute.name for attribute in definition.attr} if noted else set()
        unknown_attributes |= {f"{name}' not in Op<name={node.op}" for name in noted - known}
    wrote = meta_graph.meta_info_def.tensorflow_version
    here = f"this server has TensorFlow {tf.__version__}, TensorFlow {wrote} wrote {path}"
    if unknown_ops:
        raise not_found(
            f"Op type not registered '{', '.join(sorted(unknown_ops)[:5])}': {here}. Export the model "
            "with the server's version, or replace custom ops by TensorFlow's own."
        )
    if unknown_attributes:
        raise invalid_argument(
            f"NodeDef mentions attr '{'>, '.join(sorted(unknown_attributes)[:5])}>: {here}. Export the "
            "model with the server's version."
        )


def _python_nodes(where: str, nodes: Iterable[Any]) -> list[str]:
    return [f"{node.op} `{node.name}` in {where}" for node in nodes if node.op in PYTHON_OPS]
