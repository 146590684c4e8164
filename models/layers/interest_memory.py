"""Interest memory: a fixed number of slots, written event by event and read for each candidate."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_dtype,
    check_floating,
    check_positive,
    check_shapes,
    last_size,
)
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from lifelong.models.layers.masks import clear_masked
from lifelong.models.layers.memory_slots import (
    address_slots,
    mix_slots,
    shares_of_writes,
    write_slots,
)
from lifelong.models.layers.steps import by_step, gru_step, project

keras: Any = tf.keras

# With the bias of the transfer at this times the identity, a write begins at the slots it addresses.
_KEPT = 4.0


class _State(NamedTuple):
    """What is carried from event to event.

    Attributes:
        control: `[B, U]`, state of the controller.
        read: `[B, 2 U]`, what the controller has read last: an address and a content.
        addresses: `[B, m, U]`, what keys are compared with.
        contents: `[B, m, U]`, what is read.
        utilization: `[B, m]`, write weights added up.
        induced: `[B, m, U]`, states of the channels.
    """

    control: tf.Tensor
    read: tf.Tensor
    addresses: tf.Tensor
    contents: tf.Tensor
    utilization: tf.Tensor
    induced: tf.Tensor


@keras.utils.register_keras_serializable(package="lifelong")
class InterestMemory(LayerOfTensors):
    """Writes events into a memory of m slots, which candidates read: the memory network of MIMN.

    A neural Turing machine. At every event, the controller, a GRU of the event and of what was read
    last, emits keys for reading and writing, with a strength each, and an add and an erase vector,
    and reads, then writes:

        w(i) = softmax_i(strength * cosine(key, slot i)), a read and a write weight
        P = softmax(W_g g + b_g) by rows, w~ = w_write P, g the shares of all writes so far
        slot i <- slot i - w~(i) erase * slot i + w~(i) add

    Above the memory, each slot has an induction channel: the `channels` slots of the largest read
    weights go on by one GRU for all, whose input is the slot and the event. Events are written once
    for all candidates of a request. A candidate reads the slots by a key of its own, and attends to
    the channels by a bilinear form.

    Differences from the article: a slot has two halves, of size U each. The address, which keys are
    compared with, is written from `events`; to the content, which candidates and channels read,
    only `values` are added, so that a model may address (and erase) by more than it reads.
    Addresses start at learned vectors, contents at zeros. Keys have the strength of neural Turing
    machines, at least 1 (the article's softmax). g counts shares instead of sums, and P starts near the identity: with sums, P would be one-hot
    after some hundred events, and without the bias, all slots would be written alike at first.

    Args:
        units: Size U of the controller, of addresses, of contents and of channels.
        slots: Slots m.
        channels: Channels that an event changes, at most `slots`.
        **kwargs: Of `keras.layers.Layer`. `dtype` has no effect: shares of a thousand writes cannot
            be added up in 16 bits.

    Call:
        query: `[B, N, Dq]` floating point, candidates.
        events: `[B, L, D]` floating point, oldest first: what decides where to write. Masked ones
            may hold anything.
        values: `[B, L, Dz]` floating point, what is written of the events; may be `events`.
        event_mask: `[B, L]` bool, True for valid events; all of them by default. Masked ones are
            passed over, wherever they are.
        return_utilization: Whether to return what `utilization_loss` takes, too.

    Returns:
        `[B, N, 2 U]` of the type of `values`: what is read of the memory, then of the channels;
        zeros for a request without valid events. With `return_utilization`, a pair of it and the
        write weights of each slot added up, `[B, m]` float32.

    Raises:
        ValueError: If a shape or type is not as above, a last dimension is unknown, or a
            constructor argument is not usable.

    Example:
        >>> memory, events = InterestMemory(units=4), tf.random.normal([2, 5, 6])
        >>> read, utilization = memory(tf.ones([2, 3, 8]), events, events, return_utilization=True)
        >>> read.shape
        TensorShape([2, 3, 8])
        >>> memory.utilization_loss(utilization).shape
        TensorShape([])

    References:
        [MIMN](https://arxiv.org/abs/1905.09248), section 4: memory read and write, utilization
        regularization, memory induction unit. [Neural Turing Machines](
        https://arxiv.org/abs/1410.5401), section 3.3.1: strength of a key.
    """

    def __init__(self, units: int, slots: int = 4, channels: int = 2, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        check_positive("InterestMemory", units=units, slots=slots, channels=channels)
        if channels > slots:
            raise ValueError(
                f"InterestMemory: `channels` is {channels}; expected at most `slots` = {slots}"
            )
        self.units = units
        self.slots = slots
        self.channels = channels

    def build(self, input_shape: Any) -> None:
        """Creates the weights for the sizes Dq, D and Dz; a GRU's are update, reset, candidate."""
        units, slots = self.units, self.slots
        of_query = last_size("InterestMemory", "query", input_shape[0], "B N Dq")
        of_event = last_size("InterestMemory", "events", input_shape[1], "B L D")
        of_value = last_size("InterestMemory", "values", input_shape[2], "B L Dz")

        def kernel(name: str, *shape: int, initializer: Any = "glorot_uniform") -> Any:
            return self.add_weight(name=name, shape=shape, initializer=initializer)

        def bias(name: str, size: int) -> Any:
            return kernel(name, size, initializer="zeros")

        self.event_kernel = kernel("event_kernel", of_event, 3 * units)
        self.event_bias = bias("event_bias", 3 * units)
        self.read_kernel = kernel("read_kernel", 2 * units, 3 * units)
        self.control_kernel = kernel("control_kernel", units, 3 * units, initializer="orthogonal")
        # Two keys, an address to add, what to erase of address and content, and two strengths
        self.emit_kernel = kernel("emit_kernel", units, 5 * units + 2)
        self.emit_bias = bias("emit_bias", 5 * units + 2)
        # A content to add, and the channels' input
        self.value_kernel = kernel("value_kernel", of_value, 4 * units)
        self.value_bias = bias("value_bias", 4 * units)
        self.content_kernel = kernel("content_kernel", units, 3 * units)
        self.induced_kernel = kernel("induced_kernel", units, 3 * units, initializer="orthogonal")
        self.transfer_kernel = kernel("transfer_kernel", slots, slots * slots)
        self.transfer_bias = kernel(
            "transfer_bias", slots, slots, initializer=keras.initializers.Identity(_KEPT)
        )
        self.addresses = kernel("addresses", slots, units, initializer="orthogonal")
        # A key, its strength, and what is compared with channels
        self.query_kernel = kernel("query_kernel", of_query, 2 * units + 1)
        self.query_bias = bias("query_bias", 2 * units + 1)
        self.built = True

    def call(self, inputs: Any, return_utilization: bool = False) -> Any:
        """Writes and reads; see the class."""
        return self.compute(*inputs, return_utilization=return_utilization)

    def compute(
        self,
        query: tf.Tensor,
        events: tf.Tensor,
        values: tf.Tensor,
        event_mask: tf.Tensor | None = None,
        *,
        return_utilization: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        """Writes and reads; see the class."""
        check_floating("InterestMemory", query=query, events=events, values=values)
        check_dtype("InterestMemory", "event_mask", event_mask, tf.bool)
        check_shapes(
            "InterestMemory",
            {
                "query": (query, "B N Dq"),
                "events": (events, "B L D"),
                "values": (values, "B L Dz"),
                "event_mask": (event_mask, "B L"),
            },
            {
                "Dq": self.query_kernel.shape[0],
                "D": self.event_kernel.shape[0],
                "Dz": self.value_kernel.shape[0],
            },
        )
        dtype = values.dtype
        query, events, values = (tf.cast(it, tf.float32) for it in (query, events, values))
        if event_mask is None:
            event_mask = tf.ones(tf.shape(events)[:2], tf.bool)
        else:
            events, values = clear_masked(events, event_mask), clear_masked(values, event_mask)
        state = self._write(events, values, event_mask)
        read = tf.cast(self._read(query, state), dtype)
        return (read, state.utilization) if return_utilization else read

    def utilization_loss(self, utilization: tf.Tensor) -> tf.Tensor:
        """Returns how unevenly slots are written.

        Args:
            utilization: `[B, m]`, as the layer returned it.

        Returns:
            Scalar float32: the squared differences of the slots' shares from 1 / m, added up over
            slots; the mean over the requests with events, 0 where there is none. (The article's
            loss is of sums instead of shares: it would grow with the square of the history.)

        Raises:
            ValueError: If a shape or type is not as above.
        """
        owner = "InterestMemory.utilization_loss"
        utilization = tf.convert_to_tensor(utilization)
        check_floating(owner, utilization=utilization)
        check_shapes(owner, {"utilization": (utilization, "B m")}, {"m": self.slots})
        written = tf.cast(tf.reduce_any(utilization > 0, axis=1), tf.float32)
        uneven = tf.reduce_sum((shares_of_writes(utilization) - 1 / self.slots) ** 2, axis=1)
        return tf.math.divide_no_nan(tf.reduce_sum(uneven * written), tf.reduce_sum(written))

    def _write(self, events: tf.Tensor, values: tf.Tensor, mask: tf.Tensor) -> _State:
        """Returns the state after the last event."""
        units, slots = self.units, self.slots
        # What of a step depends on its event alone: [B, L, D] x [D, 3 U] -> [L, B, 3 U]
        projected = tf.einsum("bld,dg->lbg", events, tf.convert_to_tensor(self.event_kernel))
        of_control = by_step(projected + self.event_bias)
        # [B, L, Dz] x [Dz, 4 U] -> [L, B, U] and [L, B, 3 U]
        projected = tf.einsum("bld,dg->lbg", values, tf.convert_to_tensor(self.value_kernel))
        content, projected = tf.split(projected + self.value_bias, [units, 3 * units], axis=-1)
        of_content, of_induction = by_step(tf.tanh(content)), by_step(projected)
        # [L, B, 1]
        is_event = by_step(tf.cast(tf.transpose(mask), tf.float32)[..., tf.newaxis])
        # Read here, they are not read again at every step.
        read_kernel, control_kernel = map(
            tf.convert_to_tensor, (self.read_kernel, self.control_kernel)
        )
        emit_kernel, emit_bias = map(tf.convert_to_tensor, (self.emit_kernel, self.emit_bias))
        transfer_kernel, transfer_bias = map(
            tf.convert_to_tensor, (self.transfer_kernel, self.transfer_bias)
        )
        content_kernel, induced_kernel = map(
            tf.convert_to_tensor, (self.content_kernel, self.induced_kernel)
        )
        emitted_sizes = [2 * units, units, units, units, 2]

        def write(step: tf.Tensor, state: _State) -> tuple[tf.Tensor, _State]:
            valid = is_event.read(step)
            inputs = of_control.read(step) + tf.matmul(state.read, read_kernel)
            control = gru_step(inputs, state.control, control_kernel, valid)
            emitted = tf.matmul(control, emit_kernel) + emit_bias
            keys, address, forget_address, forget_content, strength = tf.split(
                emitted, emitted_sizes, axis=-1
            )
            # [B, 2, U], of reading and of writing, to [B, m] each
            weights = address_slots(
                tf.reshape(keys, [-1, 2, units]), tf.expand_dims(strength, -1), state.addresses
            )
            reading, writing = tf.unstack(weights, axis=1)
            # [B, m] x [m, m m] -> [B, m, m]
            transfer = tf.matmul(shares_of_writes(state.utilization), transfer_kernel)
            transfer = tf.nn.softmax(tf.reshape(transfer, [-1, slots, slots]) + transfer_bias)
            written = mix_slots(writing, transfer) * valid
            read = [mix_slots(reading, state.addresses), mix_slots(reading, state.contents)]
            contents = write_slots(state.contents, written, forget_content, of_content.read(step))
            # [B, channels, m] -> [B, m, 1]
            best = tf.math.top_k(reading, self.channels).indices
            chosen = tf.reduce_sum(tf.one_hot(best, slots), axis=1) * valid
            inputs = project(contents, content_kernel)
            inputs += tf.expand_dims(of_induction.read(step), 1)
            induced = gru_step(inputs, state.induced, induced_kernel, tf.expand_dims(chosen, -1))
            return step + 1, _State(
                control,
                state.read + valid * (tf.concat(read, axis=-1) - state.read),
                write_slots(state.addresses, written, forget_address, tf.tanh(address)),
                contents,
                state.utilization + written,
                induced,
            )

        rows, steps = tf.shape(events)[0], tf.shape(events)[1]
        start = tf.convert_to_tensor(self.addresses)
        state = _State(
            control=tf.zeros([rows, units]),
            read=tf.zeros([rows, 2 * units]),
            addresses=tf.broadcast_to(start, [rows, slots, units]),
            contents=tf.zeros([rows, slots, units]),
            utilization=tf.zeros([rows, slots]),
            induced=tf.zeros([rows, slots, units]),
        )
        return tf.while_loop(lambda step, _: step < steps, write, [0, state])[1]

    def _read(self, query: tf.Tensor, state: _State) -> tf.Tensor:
        """Returns what each candidate reads: `[B, N, Dq] -> [B, N, 2 U]`."""
        units = self.units
        projected = project(query, tf.convert_to_tensor(self.query_kernel)) + self.query_bias
        key, strength, of_channels = tf.split(projected, [units, 1, units], axis=-1)
        weights = address_slots(key, strength, state.addresses)
        # [B, N, m] x [B, m, U] -> [B, N, U]
        content = tf.matmul(weights, state.contents)
        # [B, N, U] x [B, m, U] -> [B, N, m]
        scores = tf.matmul(of_channels, state.induced, transpose_b=True)
        induced = tf.matmul(tf.nn.softmax(scores), state.induced)
        return tf.concat([content, induced], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "slots": self.slots,
            "channels": self.channels,
        }
