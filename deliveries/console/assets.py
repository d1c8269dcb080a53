"""The stylesheet and the icon: read once, served by a view under a name that changes with them.

With two small files a static file server, and a step that collects them, would be more to run and
to go wrong than the files themselves.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

SITE = "Mail Service"
_FOLDER = Path(__file__).parent / "assets"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """`name` holds a digest of the content, so a browser may keep it for ever."""

    name: str
    content: bytes
    content_type: str


@cache
def assets() -> dict[str, Asset]:
    """Every asset under the name of its file."""
    return {path.name: _read(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def frame_context() -> dict[str, str]:
    """What the frame of every page needs, those of faults too."""
    return {
        "site_header": SITE,
        "stylesheet": reverse("admin:asset", args=[assets()["console.css"].name]),
        "icon": reverse("admin:asset", args=[assets()["icon.svg"].name]),
    }


@require_safe
def serve_asset(_request: HttpRequest, name: str) -> HttpResponse:
    asset = next((asset for asset in assets().values() if asset.name == name), None)
    if asset is None:
        raise Http404
    headers = {"Cache-Control": _FOR_EVER}
    return HttpResponse(asset.content, content_type=asset.content_type, headers=headers)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"{path.stem}.{digest}{path.suffix}", content, _TYPES[path.suffix])
