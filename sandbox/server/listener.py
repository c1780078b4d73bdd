"""HTTP on loopback: one thread a connection, connections kept alive as AWS keeps them."""

import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from sandbox.server.application import Application, Reply
from sandbox.server.models import Wire

HOST = "127.0.0.1"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class PortInUse(Exception):
    """Another program listens on the port already."""


class Listener(ThreadingHTTPServer):
    """Hands requests to the application.

    :raises PortInUse: when the port is taken
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, application: Application, *, is_verbose: bool) -> None:
        self.application = application
        self.is_verbose = is_verbose
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise PortInUse(f"Port {port} on {HOST} is in use by another program") from error

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client went away; anything else is a bug and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | ValueError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop listening and end every open connection."""
        self.application.stopping.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Already closed by the client or by its own thread.
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Listener

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        wire = Wire(self.command, path, query, headers, self._body())
        reply = self.server.application.reply(wire)
        if self.server.is_verbose:
            self._log(reply)
        if reply.is_reset:
            self._reset()
        self._send(reply)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(64).split(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline(2)
        return chunk

    def _send(self, reply: Reply) -> None:
        answer = reply.answer
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if all(name.lower() != "x-amzn-requestid" for name, _ in answer.headers):
            self.send_header("x-amzn-RequestId", str(uuid4()))
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            end = len(answer.body) // 2 if reply.is_truncated else len(answer.body)
            self.wfile.write(answer.body[:end])
        if reply.is_truncated:
            self.close_connection = True

    def _reset(self) -> None:
        """End the connection with RST instead of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
        raise ConnectionResetError("by a fault")

    def _log(self, reply: Reply) -> None:
        code = f" {reply.answer.code}" if reply.answer.code else ""
        size = len(reply.answer.body)
        print(f"{reply.label} {reply.answer.status}{code} {size} B", file=sys.stderr)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: `_log` writes the access log."""
