"""All addresses of the site."""

from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path, re_path

from findings.api import FindingList
from posture import views
from posture.queries import shell

# The root or an OU, as AWS writes their ids.
_OU_ID = r"(?P<ou_id>r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})"

pages: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("scorecards/", views.scorecards, name="scorecards"),
    re_path(rf"^scorecards/{_OU_ID}/$", views.scorecard_detail, name="scorecard"),
    path("accounts/", views.account_list, name="accounts"),
    re_path(r"^accounts/(?P<account_id>[0-9]{12})/$", views.account_detail, name="account"),
    path("sync/", views.sync, name="sync"),
    path("sync/progress/", views.sync_progress, name="sync_progress"),
    path("sync/collect/", views.collect, name="collect"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((pages, "posture"))),
    path("findings/", include("findings.urls")),
    path("api/v1/findings/", FindingList.as_view(), name="api_findings"),
    path(
        "sign-in/",
        auth.LoginView.as_view(
            redirect_authenticated_user=True, extra_context={"demo_users": shell.demo_users}
        ),
        name="login",
    ),
    path("sign-out/", login_not_required(auth.LogoutView.as_view()), name="logout"),
    path("healthz/", views.healthz, name="healthz"),
]
