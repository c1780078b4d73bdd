"""Messages to chats: Apprise writes the request, our own door sends it.

Apprise knows how each service wants to be told; which address may be connected to is decided here, as
for webhooks. So the module `requests` of the few services that are used is ours: it hands each request to
`posture.outgoing.post`, which looks the host up once, checks it, and follows nothing. An address is a
secret of its service and stands in no text that leaves this module.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from posture.outgoing.addresses import Refused, Rules, Target, Unreachable, read_target
from posture.outgoing.refusals import Unsendable
from posture.outgoing.requests import Answer, post

_APP: Final = "Parapet"
# Of a text, beside its title: Discord refuses what is longer than 2,000 with both.
LONGEST: Final = 1_800
# Apprise cuts a text for Teams at half of that; a card takes 28 KB.
_SHORTEST_LIMIT: Final = 2_000
# Names a message however often it is sent: chats do not look at it, a receiver of JSON can.
KEY_HEADER: Final = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Service:
    """A service as Apprise has it. `query`: what its addresses may have behind the question mark;
    anything else could make Apprise read files or other addresses."""

    module: str
    name: str
    example: str
    query: frozenset[str] = frozenset()


SERVICES: Final[Mapping[str, Service]] = MappingProxyType(
    {
        "SLACK": Service("slack", "NotifySlack", "https://hooks.slack.com/services/T…/B…/…"),
        "TEAMS": Service(
            "workflows",
            "NotifyWorkflows",
            "https://….logic.azure.com/workflows/…/triggers/manual/paths/invoke?…",
            frozenset({"api-version", "sp", "sv", "sig", "pa"}),
        ),
        "GOOGLE_CHAT": Service(
            "google_chat",
            "NotifyGoogleChat",
            "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…",
            frozenset({"key", "token"}),
        ),
        "MATTERMOST": Service("mattermost", "NotifyMattermost", "https://chat.example.com/hooks/…"),
        "DISCORD": Service("discord", "NotifyDiscord", "https://discord.com/api/webhooks/…/…"),
        "JSON": Service("custom_json", "NotifyJSON", "https://hooks.example.com/parapet"),
    }
)
# Nothing is fetched for a message, read as markup, or cut into several.
_FORCED: Final[Mapping[str, object]] = MappingProxyType(
    {
        "include_image": False,
        "verify": True,
        "redirect": False,
        "overflow": "truncate",
        "format": "text",
    }
)
# People paste the address that the service shows; Apprise has names of its own for these two.
_OWN_SCHEMES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "JSON": {"https": "jsons", "http": "json"},
        "MATTERMOST": {"https": "mmosts", "http": "mmost"},
    }
)


@dataclass(slots=True)
class _Trip:
    """One message under way: how its requests are sent, and what came of them."""

    send: Callable[[str, bytes, Mapping[str, str]], Answer]
    answers: list[Answer] = field(default_factory=list)
    problem: Refused | Unreachable | None = None
    is_sent: bool = False


_TRIP: ContextVar[_Trip] = ContextVar("trip")


class _Door:
    """Stands in for the module `requests` in the services of Apprise."""

    def __getattr__(self, name: str) -> Any:  # Any: whatever the module has
        return getattr(requests, name)

    def post(self, url: str, **how: Any) -> requests.Response:  # Any: as requests has it
        return self.request("POST", url, **how)

    def request(self, method: str, url: str, **how: Any) -> requests.Response:  # Any: likewise
        if method.upper() != "POST" or how.get("files"):
            raise requests.RequestException("only messages are sent")
        trip = _TRIP.get()
        if trip.answers:
            # Told to wait, Apprise would try Discord again at once: when it is tried again is ours to say.
            raise requests.RequestException("one request for each message")
        query = urlencode(how.get("params") or {})
        address = f"{url}{'&' if '?' in url else '?'}{query}" if query else url
        body = how.get("data") or b""
        raw = body.encode() if isinstance(body, str) else bytes(body)
        headers = {str(k): str(v) for k, v in (how.get("headers") or {}).items()}
        try:
            answer = trip.send(address, raw, headers)
        except (Refused, Unreachable) as error:
            trip.problem = error
            raise requests.RequestException from error
        trip.answers.append(answer)
        return _response(answer)

    def get(self, url: str, **_: object) -> requests.Response:
        raise requests.RequestException("nothing is read")


def _response(answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response._content = b"ok" if answer.is_ok else b""
    return response


def read(service: str, address: str, rules: Rules) -> Target:
    """Where messages to this address go, if they may; nothing is sent.

    :raises Refused: naming what is wrong with it, with the remedy.
    """
    found: list[Target] = []

    def note(url: str, _: bytes, __: Mapping[str, str]) -> Answer:
        found.append(read_target(url, rules))
        return Answer(200, None, is_ok=True)

    trip = _take(service, address, title="Parapet", text="Parapet", send=note)
    if trip.problem is not None:
        raise trip.problem
    if len(found) != 1:
        raise _unread(service)
    return found[0]


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text. `key` names it, and is the same each time that it is sent."""

    title: str
    text: str
    key: str


def send(service: str, address: str, message: Message, *, rules: Rules) -> None:
    """Send one message, in one request.

    :raises Refused: when nothing may be sent there.
    :raises Unreachable: when nothing usable came back.
    :raises Unsendable: when the service refused it.
    """

    def deliver(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        named = dict(headers) | {KEY_HEADER: message.key}
        return post(read_target(url, rules), body, named, rules=rules)

    # A card is Markdown, where one end of a line is none.
    text = message.text.replace("\n", "\n\n") if service == "TEAMS" else message.text
    trip = _take(service, address, title=message.title, text=text, send=deliver)
    if trip.problem is not None:
        raise trip.problem
    if not trip.answers:
        raise _unread(service)
    last = trip.answers[-1]
    if not trip.is_sent:
        raise Unsendable(last.status, retry_after=last.retry_after)


def _take(
    service: str,
    address: str,
    *,
    title: str,
    text: str,
    send: Callable[[str, bytes, Mapping[str, str]], Answer],
) -> _Trip:
    trip = _Trip(send)
    token = _TRIP.set(trip)
    try:
        instance = _instance(service, address)
        trip.is_sent = bool(instance.notify(body=text, title=title, body_format="text"))
    finally:
        _TRIP.reset(token)
    return trip


def _instance(
    service: str, address: str
) -> Any:  # Any: a service of Apprise, each of its own class
    """The service with the address in it.

    :raises Refused: when it is none of the service's addresses.
    """
    from apprise import AppriseAsset  # noqa: PLC0415  (half a second that web processes do not need)
    from apprise.exception import AppriseException  # noqa: PLC0415

    known, text = SERVICES[service], address.strip()
    _check(known, text, service)
    kind = _class(service)
    named = _named(service, text)
    values = kind.parse_native_url(named) or kind.parse_url(named)
    if not values:
        raise _unread(service)
    asset = AppriseAsset(app_id=_APP, app_desc=_APP, image_url_mask="", image_url_logo="")
    try:
        made = kind(**(values | dict(_FORCED)), asset=asset)
    except (AppriseException, TypeError, ValueError) as error:
        raise _unread(service) from error
    made.body_maxlen = max(made.body_maxlen, _SHORTEST_LIMIT)
    return made


@cache
def _class(service: str) -> Any:  # Any: a class of Apprise
    known = SERVICES[service]
    module = import_module(f"apprise.plugins.{known.module}")
    # What each service of Apprise calls to send: from here on it is ours.
    vars(module)["requests"] = _Door()
    return getattr(module, known.name)


def _check(known: Service, text: str, service: str) -> None:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _unread(service) from error
    is_plain = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    if not is_plain or parts.fragment or "@" in parts.netloc:
        raise _unread(service)
    asked = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if odd := sorted(asked - known.query):
        raise Refused(
            f"The address has “{odd[0][:40]}” behind its question mark, which is not used here: take "
            "the address as the service shows it."
        )


def _named(service: str, text: str) -> str:
    """The address as Apprise names it."""
    scheme, _, rest = text.partition("://")
    own = _OWN_SCHEMES.get(service, {}).get(scheme.lower())
    if own is None and service in _OWN_SCHEMES:
        raise _unread(service)
    if own is None:
        return text
    return f"{own}://{rest.replace('/hooks/', '/', 1) if service == 'MATTERMOST' else rest}"


def _unread(service: str) -> Refused:
    example = SERVICES[service].example
    return Refused(f"That is no address of this service: it looks like {example}")
