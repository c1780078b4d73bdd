"""moto behind our own answers, in the same process: it issues credentials and answers SQS, S3, IAM and the rest.

moto takes more than a second to import, so that happens in a thread of its own while the server already answers.
"""

import importlib
import io
import json
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from sandbox.server.errors import Answer, Failure
from sandbox.server.models import Wire

_WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_WAIT_SECONDS = 60
_SKIPPED_HEADERS = {"connection", "content-length", "date", "server", "transfer-encoding"}


class MotoSide:
    """moto's WSGI application, once it is there."""

    def __init__(self) -> None:
        self._application: _WSGI | None = None
        self._is_ready = threading.Event()

    def load_in_background(self, then: Callable[[], object]) -> None:
        """Start importing moto, and do something once it is there; the first call that needs it waits for it."""
        # moto imports requests, which warns of a SOCKS library that nobody needs here. Filters for warnings belong to
        # the thread that runs, so this one import is done at once.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("requests")
        threading.Thread(target=self._load, args=(then,), name="moto", daemon=True).start()

    def _load(self, then: Callable[[], object]) -> None:
        try:
            werkzeug_app = importlib.import_module("moto.moto_server.werkzeug_app")
            # Imported by moto on the first call otherwise, and that first call is always an AssumeRole.
            importlib.import_module("moto.sts.responses")
            self._application = werkzeug_app.DomainDispatcherApplication(
                werkzeug_app.create_backend_app
            )
        finally:
            self._is_ready.set()
        then()

    def ask(
        self, service: str, target: str, params: dict[str, Any], *, account_id: str, region: str
    ) -> None:
        """Let moto do something for the sandbox itself (a service with the JSON protocol).

        :raises Failure: internal, when moto refuses
        """
        answer = self.answer(_signed(service, target, params, region), account_id)
        if answer.status >= 300:
            raise Failure("internal", f"{target}: {answer.body.decode()}")

    def put(self, bodies: Iterable[str], *, queue: str, account_id: str, region: str) -> None:
        """Put messages into a queue by moto's own hands: SendMessage looks at every message that is there already."""
        sqs = importlib.import_module("moto.sqs.models")
        backend = sqs.sqs_backends[account_id][region]
        # moto counts the whole queue to tell whether a message is too old; none gets as old as four days here.
        backend.is_message_valid_based_on_retention_period = _is_young
        held = backend.get_queue(queue)
        for body in bodies:
            message = sqs.Message(str(uuid4()), body)
            message.mark_sent(delay_seconds=0)
            held.add_message(message)

    def answer(self, wire: Wire, account_id: str) -> Answer:
        """Let moto answer a request as if from an account.

        :raises Failure: unavailable, when moto could not be imported
        """
        self._is_ready.wait(_WAIT_SECONDS)
        if self._application is None:
            raise Failure("unavailable", "moto could not be imported")
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            started.append((status, headers))

        result = self._application(_environ(wire, account_id), start_response)
        body = b"".join(result)
        if hasattr(result, "close"):
            result.close()
        status, headers = started[-1]
        kept = tuple(item for item in headers if item[0].lower() not in _SKIPPED_HEADERS)
        code = "" if status < "400" else status[:3]
        return Answer(int(status[:3]), body, kept, code=code)


def _is_young(queue_name: str, message: object) -> bool:
    return True


def _signed(service: str, target: str, params: dict[str, Any], region: str) -> Wire:
    """A request of a JSON service as a client would send it; moto reads of the signature the scope alone."""
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential=SANDBOX/20260101/{region}/{service}/aws4_request",
        "content-type": "application/x-amz-json-1.0",
        "host": f"{service}.{region}.amazonaws.com",
        "x-amz-target": target,
    }
    return Wire("POST", "/", "", headers, json.dumps(params).encode())


def _environ(wire: Wire, account_id: str) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(wire.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": wire.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": wire.decoded_path,
        "QUERY_STRING": wire.query,
        "RAW_URI": wire.target,
        "REQUEST_URI": wire.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(wire.body)),
    }
    for name, value in wire.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    # Picks the account whatever key signed: the base user's key is none of moto's.
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = account_id
    environ.pop("HTTP_CONTENT_LENGTH", None)
    return environ
