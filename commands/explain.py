"""`lifelong explain`: what is behind the score of one item for one user."""

from __future__ import annotations

import dataclasses

from lifelong.commands.command import with_options
from lifelong.pipeline.pushed import PushedOptions, open_pushed


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainOptions(PushedOptions):
    """Options of `lifelong explain`.

    Attributes:
        user: User id as in the log.
        item: Item id as in the log.
        at: Time of the request, a date or ISO time; empty is right after the user's last event.
        events: Past events to print, those with the largest attention first.
    """

    user: str
    item: str
    at: str = ""
    events: int = 10


def explain(options: ExplainOptions) -> int:
    """Prints what is behind a score.

    Returns:
        0.

    Raises:
        ValueError: If the user or the item is not known or an option makes no sense.
        OSError: If there is no run, no pushed model or no server.
    """
    from lifelong.explain.session import Session
    from lifelong.explain.text import describe

    if options.events < 1:
        raise ValueError(f"events is {options.events}; at least 1 is needed")
    with open_pushed(options) as pushed:
        look = Session(pushed).look(options.user, options.item, options.at)
    print(describe(look, options.events))
    return 0


COMMAND = with_options("tell what is behind one score", ExplainOptions, explain)
