"""One request, and what is answered to it."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from posture.outgoing.addresses import Address, Rules, Target, Unreachable, resolve

USER_AGENT: Final = "Parapet-Webhooks/1"
CONNECT_SECONDS: Final = 4.0
_ADDRESSES_TRIED: Final = 3
READ_SECONDS: Final = 10.0
# Of everything together, so that an answer that drips does not hold a worker.
TOTAL_SECONDS: Final = 15.0
# Of the answer's body no more than this is read, to be thrown away.
ANSWER_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """Of the body nothing is kept: what stands behind an address is nobody's business here.

    `retry_after`: seconds for which the receiver wants to be left alone, where it says so. `is_ok`:
    whether the body was the word that Slack answers with, and nothing else.
    """

    status: int
    retry_after: int | None
    is_ok: bool = False


def post(target: Target, body: bytes, headers: Mapping[str, str], *, rules: Rules) -> Answer:
    """Send the body, once, without following where the answer points.

    :raises Refused: when the host has an address that nothing is sent to.
    :raises Unreachable: when there is no connection, no proper certificate, or no answer in time.
    """
    addresses = resolve(target, rules)
    with _Deadline(TOTAL_SECONDS) as deadline:
        try:
            answer = _exchange(target, addresses, body, headers, deadline)
            if deadline.is_over:
                # What was cut off in its headers looks like an answer.
                raise TimeoutError
            return answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(_reason(target, error, is_late=deadline.is_over)) from error


class _Deadline:
    """Cuts the connection when the time for all of it is over."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connection: socket.socket) -> None:
        self._socket = connection
        if self.is_over:
            self._cut()

    def _cut(self) -> None:
        self.is_over = True
        if self._socket is not None:
            # It may have ended by itself.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _exchange(
    target: Target,
    addresses: Sequence[Address],
    body: bytes,
    headers: Mapping[str, str],
    deadline: _Deadline,
) -> Answer:
    with _connect(addresses, target.port) as raw:
        raw.settimeout(READ_SECONDS)
        # The plain socket: it can be cut while the encrypted one is being read.
        deadline.watch(raw)
        if target.scheme == "https":
            context = ssl.create_default_context()
            with context.wrap_socket(raw, server_hostname=target.host) as encrypted:
                deadline.watch(encrypted)
                return _speak(target, encrypted, body, headers)
        return _speak(target, raw, body, headers)


def _connect(addresses: Sequence[Address], port: int) -> socket.socket:
    """A connection to the first of the checked addresses that takes one."""
    *others, last = addresses[:_ADDRESSES_TRIED]
    for address in others:
        # A machine without IPv6 still reaches hosts that have both.
        with suppress(OSError):
            return socket.create_connection((str(address), port), timeout=CONNECT_SECONDS)
    return socket.create_connection((str(last), port), timeout=CONNECT_SECONDS)


def _speak(
    target: Target, connection: socket.socket, body: bytes, headers: Mapping[str, str]
) -> Answer:
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock = connection
    own = {"Host": target.name, "User-Agent": USER_AGENT, "Connection": "close"}
    client.request("POST", target.path, body=body, headers=dict(headers) | own)
    response = client.getresponse()
    # So that a receiver which writes a few words does not see the connection break.
    said = response.read(ANSWER_BYTES)
    rest = response.headers.get("Retry-After", "")
    is_number = rest.isascii() and rest.isdigit() and len(rest) <= 9
    return Answer(response.status, int(rest) if is_number else None, is_ok=said == b"ok")


def _reason(target: Target, error: Exception, *, is_late: bool) -> str:
    if is_late:
        return f"{target.name} took longer than {TOTAL_SECONDS:.0f} seconds"
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {target.name} is not good: {error.verify_message}"
        case TimeoutError():
            return f"{target.name} did not answer in time"
        case ConnectionRefusedError():
            return f"{target.name} refused the connection"
        case OSError() if error.strerror:
            return f"no connection to {target.name}: {error.strerror}"
        case _:
            return f"{target.name} did not answer as a web server does ({type(error).__name__})"
