"""Texts that attack, carried through every page in a real browser: full, as fragments, with menus open.

Nothing of them may run, ask another site for something, or make an element; all of them are read as
they were written.
"""

import json
import re
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Error

from findings.models import Finding, QuarantinedFinding, SavedView
from invariants.evaluation import what_if
from invariants.models import Drift, WhatIf
from inventory.models import Account
from posture.models import AuditEntry, Webhook
from tests import factories
from tests.browser.demo import Site
from tests.fixtures import hostile, reviews
from tests.fixtures.hostile import EVIL, NAMES, PAYLOADS, collapsed, number_of, ou_of

LEADS = ("href", "src", "action", "hx-get", "hx-post")
# What no page of ours has, and a text that is not escaped would make.
MADE_BY_TEXT = ", ".join(
    [
        *(f"[on{event}]" for event in ("error", "load", "click", "focus", "mouseover", "begin")),
        *("math", "mglyph", "mtext", "animate", "iframe", "object", "embed", "base", "marquee"),
        *(f'[href^="{scheme}:" i]' for scheme in ("javascript", "data", "vbscript")),
        # Within our own addresses it may stand, as what was searched for.
        *(f'[{name}^="http" i][{name}*="{EVIL}"]' for name in LEADS),
        *(f'[{name}^="//"]' for name in LEADS),
        "img[src=x]",
        "main script",
        "svg[onload]",
    ]
)
LISTENER = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
ROLES = ("Security engineer", "Security lead", "Executive", "Auditor", "Administrator")


@pytest.fixture
def attacked(assets, erasable_reviews, live_server, client, settings, tmp_path, monkeypatch):
    """The world of hostile texts, and a person with every right in it."""
    monkeypatch.setattr("celery.current_app.send_task", lambda *args, **kwargs: None)
    monkeypatch.setattr("findings.tasks.import_file.delay_on_commit", lambda **kwargs: None)
    monkeypatch.setattr("invariants.tasks.answer_what_if.delay_on_commit", lambda **kwargs: None)
    settings.POSTURE_UPLOAD_DIR, settings.POSTURE_WEBHOOK_HOSTS = (
        str(tmp_path),
        ["hooks.example.com"],
    )
    person = factories.person(role=ROLES, username="all-rights")
    person.first_name, person.last_name = PAYLOADS["svg"][:150], PAYLOADS["script"][:150]
    person.save()
    world = hostile.build(client, person=person)
    return Site(live_server.url, world | {"engineer": person})


class Watch:
    """A page and everything that went wrong on it."""

    def __init__(self, chromium, site, client):
        self._site = site
        self._context = chromium.new_context(viewport={"width": 1440, "height": 1000})
        self._context.add_init_script(LISTENER)
        client.force_login(site.world["engineer"])
        (cookie,) = [one for one in client.cookies.values() if one.key == "sessionid"]
        self._context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        self.page = self._context.new_page()
        self.wrong = []
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("popup", lambda popup: self.wrong.append(f"window: {popup.url}"))

    def _dialog(self, dialog):
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message):
        # The browser itself reports every answer with an error status.
        if not re.match(r"Failed to load resource: .* status of (400|403|404|422)", message.text):
            self.wrong.append(f"console: {message.text}")

    def _request(self, request):
        if not request.url.startswith((self._site.url, "data:image/")):
            self.wrong.append(f"request: {request.url}")

    def open(self, path):
        self.page.goto(self._site.url + path)
        self.settle()

    def settle(self):
        """Until everything is loaded, htmx waits for nothing, and what follows had its turn."""
        self.page.wait_for_function(
            "() => document.readyState === 'complete'"
            " && !document.documentElement.hasAttribute('data-busy')"
        )
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))"
        )

    def look(self, about):
        """Fail where anything ran, was refused by the policy, or was made of a text."""
        page = self.page
        found = page.evaluate(
            "(made) => ({canary: window.canary ?? null, violations: window.violations,"
            " made: [...document.querySelectorAll(made)].map((one) => one.outerHTML.slice(0, 200))})",
            MADE_BY_TEXT,
        )
        assert found == {"canary": None, "violations": [], "made": []}, about
        assert self.wrong == [], about

    def text(self):
        """All text of the page, with what stands in attributes that people see, on one line."""
        return collapsed(
            self.page.evaluate(
                "() => document.body.textContent + ' ' + [...document.querySelectorAll("
                "'[title], [aria-label], input, textarea')].map((one) => [one.title,"
                " one.getAttribute('aria-label'), one.value].join(' ')).join(' ')"
            )
        )

    def touch(self):
        """Open what opens, and point at what has a tooltip."""
        page = self.page
        page.evaluate(
            "() => { for (const one of document.querySelectorAll('details')) one.open = true; }"
        )
        for target in page.locator("main [title]:visible, figure .hot").all()[:3]:
            try:
                target.hover(timeout=200, force=True)
            except Error:
                continue  # behind something else
        for target in page.locator("main input:visible, main textarea:visible").all()[:3]:
            target.focus()
        menu = page.locator("[popovertarget=user-menu]")
        if menu.count():
            menu.first.click()
        self.settle()

    def close(self):
        self._context.close()


