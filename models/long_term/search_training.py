"""What training asks of the long-term parts whose search is trained ahead of the model."""

from __future__ import annotations

import abc


class TrainedSearch(abc.ABC):
    """A search that has to learn before it can choose events for the model.

    A long-term part has this as a second base. Of other parts training asks nothing.

    Attributes:
        click_weight: Weight of the model's click loss, beside the search's own if it has one.
        epochs_ahead: Epochs between `begin_ahead` and `end_ahead`, before those that validation can
            end; 0 trains search and model together from the start.
        alone: Whether the rest of the model stays as it is meanwhile.
    """

    click_weight: float = 1.0
    epochs_ahead: int
    alone: bool

    @abc.abstractmethod
    def begin_ahead(self) -> None:
        """Lets the search learn. Compile the model afterwards."""

    @abc.abstractmethod
    def end_ahead(self) -> None:
        """Ends what `begin_ahead` began, for good. Compile the model afterwards."""
