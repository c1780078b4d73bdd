import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.core.management import call_command
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from posture import assets

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "static"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The real assets, built once from the project's own templates."""
    folder = tmp_path_factory.mktemp("static") / "build"
    assert assets.build(templates=TEMPLATES, out=folder)
    return folder


def page(folder: Path, source: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "page.html").write_text(source, encoding="utf-8")
    return folder


def icons_of(folder: Path) -> set[str]:
    tree = ET.parse(folder / "icons.svg")
    return {symbol.get("id", "").removeprefix("i-") for symbol in tree.iter(f"{SVG}symbol")}


def test_the_sprite_has_every_icon_that_a_template_or_the_code_names(out):
    named = set(assets.ICONS)
    for path in TEMPLATES.rglob("*.html"):
        named.update(re.findall(r'{% icon "([^"]+)"', path.read_text(encoding="utf-8")))
    assert named <= icons_of(out)


def test_the_sprite_has_no_icon_that_nothing_names(tmp_path):
    templates = page(
        tmp_path / "t", '{% icon "ban" %} {% pill text "ok" "siren" %} {% icon name "s" %}'
    )
    names = assets.used_icons(templates, {"ban", "siren", "zap", *assets.ICONS})
    assert set(names) == {"ban", "siren", *assets.ICONS}


def test_every_area_has_an_icon():
    assert set(assets.AREA_ICONS) == {
        "CULTURE",
        "ACCOUNT_MANAGEMENT",
        "IDENTITY",
        "DATA_PROTECTION",
        "SECURE_DEPLOYMENT",
        "MONITORING",
        "VULNERABILITY",
    }


def test_an_icon_that_does_not_exist_is_named_with_its_template(tmp_path):
    templates = page(tmp_path / "t", '{% icon "no-such-icon" %}')
    with pytest.raises(assets.UnknownIcon, match=r"page\.html.*no-such-icon"):
        assets.used_icons(templates, set(assets.ICONS))


def test_the_fonts_keep_their_axes_and_have_the_characters_of_the_pages(out):
    inter, mono = (TTFont(out / "fonts" / name) for name in ("inter.woff2", "geist-mono.woff2"))
    axes = {axis.axisTag: (axis.minValue, axis.maxValue) for axis in inter["fvar"].axes}
    assert axes == {"opsz": (14, 32), "wght": (400, 700)}
    assert [(a.axisTag, a.minValue, a.maxValue) for a in mono["fvar"].axes] == [("wght", 400, 600)]
    for font in (inter, mono):
        assert {ord(character) for character in "AZaz09éß\N{EN DASH}…€→≥"} <= set(
            font.getBestCmap()
        )


def test_the_fonts_are_small_enough_for_a_first_visit(out):
    assert (out / "fonts" / "inter.woff2").stat().st_size < 60_000
    assert (out / "fonts" / "geist-mono.woff2").stat().st_size < 20_000


def test_building_again_writes_nothing(out):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert not assets.build(templates=TEMPLATES, out=out)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_lost_output_or_a_new_icon_is_built_again(out, tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "FONTS", ())
    templates = page(tmp_path / "t", '{% icon "ban" %}')
    folder = tmp_path / "build"
    assert assets.build(templates=templates, out=folder)
    assert not assets.build(templates=templates, out=folder)
    (folder / "icons.svg").unlink()
    assert assets.build(templates=templates, out=folder)
    page(templates, '{% icon "ban" %}{% icon "siren" %}')
    assert assets.build(templates=templates, out=folder)
    assert "siren" in icons_of(folder)


def test_hashed_file_names_resolve_in_the_stylesheet(out, tmp_path, settings):
    """collectstatic with hashed names fails when app.css refers to a file that is not there."""
    settings.STATICFILES_DIRS = [("css", STATIC / "css"), ("build", out)]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = next((tmp_path / "collected" / "css").glob("app.*.css")).read_text(encoding="utf-8")
    fonts = re.findall(r'url\("\.\./build/fonts/([^"]+\.woff2)"\)', hashed)
    assert len(fonts) == 2
    assert all((tmp_path / "collected" / "build" / "fonts" / name).exists() for name in fonts)


def test_no_template_needs_what_the_content_security_policy_forbids():
    inline = re.compile(
        r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|\shx-on|\shx-vars|\shx-headers"
        r"|\shx-trigger=\"[^\"]*\[|\shx-vals=[\"']js:|javascript:"
    )
    found = {
        str(path.relative_to(TEMPLATES)): match[0]
        # A mail has no such policy, and no style sheet either.
        for path in TEMPLATES.rglob("*.html")
        if path.parent.name != "mail" and (match := inline.search(path.read_text(encoding="utf-8")))
    }
    assert found == {}