@pytest.fixture
def watch(chromium, attacked, client):
    watching = Watch(chromium, attacked, client)
    yield watching
    watching.close()


def pages(world):
    """Address of each page, and the payloads whose whole text it has to show."""
    finding = Finding.objects.filter(title=PAYLOADS["mutation"]).order_by("pk").first()
    held = QuarantinedFinding.objects.get()
    account = {"script", "image"}
    return {
        reverse("posture:overview"): {"script"},
        reverse("posture:scorecards"): account,
        reverse("posture:scorecard", args=["r-ab12"]): set(NAMES) - {"right to left", "invisible"},
        reverse("posture:scorecard", args=[ou_of("attribute")]): {"attribute"},
        reverse("posture:teams"): account,
        reverse("posture:team", args=[Account.objects.get(name=PAYLOADS["htmx"]).team_id]): {
            "htmx"
        },
        reverse("posture:change", args=["r-ab12"]): set(),
        reverse("findings:bulk_actions"): set(),
        reverse("posture:compare") + f"?a={ou_of('script')}&b={ou_of('image')}": account,
        reverse("posture:accounts"): set(NAMES),
        reverse("posture:account", args=[number_of("mutation")]): {"mutation"},
        reverse("posture:account", args=[number_of("way out")]): {"way out"},
        reverse("posture:coverage"): set(),
        reverse("posture:kpis"): set(),
        reverse("posture:kpi", args=["K2"]): account,
        reverse("posture:kpi", args=["K28"]): set(),
        reverse("posture:sync"): set(),
        reverse("posture:people"): {"svg", "script"},
        reverse("posture:rights"): set(),
        reverse("posture:reports"): set(),
        reverse("findings:list"): {"script", "template", "entities"},
        reverse("findings:detail", args=[finding.pk]): {"mutation"},
        reverse("findings:controls"): {"script", "image", "svg"},
        reverse("findings:control", args=["S3.1"]): {"script"},
        reverse("findings:control", args=["S3.9"]): {NAMES[8]},
        reverse("findings:quarantine"): set(),
        reverse("findings:quarantined", args=[held.pk]): {"script", "image", "svg"},
        reverse("findings:import_list"): {"image"},
        reverse("mfa_index"): {"svg"},
        reverse("posture:sessions"): set(),
    }


def test_a_text_that_is_not_escaped_would_be_noticed(watch, attacked):
    """Of every kind that makes an element: the eye of the tests below sees it."""
    names = ("script", "image", "svg", "attribute", "mutation", "way out", "htmx", "link")
    for name in names:
        watch.wrong.clear()
        watch.open(reverse("posture:rights"))
        watch.look("before")
        text = PAYLOADS[name]
        html = f'<i title="{text}"></i>' if name == "attribute" else text
        watch.page.evaluate(
            "(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)", html
        )
        with pytest.raises(AssertionError):
            watch.look(name)


def test_no_page_runs_what_stands_in_names_titles_tags_and_addresses(watch, attacked):
    for path, shown in pages(attacked.world).items():
        watch.open(path)
        text = watch.text()
        assert [name for name in shown if collapsed(PAYLOADS[name]) not in text] == [], path
        watch.touch()
        watch.look(path)


