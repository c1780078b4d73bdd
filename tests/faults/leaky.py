"""The site with one page more, which fails with secrets in its variables, for the test of the logs."""

from django.urls import path

from posture.urls import handler400, handler403, handler404, handler500
from posture.urls import urlpatterns as addresses

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def leaky(request):
    """Fails half-way, as a view does that nobody has thought through."""
    credentials = {"password": request.POST["password"], "cookies": request.COOKIES}
    raise RuntimeError(f"cannot sign in at postgresql://parapet:{credentials['password']}@db/x")


urlpatterns = [path("leaky/", leaky, name="leaky"), *addresses]
