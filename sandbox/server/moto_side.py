"""moto behind our own answers, in the same process: it issues credentials and answers SQS, S3, IAM and the rest.

moto takes more than a second to import, so that happens in a thread of its own while the server already answers.
"""

import importlib
import io
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any

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

    def load_in_background(self) -> None:
        """Start importing moto; the first call that needs it waits for the end of that."""
        # moto imports requests, which warns of a SOCKS library that nobody needs here. Filters for warnings belong to
        # the thread that runs, so this one import is done at once.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("requests")
        threading.Thread(target=self._load, name="moto", daemon=True).start()

    def _load(self) -> None:
        try:
            werkzeug_app = importlib.import_module("moto.moto_server.werkzeug_app")
            # Imported by moto on the first call otherwise, and that first call is always an AssumeRole.
            importlib.import_module("moto.sts.responses")
            self._application = werkzeug_app.DomainDispatcherApplication(
                werkzeug_app.create_backend_app
            )
        finally:
            self._is_ready.set()

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
