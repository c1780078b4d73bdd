"""What every answer says to the browser beside its content.

Django, django-csp and whitenoise set the rest; tests/guards/test_headers.py has the whole table.
"""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# What a page of ours uses; passkeys need the two last.
_USED: Final = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
# What it never does, nor what a script that got into it.
_UNUSED: Final = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "clipboard-read",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "otp-credentials",
    "payment",
    "picture-in-picture",
    "screen-wake-lock",
    "serial",
    "storage-access",
    "usb",
    "window-management",
    "xr-spatial-tracking",
)
PERMISSIONS: Final = ", ".join(
    [*(f"{name}=(self)" for name in _USED), *(f"{name}=()" for name in _UNUSED)]
)
ALWAYS: Final = {
    # Each page is alone: no other origin holds its window, embeds its answers or shares its memory.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": PERMISSIONS,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
# What somebody saw is in no cache: not the browser's, when they have left, and not a proxy's.
UNKEPT: Final = "private, no-store"


class SecurityHeaders:
    """The outermost middleware, so that errors, redirects and static files have them, too."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)
        # Whitenoise has said how long a static file is kept; a view may have its own reason.
        response.headers.setdefault("Cache-Control", UNKEPT)
        if _is_sign_out(request):
            # What a browser has kept from before; it keeps a theme beside that, and no data.
            response.headers["Clear-Site-Data"] = '"cache"'
        return response


def _is_sign_out(request: HttpRequest) -> bool:
    match = request.resolver_match
    return request.method == "POST" and match is not None and match.view_name == "account_logout"
