"""Which addresses that came from outside a page may offer as a link."""

import unicodedata
from typing import Final
from urllib.parse import urlsplit

_LONGEST: Final = 2000
# Control characters, invisible ones, and those that turn the direction of what people read.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def is_web_link(url: str) -> bool:
    """Whether it is an http or https address of a host, which reads as what it is.

    Nothing that a browser would run (javascript:), nothing that hides its host before an @ or behind a
    backslash, and nothing without a scheme, which would be an address of this site.
    """
    if len(url) > _LONGEST or "\\" in url or any(map(_is_unseen, url)):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and "@" not in parts.netloc


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSEEN
