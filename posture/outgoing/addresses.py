"""Which addresses something may be sent to. No connection is made here, but the host is looked up."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LONGEST_URL: Final = 2000
_LONGEST_HOST: Final = 253
_PORTS: Final[Mapping[str, int]] = {"https": 443, "http": 80}

# Where an IPv4 address stands within an IPv6 one, as its last 32 bits.
_EMBEDDING: Final = (ip_network("64:ff9b::/96"), ip_network("::/96"))
# Addresses that only stand for others, through relays that nobody here chose.
_TUNNELS: Final = (
    ip_network("64:ff9b:1::/48"),
    ip_network("2002::/16"),
    ip_network("2001::/32"),
)


class Refused(ValueError):
    """An address that nothing is sent to; the text is a sentence for people, with the remedy."""


class Unreachable(Exception):
    """Nothing usable came back; the text says what happened, in a few words."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`hosts` are names, with a port where it is not the usual one; "*.example.com" is all below it."""

    hosts: Sequence[str]
    networks: Sequence[Network]


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. `path` begins with a slash and has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def name(self) -> str:
        """The host, with the port where it is not the usual one: what may be shown and logged."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str, rules: Rules) -> Target:
    """The address taken apart, if it is one that something may be sent to, as far as its text says.

    :raises Refused: for anything else.
    """
    target = _parse(url)
    if not rules.hosts:
        raise Refused(
            "Webhooks are switched off here: name the hosts that they may go to in "
            "POSTURE_WEBHOOK_HOSTS."
        )
    if not any(_matches(target, entry) for entry in rules.hosts):
        raise Refused(
            f"{target.name} is none of the hosts that webhooks may go to: add it to "
            "POSTURE_WEBHOOK_HOSTS, or use another address."
        )
    if (literal := _literal(target.host)) is not None:
        _check(target, [literal], rules)
    elif target.scheme == "http" and not _loopback_allowed(rules):
        raise Refused(
            "The address begins with http://, which anybody on the way can read: use https."
        )
    return target


def resolve(target: Target, rules: Rules) -> list[Address]:
    """The addresses that the host has, if every one may be connected to.

    :raises Refused: when one of them may not.
    :raises Unreachable: when the name is not known.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the name {target.host} is not known") from error
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    _check(target, addresses, rules)
    return addresses


def why_not(address: Address, networks: Sequence[Network]) -> str | None:
    """Why nothing is sent to this address; None where it may be. The text is a kind of address."""
    real = _unwrapped(address)
    if real.is_link_local or address.is_link_local:
        return "link-local"
    if real.is_multicast or real.is_unspecified:
        return "not an address of one machine"
    if _is_in(real, networks) or _is_in(address, networks):
        return None
    if any(address in network for network in _TUNNELS if network.version == address.version):
        return "a tunnel"
    if real.is_loopback:
        return "this machine itself"
    is_site_local = isinstance(real, IPv6Address) and real.is_site_local
    is_public = real.is_global and not real.is_reserved and not is_site_local
    return None if is_public else "private or reserved"


def _parse(url: str) -> Target:
    text = url.strip()
    if len(text) > _LONGEST_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise Refused(
            f"The address should be at most {_LONGEST_URL} characters of plain ASCII: write one such "
            "as https://hooks.example.com/parapet."
        )
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise Refused(f"“{text[:60]}” is no address of the web.") from error
    if parts.scheme not in _PORTS or not host or "\\" in text:
        raise Refused("The address should begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise Refused("The address holds a user name or password: every request is signed instead.")
    if port == 0 or not _is_host(host):
        raise Refused(f"“{host[:60]}” is no host name: write it as in hooks.example.com.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _is_host(host: str) -> bool:
    """A name, or an address as everybody writes it: no 0x7f.1, 2130706433 or 0177.0.0.1."""
    if _literal(host) is not None:
        return "%" not in host
    labels = host.split(".")
    is_name = all(
        0 < len(label) <= 63
        and not label.startswith("-")
        and all(letter.isalnum() or letter in "-_" for letter in label)
        for label in labels
    )
    # What ends in a number is an IPv4 address to whoever connects, in whatever notation.
    last = labels[-1]
    is_number = last.isdigit() or last.startswith("0x")
    return is_name and not is_number and len(host) <= _LONGEST_HOST


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _matches(target: Target, entry: str) -> bool:
    host, port = _entry(entry.strip().lower(), target.scheme)
    if port != target.port:
        return False
    if host.startswith("*."):
        return target.host.endswith(host[1:])
    left, right = _literal(host), _literal(target.host)
    return left == right if left is not None else host == target.host


def _entry(entry: str, scheme: str) -> tuple[str, int]:
    """Host and port of one entry of the setting; [::1]:8443 has brackets as in an address."""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        port = port.removeprefix(":")
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
    else:
        host, port = entry, ""
    return host, int(port) if port.isdigit() else _PORTS[scheme]


def _check(target: Target, addresses: Sequence[Address], rules: Rules) -> None:
    if not addresses:
        raise Unreachable(f"the name {target.host} has no address")
    for address in addresses:
        if reason := why_not(address, rules.networks):
            raise Refused(
                f"{target.host} has the address {address}, which is {reason}: nothing is sent there "
                "unless POSTURE_WEBHOOK_NETWORKS allows it (link-local is never allowed)."
            )
        if target.scheme == "http" and not _unwrapped(address).is_loopback:
            raise Refused(
                "Without https only this machine itself can be told, where that is allowed."
            )


def _loopback_allowed(rules: Rules) -> bool:
    return any(network.is_loopback for network in rules.networks)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _EMBEDDING) and int(address) > 1:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)
