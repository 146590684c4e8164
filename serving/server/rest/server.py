"""The HTTP server of the REST API and of the metrics."""

from __future__ import annotations

import abc
import asyncio
import socket
import threading
import zlib
from collections.abc import Callable
from concurrent import futures

import grpc
from tornado import http1connection, httpserver, httputil, netutil, web

from lifelong.serving.server import metrics
from lifelong.serving.server.errors import ServingError, invalid_argument
from lifelong.serving.server.grpc_options import MAX_MESSAGE_BYTES
from lifelong.serving.server.rest.api import Reply, RestApi, error_reply
from lifelong.serving.server.rest.paths import needs_body
from lifelong.serving.server.security import NO_TOKEN, Token

# The body of a request that is refused is read and thrown away, so that a client that sends first
# and reads then gets the answer; more bytes, or a slower client, lose the connection instead.
_MAX_DRAINED_BYTES = 2**28
_MAX_DRAINING_S = 30.0
# Tornado's own limit tells a client nothing: the handlers have theirs.
_NO_LIMIT = 2**63 - 1
# zlib's number for a gzip header and the largest window.
_GZIP = 31
_STATE_INTERVAL_S = 0.01


class RestServer:
    """Serves REST and metrics over HTTP/1.1, with keep-alive, in threads of its own.

    Args:
        api: Answers requests.
        page: Makes the metrics' text.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one, see `address`.
        threads: Requests that run at the same time.
        max_waiting: Requests that wait for a thread; more are refused with RESOURCE_EXHAUSTED.
        max_body_bytes: Largest body that is read, also once it is decompressed; more is refused.
        token: What requests must carry in their `Authorization` header; none by default.
    """

    def __init__(
        self,
        api: RestApi,
        page: Callable[[], str],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        threads: int = 8,
        max_waiting: int = 256,
        max_body_bytes: int = MAX_MESSAGE_BYTES,
        token: Token | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._api = api
        self.max_body_bytes = max_body_bytes
        self.page = page
        self._token = token
        self._max_pending = threads + max_waiting
        self._pending = 0
        self._draining = False
        self._executor = futures.ThreadPoolExecutor(threads, thread_name_prefix="rest-server")
        application = web.Application(
            [
                (metrics.PATH, _MetricsHandler, {"server": self}),
                (r".*", _RestHandler, {"server": self}),
            ],
            # Errors are told to the client and counted; a log of every one would flood.
            log_function=lambda handler: None,
        )
        self._http = httpserver.HTTPServer(application, max_body_size=_NO_LIMIT)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="rest-server", daemon=True)

    @property
    def address(self) -> str:
        """`host:port` for clients; the port is known once the server has started."""
        return f"{self._host}:{self._port}"

    def start(self) -> None:
        """Listens.

        Raises:
            OSError: The address cannot be listened on.
        """
        try:
            sockets = netutil.bind_sockets(self._port, self._host)
        except OSError as error:
            raise OSError(
                f"cannot listen on {self.address}: is the port taken, the host an address of this"
                f" machine? ({error})"
            ) from error
        self._port = sockets[0].getsockname()[1]
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(sockets), self._loop).result()

    def stop(self, drain_s: float = 30.0) -> None:
        """Refuses new requests, lets running ones finish, and closes all connections.

        Args:
            drain_s: Seconds that running requests are given.
        """
        # A server that never listened has nothing to drain.
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._drain(drain_s), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._executor.shutdown(wait=False)

    def refusal(self, headers: httputil.HTTPHeaders) -> Reply | None:
        """Returns UNAUTHENTICATED for a request without the token; none for a good one."""
        if self._token is None or self._token.is_in(headers.get("Authorization", "")):
            return None
        return error_reply(ServingError(grpc.StatusCode.UNAUTHENTICATED, NO_TOKEN))

    async def answer(self, verb: str, path: str, body: bytes) -> Reply:
        """Answers a request in a thread, unless too many wait already.

        Args:
            verb: HTTP method.
            path: Path as it was sent.
            body: The request's body.

        Returns:
            The answer.
        """
        if self._draining:
            return error_reply(
                ServingError(grpc.StatusCode.UNAVAILABLE, "The server is shutting down")
            )
        if self._pending >= self._max_pending:
            return error_reply(
                ServingError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"{self._pending} requests are being answered or wait; try again",
                )
            )
        self._pending += 1
        try:
            return await self._loop.run_in_executor(
                self._executor, self._api.answer, verb, path, body
            )
        finally:
            self._pending -= 1

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self, sockets: list[socket.socket]) -> None:
        self._http.add_sockets(sockets)

    async def _drain(self, drain_s: float) -> None:
        self._http.stop()
        self._draining = True
        deadline = self._loop.time() + drain_s
        while self._pending and self._loop.time() < deadline:
            await asyncio.sleep(_STATE_INTERVAL_S)
        # Answers that are ready are written before their connections are closed.
        await asyncio.sleep(_STATE_INTERVAL_S)
        await self._http.close_all_connections()


