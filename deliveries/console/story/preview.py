"""A mail's HTML, shown without any way out: no script, no form, no request to anywhere. Pure.

Three walls: the frame on the page is sandboxed, this document's own policy sandboxes it again and
loads nothing, and the elements by which a document opens connections without loading anything are
taken out, because no policy reaches those.
"""

import html
import re
from html.parser import HTMLParser

POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Frame-Options": "SAMEORIGIN"}

# preconnect and dns-prefetch; refresh and a meta policy; where links point to; what holds documents
_DROPPED = frozenset({"base", "embed", "frame", "iframe", "link", "meta", "object", "script"})
_DROPPED_WITH_CONTENT = frozenset({"iframe", "object", "script"})
_NAME = re.compile(r"[a-z][a-z0-9:_-]*")
# what would follow a click, or tell somebody of it
_DROPPED_ATTRIBUTES = frozenset({"action", "background", "formaction", "ping", "srcset", "target"})


def harmless(document: str) -> str:
    """The document with links that are shown and lead nowhere."""
    parser = _Stripper()
    parser.feed(document)
    parser.close()
    return "".join(parser.pieces)


class _Stripper(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self._within: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._within is not None or not _is_kept(tag):
            if self._within is None and tag in _DROPPED_WITH_CONTENT:
                self._within = tag
            return
        self.pieces.append(f"<{tag}{''.join(_attributes(attrs))}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._within is None and _is_kept(tag):
            self.pieces.append(f"<{tag}{''.join(_attributes(attrs))}/>")

    def handle_endtag(self, tag: str) -> None:
        if self._within is not None:
            self._within = None if tag == self._within else self._within
        elif _is_kept(tag):
            self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        # what looks like a tag here was not one to us, and must not be one to the browser
        self._add(data.replace("<", "&lt;"))

    def handle_entityref(self, name: str) -> None:
        self._add(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._add(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self._add(f"<!{decl}>")

    def _add(self, piece: str) -> None:
        if self._within is None:
            self.pieces.append(piece)


def _is_kept(tag: str) -> bool:
    return tag not in _DROPPED and _NAME.fullmatch(tag) is not None


def _attributes(attrs: list[tuple[str, str | None]]) -> list[str]:
    """Links look like links and lead to the top; where they led is their title."""
    kept = []
    for name, value in attrs:
        dropped = name in _DROPPED_ATTRIBUTES or name.startswith("on")
        if dropped or not _NAME.fullmatch(name):
            continue
        if name == "href":
            kept.append(f' href="#" title="{html.escape(value or "")}"')
        elif name == "src" and not (value or "").lower().startswith("data:"):
            continue
        elif value is None:
            kept.append(f" {name}")
        else:
            kept.append(f' {name}="{html.escape(value)}"')
    return kept
