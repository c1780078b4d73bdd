"""When a page has come to rest: loaded, and no request of its own under way.

The browser's own word for that, "networkidle", waits half a second each time.
"""

import time

# Two looks, since a script may ask for more with what it has just been given.
_LOOKS, _BETWEEN_MS, _AT_MOST = 2, 40, 30


def watch(page):
    """Note the page's requests from now on; before it is opened."""
    page.under_way = set()
    page.on("request", lambda request: page.under_way.add(request))
    page.on("requestfinished", lambda request: page.under_way.discard(request))
    page.on("requestfailed", lambda request: page.under_way.discard(request))


def settle(page):
    """Wait until the watched page rests; a page that does not fails the test."""
    page.wait_for_load_state("load")
    until = time.monotonic() + _AT_MOST
    quiet = 0
    while quiet < _LOOKS:
        page.wait_for_timeout(_BETWEEN_MS)
        quiet = 0 if page.under_way else quiet + 1
        asked = [request.url for request in page.under_way]
        assert time.monotonic() < until, f"no end of {asked}"
