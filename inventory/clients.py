"""Where a request comes from: the address that lock-outs, rate limits and records go by."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What a server behind a socket file sees: the proxy on the same machine.
_LOCAL = "127.0.0.1"


def client_address(request: HttpRequest) -> str:
    """The client's address, as text.

    X-Forwarded-For is written by whoever likes: it counts only as far as the proxies of
    POSTURE_TRUSTED_PROXIES have written it, from the right.
    """
    peer = str(request.META.get("REMOTE_ADDR") or _LOCAL)
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    return _client(peer, forwarded, settings.POSTURE_TRUSTED_PROXIES)


def _client(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    client = _read(peer)
    if client is None:
        return _LOCAL
    for word in reversed(forwarded.split(",") if forwarded else []):
        if not any(client in network for network in trusted):
            break
        before = _read(word)
        if before is None:
            # A proxy that writes nonsense is taken for the client itself.
            break
        client = before
    return str(client)


def _read(text: str) -> Address | None:
    """An address, which some proxies write with its port."""
    word = text.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ip_address(word)
    except ValueError:
        return None
    # The same client whether the server listens on IPv4 or on both.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
