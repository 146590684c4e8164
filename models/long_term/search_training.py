"""What training asks of the long-term parts whose search has weights and a loss of its own."""

from __future__ import annotations

import abc


class TrainedSearch(abc.ABC):
    """A search that learns by a loss of its own, beside the model or ahead of it.

    A long-term part has this as a second base. Of other parts training asks nothing.

    Attributes:
        click_weight: Weight of the model's click loss beside the search's own.
        epochs_alone: Epochs that the search is trained alone (`train_alone`) and then frozen
            (`freeze`), before the model; 0 trains both together.
    """

    click_weight: float
    epochs_alone: int

    @abc.abstractmethod
    def train_alone(self) -> None:
        """Leaves the model's click loss out: only the search learns. Compile the model afterwards."""

    @abc.abstractmethod
    def freeze(self) -> None:
        """Ends what `train_alone` began, for good. Compile the model afterwards."""