def fragments(page):
    """What htmx would load by itself or on a click, each address once."""
    found = page.evaluate(
        "() => [...document.querySelectorAll('[hx-get]')].map((one) => one.getAttribute('hx-get'))"
    )
    return list(dict.fromkeys(found))


def test_no_fragment_runs_what_stands_in_it_after_htmx_has_put_it_in(watch, attacked):
    """Each is put into the page by htmx itself, as a click on its link would."""
    for path, most in (
        (reverse("findings:list"), 30),
        (reverse("findings:controls"), 8),
        (reverse("posture:scorecard", args=["r-ab12"]), 8),
        (reverse("posture:accounts"), 8),
        (reverse("posture:kpi", args=["K2"]), 6),
        (reverse("findings:quarantine"), 4),
        (reverse("posture:people"), 4),
    ):
        watch.open(path)
        addresses = fragments(watch.page)
        assert addresses, path
        for address in addresses[:most]:
            watch.page.evaluate(
                "(address) => htmx.ajax('GET', address, {target: '#main', swap: 'innerHTML'})",
                address,
            )
            watch.settle()
            watch.look(f"{path} {address}")


def test_a_finding_opens_in_the_drawer_and_shows_its_words_as_they_are(watch, attacked):
    watch.open(reverse("findings:list"))
    for name in ("script", "mutation", "htmx", "way out"):
        watch.page.locator("[data-rows] a.t").filter(has_text=PAYLOADS[name][:20]).first.click()
        watch.page.wait_for_selector("#drawer h2, #drawer h1")
        watch.settle()
        assert collapsed(PAYLOADS[name]) in watch.text()
        watch.touch()
        watch.look(f"drawer of {name}")
        watch.page.keyboard.press("Escape")


ECHOES: tuple[tuple[str, dict[str, str], str], ...] = (
    ("findings:list", {}, "q"),
    ("findings:controls", {}, "q"),
    ("posture:accounts", {}, "q"),
    ("posture:people", {}, "q"),
    ("posture:review_actions", {}, "owner"),
    ("posture:scorecard", {"ou_id": "r-ab12"}, "as_of"),
    ("posture:kpis", {}, "ou"),
    ("findings:quarantine", {}, "reason"),
    ("invariants:list", {}, "q"),
    ("invariants:denials", {}, "principal"),
    ("invariants:drift", {}, "invariant"),
    ("invariants:what_if", {}, "target"),
    ("account_login", {}, "next"),
)


def test_no_page_runs_what_stands_in_its_address(watch, attacked):
    text = " ".join(
        PAYLOADS[name] for name in ("attribute", "image", "way out", "mutation", "link")
    )
    for view, kwargs, parameter in ECHOES:
        watch.open(f"{reverse(view, kwargs=kwargs)}?{urlencode({parameter: text})}")
        watch.look(f"{view}?{parameter}")
    watch.open(f"/no/such/{quote(text)}/")
    watch.look("no such page")
    watch.open(reverse("findings:list"))
    watch.page.fill("#q", text)
    watch.page.wait_for_timeout(700)
    watch.settle()
    watch.look("typed into the search")