@web.stream_request_body
class _Handler(web.RequestHandler, abc.ABC):
    """Decides on the headers whether a request is answered, before its body is read.

    A refusal is sent at once. What follows it is not kept.
    """

    def initialize(self, server: RestServer) -> None:
        self._server = server
        self._refusal: Reply | None = None
        self._keeps_body = False
        self._chunks: list[bytes] = []
        self._bytes = 0

    def prepare(self) -> None:
        self._refusal = self._server.refusal(self.request.headers) or self._refused()
        self._keeps_body = self._reads_body()
        announced = _announced(self.request.headers)
        if self._refusal is None and announced > self._server.max_body_bytes:
            self._refusal = self._too_large()
        # Without a body the request is at its end, and is answered then.
        if self._refusal is not None and announced:
            self._refuse(self._refusal, announced)

    def data_received(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        if self._refusal is not None:
            if self._bytes > _MAX_DRAINED_BYTES:
                self._connection.close()
        elif self._bytes > self._server.max_body_bytes:
            # Only a body whose size was not announced comes so far.
            self._chunks.clear()
            self._refusal = self._too_large()
            self._refuse(self._refusal, 0)
        elif self._keeps_body:
            self._chunks.append(chunk)

    async def _answer(self) -> None:
        if not self._headers_written:
            self._write_reply(self._refusal or await self._reply())
        self.finish()

    # Every verb, so that none is answered otherwise.
    get = head = post = put = patch = delete = options = _answer

    def compute_etag(self) -> None:
        """Answers are never cached."""

    @property
    def _connection(self) -> http1connection.HTTP1Connection:
        assert isinstance(self.request.connection, http1connection.HTTP1Connection)
        return self.request.connection

    def _refuse(self, reply: Reply, announced: int) -> None:
        """Sends a refusal before the body has come.

        Args:
            reply: The refusal.
            announced: Size of the body as far as it is known.
        """
        self._write_reply(reply)
        if self.request.headers.get("Expect") or announced > _MAX_DRAINED_BYTES:
            # The client waits for leave to send, or would send for ever.
            self.set_header("Connection", "close")
            self.finish()
        else:
            self._connection.set_body_timeout(_MAX_DRAINING_S)
            self.set_header("Content-Length", len(reply.body))
            self.flush()

    def _write_reply(self, reply: Reply) -> None:
        self.set_status(reply.code)
        self.set_header("Content-Type", reply.content_type)
        self.write(reply.body)

    def _too_large(self) -> Reply:
        error = ServingError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"the request has more than {self._server.max_body_bytes} bytes"
            " (the server's max_message_bytes)",
        )
        # TensorFlow Serving has no limit; 429 would make clients send it again.
        return error_reply(error, 413)

    @abc.abstractmethod
    def _refused(self) -> Reply | None:
        """Returns the answer to a request that needs no body to be refused; none for others."""

    @abc.abstractmethod
    def _reads_body(self) -> bool:
        """Returns whether the answer depends on the body."""

    @abc.abstractmethod
    async def _reply(self) -> Reply:
        """Answers a request whose body has come."""


class _MetricsHandler(_Handler):
    def _refused(self) -> Reply | None:
        if self.request.method == "GET":
            return None
        return error_reply(ServingError(grpc.StatusCode.UNIMPLEMENTED, "Method Not Allowed"), 405)

    def _reads_body(self) -> bool:
        return False

    async def _reply(self) -> Reply:
        return Reply(200, self._server.page().encode(), metrics.CONTENT_TYPE)


class _RestHandler(_Handler):
    def _refused(self) -> Reply | None:
        if self.request.path.lower().startswith("/v1/"):
            return None
        return error_reply(ServingError(grpc.StatusCode.NOT_FOUND, "Not Found"))

    def _reads_body(self) -> bool:
        return needs_body(self.request.method or "", self.request.path)

    async def _reply(self) -> Reply:
        body = b"".join(self._chunks)
        if self.request.headers.get("Content-Encoding", "").lower() == "gzip" and self._keeps_body:
            # Tornado's own decompression drops the connection on a malformed body.
            try:
                unpacker = zlib.decompressobj(_GZIP)
                body = unpacker.decompress(body, self._server.max_body_bytes + 1)
            except zlib.error as error:
                return error_reply(invalid_argument(f"the body is not gzip: {error}"))
            if len(body) > self._server.max_body_bytes:
                return self._too_large()
        return await self._server.answer(self.request.method or "", self.request.path, body)


def _announced(headers: httputil.HTTPHeaders) -> int:
    """Returns the size of the body that follows; 1 where that is not known, 0 without one."""
    length = headers.get("Content-Length", "")
    # A number that is none is refused by Tornado; one that comes twice has a comma.
    length = length.partition(",")[0].strip()
    if length.isascii() and length.isdigit():
        return int(length)
    return int(bool(length) or "Transfer-Encoding" in headers)
