"""Interest extractor: a GRU over events whose states have to foretell the next event."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lifelong.models.layers.checks import (
    check_dtype,
    check_floating,
    check_positive,
    check_shapes,
    check_sizes,
    last_size,
)
from lifelong.models.layers.layer_of_tensors import LayerOfTensors
from lifelong.models.layers.masks import clear_masked

keras: Any = tf.keras


@keras.utils.register_keras_serializable(package="lifelong")
class InterestExtractor(LayerOfTensors):
    """Reads events into interest states with a GRU, which an auxiliary loss supervises.

    `auxiliary_loss` asks state t to tell event t + 1 from another one, by an MLP on both.

    Args:
        units: Size U of a state.
        context_size: Columns at an event's end that say when it happened and not what: the GRU
            reads them, the auxiliary loss leaves them out.
        hidden: Sizes of the hidden layers of the auxiliary loss's MLP, at least one.
        **kwargs: Of `keras.layers.Layer`.

    Call:
        events: `[B, S, D]` floating point, oldest first. Masked ones may hold anything.
        event_mask: `[B, S]` bool, True for valid events; all of them by default.

    Returns:
        `[B, S, U]`, the state after each event. A masked event leaves the state as it is.

    Raises:
        ValueError: If a shape or type is not as above, D is unknown, `context_size` does not lie
            in 0..D-1, or a constructor argument is not usable.

    Example:
        >>> extractor = InterestExtractor(units=4)
        >>> events, mask = tf.random.normal([2, 5, 6]), tf.ones([2, 5], tf.bool)
        >>> states = extractor(events, mask)
        >>> states.shape
        TensorShape([2, 5, 4])
        >>> extractor.auxiliary_loss(states, events, tf.roll(events, 1, axis=0), mask).shape
        TensorShape([])

    References:
        [DIEN](https://arxiv.org/abs/1809.03672), section "Interest Extractor Layer".
    """

    def __init__(
        self,
        units: int,
        context_size: int = 0,
        hidden: Sequence[int] = (100, 50),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive("InterestExtractor", units=units)
        check_sizes("InterestExtractor", hidden=hidden)
        if isinstance(context_size, bool) or not isinstance(context_size, int) or context_size < 0:
            raise ValueError(
                f"InterestExtractor: `context_size` is {context_size!r}; expected an integer of at "
                f"least 0"
            )
        self.units = units
        self.context_size = context_size
        self.hidden = tuple(hidden)
        self.gru = keras.layers.GRU(units, return_sequences=True, dtype=self.dtype_policy)
        dense = functools.partial(keras.layers.Dense, dtype=self.dtype_policy)
        self.judge = [*(dense(size, activation="relu") for size in self.hidden), dense(1)]

    def build(self, input_shape: Any) -> None:
        """Creates the weights for the size D, those of the auxiliary loss too."""
        size = last_size("InterestExtractor", "events", input_shape[0], "B S D")
        if self.context_size >= size:
            raise ValueError(
                f"InterestExtractor: `context_size` is {self.context_size} and `events` has shape "
                f"{tuple(input_shape[0])}; expected less than D = {size}"
            )
        self._event_size = size
        self.gru.build((None, None, size))
        for layer, inputs in zip(
            self.judge, (self.units + size - self.context_size, *self.hidden), strict=True
        ):
            layer.build((None, inputs))
        self.built = True

    def compute(
        self,
        events: tf.Tensor,
        event_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Reads events; see the class."""
        check_floating("InterestExtractor", events=events)
        check_dtype("InterestExtractor", "event_mask", event_mask, tf.bool)
        check_shapes(
            "InterestExtractor",
            {"events": (events, "B S D"), "event_mask": (event_mask, "B S")},
            {"D": self._event_size},
        )
        if event_mask is None:
            event_mask = tf.ones(tf.shape(events)[:2], tf.bool)
        else:
            # Keras reads a masked event too, and only then keeps the state before it.
            events = clear_masked(events, event_mask)
        # A masked event at the end, as Keras's GRU fails on S = 0.
        events = tf.pad(events, [[0, 0], [0, 1], [0, 0]])
        event_mask = tf.pad(event_mask, [[0, 0], [0, 1]])
        # [B, S + 1, D] -> [B, S, U]
        return self.gru(events, mask=event_mask)[:, :-1]

    def auxiliary_loss(
        self, states: tf.Tensor, events: tf.Tensor, negatives: tf.Tensor, valid: tf.Tensor
    ) -> tf.Tensor:
        """Returns how badly states tell the event that comes next from a negative one.

        Args:
            states: `[B, S, U]`, what the layer returned for `events`.
            events: `[B, S, D]`, oldest first.
            negatives: `[B, S, D]`, for each event one that did not happen in its place.
            valid: `[B, S]` bool, True where both the event and its negative count. The first place
                never counts: there is no state before it.

        Returns:
            Scalar float32: log loss of the event plus that of the negative, the mean over the
            places that count; 0 where none does.

        Raises:
            ValueError: If a shape or type is not as above.
        """
        owner = "InterestExtractor.auxiliary_loss"
        # Keras converts the arguments of `call` alone.
        states, events = tf.convert_to_tensor(states), tf.convert_to_tensor(events)
        negatives, valid = tf.convert_to_tensor(negatives), tf.convert_to_tensor(valid)
        check_floating(owner, states=states, events=events, negatives=negatives)
        check_dtype(owner, "valid", valid, tf.bool)
        check_shapes(
            owner,
            {
                "states": (states, "B S U"),
                "events": (events, "B S D"),
                "negatives": (negatives, "B S D"),
                "valid": (valid, "B S"),
            },
            {"U": self.units, "D": self._event_size},
        )
        size = events.shape[-1] - self.context_size
        valid = valid[:, 1:]
        # [P, U] and [P, De]: the P places that count
        state = tf.boolean_mask(states[:, :-1], valid)
        happened = self._logits(state, tf.boolean_mask(events[:, 1:, :size], valid))
        invented = self._logits(state, tf.boolean_mask(negatives[:, 1:, :size], valid))
        losses = tf.nn.softplus(-happened) + tf.nn.softplus(invented)
        count = tf.cast(tf.shape(losses)[0], losses.dtype)
        return tf.math.divide_no_nan(tf.reduce_sum(losses), count)

    def _logits(self, states: tf.Tensor, events: tf.Tensor) -> tf.Tensor:
        """Returns `[P, 1]` float32, above 0 where the event is held to come after the state."""
        values = tf.concat([states, tf.cast(events, states.dtype)], axis=-1)
        for layer in self.judge:
            values = layer(values)
        return tf.cast(values, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "context_size": self.context_size,
            "hidden": list(self.hidden),
        }
