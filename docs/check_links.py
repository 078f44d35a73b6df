#!/usr/bin/env python3
"""Checks that every relative link, image and in-page anchor resolves, and every piece of code that a chapter includes.

    mdbook build docs && python3 docs/check_links.py

Looks at the built book (docs/book/**/*.html), at README.md and at notebooks-md/*.md. Addresses on
the network are not visited. Exits with 1 and names each file and link that leads nowhere. The chapters'
`{{#include file:anchor}}` are checked here because mdbook puts nothing, without a word, where the anchor is missing.
Standard library only.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "docs" / "book"


class Page(HTMLParser):
    """The links and the anchors of one HTML page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src") and tag != "base":
                self.links.append(value)


class Markdown:
    """The links and the anchors of one Markdown file, anchors spelled as GitHub spells them."""

    FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?^ {0,3}\1[`~]*\s*$", re.MULTILINE | re.DOTALL)
    COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
    CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
    INLINE = re.compile(r"!?\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\s*\)")
    REFERENCE = re.compile(r"^ {0,3}\[[^\]^][^\]]*\]:\s*<?([^\s>]+)", re.MULTILINE)
    HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)

    def __init__(self, text):
        text = self.COMMENT.sub("", self.FENCE.sub("", text))
        self.anchors = set()
        for heading in self.HEADING.findall(text):
            self.anchors.add(self.slug(heading))
        # `[text]` inside a code span is no link; the code span may stand inside a link's text.
        prose = self.CODE.sub("code", text)
        html = Page(prose)
        self.links = self.INLINE.findall(prose) + self.REFERENCE.findall(prose) + html.links
        self.anchors |= html.anchors

    def slug(self, heading):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        base = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        name, number = base, 0
        while name in self.anchors:
            number += 1
            name = f"{base}-{number}"
        return name


PAGES = {}


def page(path):
    if path not in PAGES:
        text = path.read_text(encoding="utf-8")
        PAGES[path] = Page(text) if path.suffix == ".html" else Markdown(text)
    return PAGES[path]


def problem(path, link):
    """What is wrong with `link` in the file `path`; None if it resolves."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = path
    if parts.path.startswith("/"):
        # mdBook's 404 page is written for the root of a web site.
        if path != BOOK / "404.html":
            return "begins with /, which no clone resolves"
        target = BOOK / unquote(parts.path).lstrip("/")
    elif parts.path:
        target = path.parent / unquote(parts.path)
    if target.is_dir() and path.suffix == ".html" and (target / "index.html").exists():
        target = target / "index.html"
    target = target.resolve()
    if not target.exists():
        return "no such file"
    if ROOT not in target.parents and target != ROOT:
        return "leads out of the project"
    if parts.fragment and target.suffix in (".html", ".md"):
        anchors = page(target).anchors
        if unquote(parts.fragment) not in anchors:
            return f"no such anchor in {target.relative_to(ROOT)}"
    return None


def missing_code(chapter):
    """The includes of a chapter whose file or anchor does not exist."""
    for file, anchor in re.findall(r"\{\{#include ([^:}]+):?(\w*)\}\}", chapter.read_text(encoding="utf-8")):
        source = chapter.parent / file
        if not source.exists():
            yield f"{file}: no such file"
        elif anchor and not re.search(rf"ANCHOR: {anchor}$", source.read_text(encoding="utf-8"), re.MULTILINE):
            yield f"{file}: no such anchor: {anchor}"


def main():
    html = sorted(BOOK.rglob("*.html"))
    if not html:
        sys.exit(f"{BOOK} holds no page: run `mdbook build docs` first")
    markdown = [file for file in [ROOT / "README.md"] if file.exists()]
    markdown += sorted((ROOT / "notebooks-md").glob("*.md"))
    links, broken = 0, 0
    for path in html + markdown:
        for link in page(path).links:
            links += 1
            if complaint := problem(path, link):
                broken += 1
                print(f"{path.relative_to(ROOT)}: {link}: {complaint}")
    for chapter in sorted((ROOT / "docs" / "src").glob("*.md")):
        for complaint in missing_code(chapter):
            broken += 1
            print(f"{chapter.relative_to(ROOT)}: {complaint}")
    print(f"{links} links in {len(html)} pages and {len(markdown)} Markdown files, {broken} broken")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
