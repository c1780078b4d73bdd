import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import include, path

from posture import context_processors
from posture.templatetags import ui

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def blank(request):
    return HttpResponse()


urlpatterns = [
    path("sign-in/", blank, name="account_login"),
    path("sync/", include(([path("", blank, name="sync")], "posture"))),
]


@pytest.fixture(autouse=True)
def plain_site(settings):
    """Pages of this module only, and static files by their plain names."""
    settings.ROOT_URLCONF = __name__
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def rendered(source, **context):
    return Template("{% load ui charts %}" + source).render(Context({"now": NOW} | context))


HIDDEN = re.compile(r'<(span|svg)[^>]*aria-hidden="true"[^>]*>.*?</\1>')


def spoken(html):
    """What a screen reader gets of a fragment: the text without what is hidden from it."""
    return re.sub(r"<[^>]*>", "", HIDDEN.sub("", html))


def test_an_icon_refers_to_the_sprite_and_is_hidden_from_screen_readers():
    html = rendered('{% icon "check" "s" %}')
    assert 'aria-hidden="true"' in html
    assert "build/icons.svg#i-check" in html


@pytest.mark.parametrize(
    ("value", "good", "shown", "css"),
    [
        (Decimal("1.5"), "up", "up 1.5, better", "good"),
        (-18, "down", "down 18, better", "good"),
        (Decimal("-0.4"), "up", "down 0.4, worse", "badly"),
        (27, "down", "up 27, worse", "badly"),
        (3, "none", "up 3", ""),
        (0, "up", "no change", ""),
        (Decimal("0.04"), "up", "no change", ""),
    ],
)
def test_a_change_says_its_direction_and_whether_it_is_better(value, good, shown, css):
    html = ui.delta(value, good)
    assert spoken(html) == shown
    assert f'class="delta {css}"' in html or not css


def test_a_missing_change_renders_nothing():
    assert rendered("{% delta value %}", value=None) == ""


@pytest.mark.parametrize("letter", ["A", "B", "C", "D", "F"])
def test_each_grade_has_its_own_class_and_name(letter):
    html = ui.grade(letter, "xl")
    assert f'class="grade {letter.lower()} xl"' in html
    assert f'aria-label="grade {letter}"' in html


@pytest.mark.parametrize("letter", [None, "", "NR"])
def test_no_grade_is_not_rated(letter):
    html = ui.grade(letter)
    assert 'aria-label="not rated"' in html
    assert ">NR<" in html


def test_letters_of_accounts_are_counted_and_named():
    shown = ui.letters([("A", 2), ("B", 0), ("NR", 1)])
    assert 'aria-label="2 A, 1 NR"' in shown
    assert "".join(re.findall(r">([^<]+)<", shown)) == "A2NR1"
    assert ui.letters([("A", 0)]) == ui.DASH


def test_a_severity_is_a_word_as_well_as_a_colour():
    assert ui.severity("CRITICAL") == '<span class="sev critical">Critical</span>'


def test_a_missing_severity_is_no_data():
    assert spoken(ui.severity(None)) == "no data"


def test_a_heat_cell_without_a_score_is_no_data_not_zero():
    html = ui.heat(None)
    assert 'class="h h0"' in html
    assert spoken(html) == "no data"


@pytest.mark.parametrize(
    ("score", "shown"), [(Decimal("84.9"), "84"), (Decimal("99.9"), "99"), (100, "100")]
)
def test_a_heat_cell_rounds_down_so_that_it_never_shows_a_better_letter(score, shown):
    assert spoken(ui.heat(score)) == shown