def test_no_page_runs_what_people_have_written(watch, attacked, client, settings):
    now = attacked.world["now"]
    review = reviews.weekly_review()
    hostile.write(client, review, now=now)
    week = ["2026-W47"]
    saved = SavedView.objects.order_by("pk").first()
    service = User.objects.get(username="ticket-bridge")
    for path, shown in {
        reverse("posture:review", args=week): {"script", "mutation", "typst", "attribute", "svg"},
        f"{reverse('posture:review', args=week)}?edit=answer-answer": set(),
        f"{reverse('posture:review', args=week)}?edit=action-new": set(),
        reverse("posture:reviews"): {"script"},
        reverse("posture:review_actions"): {"mutation", "attribute"},
        reverse("posture:mailing"): {"script", "image"},
        reverse("posture:attestations"): {"script", "template", "way out"},
        reverse("posture:tokens"): {"image"},
        f"{reverse('posture:tokens')}?of=all": {"image"},
        reverse("posture:service_accounts"): {"svg"},
        reverse("posture:person", args=[service.pk]): {"svg"},
        reverse("findings:views"): {"script"},
        reverse("posture:groups"): {"script", "image"},
        reverse("posture:webhooks"): {"script"},
        reverse("posture:webhook", args=[Webhook.objects.get().pk]): {"script"},
        reverse("posture:audit"): {"script"},
        reverse("posture:audit_entry", args=[AuditEntry.objects.latest("pk").pk]): set(),
        reverse("posture:api_docs"): set(),
        f"{reverse('findings:list')}?{saved.query}": {"script"},
    }.items():
        watch.open(path)
        text = watch.text()
        assert [name for name in shown if collapsed(PAYLOADS[name]) not in text] == [], path
        watch.touch()
        watch.look(path)


def ask_what_would_change(client, now):
    """By the form, with a policy whose name and Sid attack; the test is the worker."""
    statement = {"Sid": PAYLOADS["mutation"], "Effect": "Deny", "Action": "kms:*", "Resource": "*"}
    said = {
        "act": "ATTACH",
        "source": "TEXT",
        "policy_type": "SERVICE_CONTROL_POLICY",
        "name": PAYLOADS["script"],
        "text": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        "target": "r-ab12",
    }
    assert client.post(reverse("invariants:what_if"), said).status_code == 302
    row = WhatIf.objects.get()
    assert what_if.answer(str(row.pk), now=now) == "DONE"
    return row


def test_no_page_runs_what_stands_in_invariants_drift_and_denials(
    watch, attacked, client, tmp_path
):
    now, key = attacked.world["now"], "own-evil"
    hostile.take_in_invariants(attacked.world["organization"], tmp_path, now=now)
    asked = ask_what_would_change(client, now)
    drift = Drift.objects.order_by("pk")
    detail = reverse("invariants:detail", args=[key])
    said = {"script", "image", "mutation", "way out"}
    one = [number_of("script")]
    for path, shown in {
        reverse("invariants:list"): said,
        reverse("invariants:matrix"): {"script"},
        detail: said,
        **{f"{detail}?tab={tab}": {"script"} for tab in ("policy", "coverage", "exceptions")},
        **{f"{detail}?tab={tab}": {"script"} for tab in ("violations", "denials", "history")},
        reverse("invariants:accounts", args=[key]): {"script", "image"},
        reverse("invariants:account", args=[key, *one]): {"script"},
        reverse("invariants:drift"): {"script", "image", "svg"},
        reverse("invariants:drift_entry", args=[drift[0].pk]): {NAMES[0]},
        reverse("invariants:drift_entry", args=[drift[6].pk]): {NAMES[6]},
        reverse("invariants:denials"): {"script", "image"},
        reverse("invariants:candidates"): set(),
        reverse("invariants:adopt_list"): {"script"},
        reverse("invariants:what_if"): {"script"},
        reverse("invariants:what_if_result", args=[asked.pk]): {"script", "mutation"},
        reverse("posture:account", args=one): said,
        reverse("posture:scorecard", args=["r-ab12"]): {"script"},
    }.items():
        watch.open(path)
        text = watch.text()
        assert [name for name in shown if collapsed(PAYLOADS[name]) not in text] == [], path
        watch.touch()
        watch.look(path)


def test_text_that_turns_its_direction_turns_nothing_but_itself(watch, attacked):
    """An account's name may not change how what stands beside it reads."""
    watch.open(reverse("posture:accounts"))
    around = watch.page.evaluate(
        """() => {
          const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
          const open = [];
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            if (!node.data.includes("\\u202e")) continue;
            const style = getComputedStyle(node.parentElement);
            const isApart = style.unicodeBidi.includes("isolate") || style.unicodeBidi === "plaintext"
              || ["block", "table-cell", "list-item", "flex", "grid"].includes(style.display);
            if (!isApart) open.push(node.parentElement.outerHTML.slice(0, 200));
          }
          return open;
        }"""
    )
    assert around == []
