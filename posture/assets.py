"""Static files that are made at set-up: two subset fonts and one icon sprite, from PyPI packages.

Pure: works on the paths it is given; `manage.py build_assets` says which.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

from fontTools.subset import Options, Subsetter  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fontTools.varLib import instancer  # type: ignore[import-untyped]

# One icon per area code. Names are Lucide's.
AREA_ICONS = {
    "CULTURE": "users-round",
    "ACCOUNT_MANAGEMENT": "boxes",
    "IDENTITY": "fingerprint-pattern",
    "DATA_PROTECTION": "database",
    "SECURE_DEPLOYMENT": "rocket",
    "MONITORING": "radar",
    "VULNERABILITY": "bug",
}
# Icons that no template names literally: chosen by tags at run time, or by Python code.
ICONS = (
    *AREA_ICONS.values(),
    "arrow-down",
    "arrow-right",
    "arrow-up",
    "calendar-clock",
    "check",
    "circle-alert",
    "circle-check",
    "circle-dashed",
    "circle-question-mark",
    "circle-x",
    "clock",
    "info",
    "loader-circle",
    "lock",
    "message-square-plus",
    "minus",
    "octagon-x",
    "pencil",
    "plus",
    "trending-down",
    "trending-up",
    "triangle-alert",
)
# Template tags whose literal arguments may be icon names.
_TAG = re.compile(r"{%\s*(icon|pill|nav_link|include)\b(.*?)%}", re.DOTALL)
_LITERAL = re.compile(r"""["']([a-z][a-z0-9-]*)["']""")

FONT_PACKAGES = ("fontpkg-inter", "fontpkg-geist-mono", "lucide", "fonttools")
# (package, file, output, weight axis). Inter keeps its optical size axis.
FONTS = (
    ("fontpkg_inter", "Inter[opsz,wght].ttf", "inter.woff2", (400, 700)),
    ("fontpkg_geist_mono", "GeistMono[wght].ttf", "geist-mono.woff2", (400, 600)),
)
# Latin with its European extensions, punctuation, currency, arrows and the few signs the pages print.
CHARACTERS = (
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *range(0x2010, 0x2028),
    *(0x2030, 0x2032, 0x2033, 0x2039, 0x203A, 0x2044, 0x20AC, 0x2122),
    *range(0x2190, 0x219A),
    *(0x2212, 0x2248, 0x2260, 0x2264, 0x2265, 0x2318, 0x21B5, 0x2713),
)
FEATURES = ("kern", "mark", "mkmk", "ccmp", "locl", "calt", "liga", "tnum", "zero", "case")

# Says what the files in the output folder were made from; hidden, so collectstatic passes it by.
STAMP = ".stamp"


class UnknownIcon(LookupError):
    """A template or ICONS names an icon that Lucide does not have."""


def build(*, templates: Path, out: Path) -> bool:
    """Make out/icons.svg and out/fonts/*.woff2 unless they are there and their inputs are unchanged.

    :return: whether anything was written.
    :raises UnknownIcon: when an icon does not exist.
    """
    with as_file(files("lucide") / "lucide.zip") as path, zipfile.ZipFile(path) as archive:
        names = used_icons(templates, {Path(name).stem for name in archive.namelist()})
        stamp = _stamp(names)
        made = [out / "icons.svg", *(out / "fonts" / font[2] for font in FONTS)]
        if all(path.exists() for path in made) and _read(out / STAMP) == stamp:
            return False
        (out / "fonts").mkdir(parents=True, exist_ok=True)
        (out / "icons.svg").write_text(sprite(names, archive), encoding="utf-8")
    for package, file, target, weights in FONTS:
        with as_file(files(package) / "files" / file) as source:
            subset_font(source, out / "fonts" / target, weights)
    (out / STAMP).write_text(stamp, encoding="ascii")
    return True


def used_icons(templates: Path, known: set[str]) -> list[str]:
    """Names of all icons that ICONS or a template under the folder uses, sorted.

    A literal in {% icon %} must be an icon; in the other tags, literals that are no icon are skipped.

    :raises UnknownIcon: naming the file.
    """
    names = set(ICONS)
    if unknown := names - known:
        raise UnknownIcon(f"ICONS names {sorted(unknown)}, which Lucide does not have")
    for path in sorted(templates.rglob("*.html")):
        for tag, literals in _literals(path.read_text(encoding="utf-8")):
            if tag == "icon" and literals and literals[0] not in known:
                raise UnknownIcon(
                    f"{path} uses the icon {literals[0]!r}, which Lucide does not have"
                )
            names.update(known.intersection(literals))
    return sorted(names)


def _literals(source: str) -> Iterator[tuple[str, list[str]]]:
    for match in _TAG.finditer(source):
        tag, arguments = match.groups()
        # {% icon name "s" %}: the first argument is a variable, its literals are CSS classes.
        if tag == "icon" and not arguments.lstrip().startswith(("'", '"')):
            continue
        yield tag, _LITERAL.findall(arguments)


def sprite(names: Iterable[str], archive: zipfile.ZipFile) -> str:
    """One SVG file with a <symbol id="i-NAME"> for each icon; strokes come from the page's CSS."""
    symbols = []
    for name in names:
        source = archive.read(f"{name}.svg").decode()
        body = re.search(r"<svg[^>]*>(.*)</svg>", source, re.DOTALL)
        if body is None:
            raise UnknownIcon(f"the icon {name!r} is no SVG")
        drawing = re.sub(r"\s+", " ", body[1]).strip()
        symbols.append(f'<symbol id="i-{name}" viewBox="0 0 24 24">{drawing}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def subset_font(source: Path, target: Path, weights: tuple[int, int]) -> None:
    """Write a woff2 with CHARACTERS only and the weight axis limited to the given range."""
    font = TTFont(source)
    options = Options()
    options.flavor = "woff2"
    options.layout_features = list(FEATURES)
    options.hinting = False
    options.notdef_outline = True
    options.drop_tables += ["meta"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    # After the subset: the instancer drops the variations of glyphs that do not vary, the subsetter wants them.
    font = instancer.instantiateVariableFont(font, {"wght": weights})
    font.flavor = "woff2"
    font.save(target)


def _stamp(names: Iterable[str]) -> str:
    """Hash of everything the result depends on: the icons, this module and the packages' versions."""
    parts = [*names, Path(__file__).read_text(encoding="utf-8")]
    parts += [f"{package} {version(package)}" for package in FONT_PACKAGES]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii") if path.exists() else ""