def test_a_heat_cell_with_a_link_names_what_it_scores():
    html = ui.heat(78, "/ou/1?area=IDENTITY&x=1", "Identity, Media")
    assert '<a href="/ou/1?area=IDENTITY&amp;x=1">' in html
    assert spoken(html) == "Identity, Media: 78"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\N{EN DASH}"),
        (0, "0"),
        (9_999, "9,999"),
        (98_213, "98.2k"),
        (999_949, "999.9k"),
        (999_950, "1.00M"),
        (4_210_000, "4.21M"),
    ],
)
def test_counts_are_short_from_ten_thousand_on(value, shown):
    assert ui.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "\N{EN DASH}"), (Decimal("72.4"), "72.4"), (95, "95.0"), (0, "0.0")]
)
def test_scores_have_one_decimal_and_a_dash_without_data(value, shown):
    assert ui.score(value) == shown


def test_account_ids_are_grouped_and_other_texts_left_alone():
    assert ui.account_id("447188201936") == "4471 8820 1936"
    assert ui.account_id("o-8f3k2q1z9d") == "o-8f3k2q1z9d"


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Priya Raman", "PR"), ("priya.raman", "PR"), ("sam", "S"), ("", "?"), ("a b c", "AC")],
)
def test_initials_are_those_of_the_first_and_the_last_name(name, letters):
    assert ui.initials(name) == letters


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(hours=48), "2 days ago"),
        (timedelta(seconds=-30), "in a moment"),
        (timedelta(hours=-3), "in 3 h"),
    ],
)
def test_times_are_told_as_a_distance_from_the_request(age, shown):
    assert spoken(rendered("{% ago at %}", at=NOW - age)) == shown
    assert rendered("{{ at|ago:now }}", at=NOW - age) == rendered("{% ago at %}", at=NOW - age)


def test_a_time_carries_its_exact_moment():
    html = rendered("{% ago at %}", at=datetime(2026, 11, 1, 9, 5, 7, tzinfo=UTC))
    assert 'datetime="2026-11-01T09:05:07Z"' in html
    assert 'title="1 Nov 2026, 09:05:07 UTC"' in html


def test_a_time_that_never_was_is_never():
    assert spoken(rendered("{% ago at %}", at=None)) == "never"


def test_texts_given_to_tags_are_escaped():
    hostile = "<script>alert(1)</script>"
    for source in (
        "{% pill text text text %}",
        "{% severity text %}",
        "{% grade text text %}",
        "{% icon text text %}",
        '{% heat 5 "/x" text %}',
        "{{ text|initials }}",
        "{% delta 5 'up' text %}",
    ):
        assert "<script" not in rendered(source, text=hostile)


def test_navigation_to_a_page_that_does_not_exist_is_absent():
    assert rendered('{% nav_link "x" "nowhere:nothing" "Nothing" "boxes" %}').strip() == ""


def test_navigation_marks_the_page_that_the_view_names():
    source = '{% nav_link "home" "account_login" "Sign in" "boxes" 12345 %}'
    assert "aria-current" not in rendered(source, nav="other")
    assert 'aria-current="page"' in rendered(source, nav="home")
    assert "12.3k" in rendered(source)


def test_the_freshness_chip_tells_failures_apart_from_old_and_missing_data():
    at = NOW - timedelta(minutes=14)
    texts = {
        state: render_to_string(
            "_components/freshness.html",
            {"now": NOW, "shell": SimpleNamespace(sync_state=state, synced_at=when)},
        )
        for state, when in [("ok", at), ("stale", at), ("failed", at), ("none", None)]
    }
    assert "Synced" in texts["ok"]
    assert "Old data" in texts["stale"]
    assert "failures" in texts["failed"]
    assert "Not synced yet" in texts["none"]


def test_before_sign_in_a_page_has_a_time_but_no_shell():
    context = context_processors.shell(RequestFactory().get("/"))
    assert context["shell"] is None
    assert context["now"].tzinfo is not None


@pytest.mark.parametrize("code", [400, 403, 404, 413, 429, 500, 503])
def test_error_pages_render_without_a_request(code):
    name = "refused.html" if code in (413, 500, 503) else f"{code}.html"
    html = render_to_string(name, {"status": code, "title": "Refused", "why": "Because."})
    assert str(code) in html
    assert '<main class="bare" id="main">' in html
