"""`lifelong ui`: a local page that looks into predictions."""

from __future__ import annotations

import dataclasses

from lifelong.commands.command import with_options
from lifelong.pipeline.pushed import CandidateOptions, open_pushed
from lifelong.serving.server.options import check_port


@dataclasses.dataclass(frozen=True, kw_only=True)
class UiOptions(CandidateOptions):
    """Options of `lifelong ui`.

    Attributes:
        port: Port of the page, which this machine alone can open; 0 takes a free one.
    """

    port: int = 8600

    def __post_init__(self) -> None:
        super().__post_init__()
        check_port("port", self.port)


def ui(options: UiOptions) -> int:
    """Serves the page until it is interrupted.

    Returns:
        0.

    Raises:
        OSError: If there is no run, no pushed model or no server, or the port is taken.
        PredictionError: If the model does not explain.
    """
    from lifelong.explain.page_server import listen, serve_page
    from lifelong.explain.session import Session

    with listen(options.port) as listening, open_pushed(options) as pushed:
        session = Session(pushed, options.candidates, options.weeks)
        version = session.explaining_version()
        model = f"{pushed.config.name}, {pushed.config.model.long_term}, version {version}"
        serve_page(
            session,
            listening,
            lambda address: print(f"{model}: open {address} (Ctrl-C ends it)", flush=True),
        )
    return 0


COMMAND = with_options("look into predictions on a local page", UiOptions, ui)
