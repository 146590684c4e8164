"""`lifelong ui`: a local page that looks into predictions."""

from __future__ import annotations

import dataclasses

from lifelong.commands.command import with_options
from lifelong.pipeline.pushed import PushedOptions, open_pushed


@dataclasses.dataclass(frozen=True, kw_only=True)
class UiOptions(PushedOptions):
    """Options of `lifelong ui`.

    Attributes:
        port: Port of the page, which this machine alone can open; 0 takes a free one.
        candidates: Candidates of a user: the most frequent items of the weeks before the request.
        weeks: Those weeks.
    """

    port: int = 8600
    candidates: int = 200
    weeks: int = 4


def ui(options: UiOptions) -> int:
    """Serves the page until it is interrupted.

    Returns:
        0.

    Raises:
        ValueError: If an option makes no sense.
        OSError: If there is no run, no pushed model or no server, or the port is taken.
    """
    from lifelong.explain.page_server import serve_page
    from lifelong.explain.session import Session

    for name in ("candidates", "weeks"):
        if getattr(options, name) < 1:
            raise ValueError(f"{name} is {getattr(options, name)}; at least 1 is needed")
    with open_pushed(options) as pushed:
        version = pushed.client.metadata().version
        session = Session(pushed, options.candidates, options.weeks)
        model = f"{pushed.config.name}, {pushed.config.model.long_term}, version {version}"
        serve_page(
            session,
            options.port,
            lambda address: print(f"{model}: open {address} (Ctrl-C ends it)", flush=True),
        )
    return 0


COMMAND = with_options("look into predictions on a local page", UiOptions, ui)
