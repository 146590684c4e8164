"""Serves the page on this machine."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import tornado.httpserver
import tornado.netutil
import tornado.web

from lifelong.explain.page import render
from lifelong.explain.session import Session
from lifelong.serving.behavior_store import StoreError
from lifelong.serving.prediction import PredictionError

_HOST = "127.0.0.1"
# A page of another site that has itself resolved to this machine gets nothing.
_OWN_NAMES = r"(127\.0\.0\.1|localhost)"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _Page(tornado.web.RequestHandler):
    def initialize(self, session: Session, threads: ThreadPoolExecutor) -> None:
        self._session = session
        self._threads = threads

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    async def get(self) -> None:
        asked = {name: self._asked(name) for name in ("user", "item", "at")}
        loop = asyncio.get_running_loop()
        status, page = await loop.run_in_executor(self._threads, self._make, asked)
        self.set_status(status)
        self.finish(page)

    def _asked(self, name: str) -> str:
        return (self.get_query_argument(name, "") or "").strip()

    def _make(self, asked: dict[str, str]) -> tuple[int, str]:
        """Returns the status and the page."""
        visit = look = None
        status, failure = 200, ""
        try:
            if asked["user"]:
                visit = self._session.visit(asked["user"], asked["at"])
                if asked["item"]:
                    look = self._session.look(asked["user"], asked["item"], asked["at"])
        except ValueError as error:
            status, failure = 400, str(error)
        except (PredictionError, StoreError, OSError) as error:
            status, failure = 503, str(error)
        return status, render(self._session, asked, visit, look, failure)


def make_application(session: Session, threads: ThreadPoolExecutor) -> tornado.web.Application:
    """Returns the page as a Tornado application.

    Args:
        session: What it asks.
        threads: Where pages are made.
    """
    application = tornado.web.Application()
    arguments = {"session": session, "threads": threads}
    application.add_handlers(_OWN_NAMES, [("/", _Page, arguments)])
    return application


def serve_page(session: Session, port: int, tell: Callable[[str], None]) -> None:
    """Serves the page until the process is told to end.

    Args:
        session: What it asks.
        port: Port on 127.0.0.1; 0 takes a free one.
        tell: Called with the page's address as soon as it can be opened.

    Raises:
        OSError: The port is taken; the message says what to do.
    """
    try:
        sockets = tornado.netutil.bind_sockets(port, _HOST)
    except OSError as error:
        raise OSError(
            f"port {port} of this machine cannot be taken ({error.strerror}); choose another --port"
        ) from error

    async def run() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        server = tornado.httpserver.HTTPServer(make_application(session, threads))
        server.add_sockets(sockets)
        tell(f"http://{_HOST}:{sockets[0].getsockname()[1]}/")
        await stopped.wait()
        server.stop()

    # One page at a time: the store's reads and the server's calls are short.
    with ThreadPoolExecutor(1) as threads:
        asyncio.run(run())
