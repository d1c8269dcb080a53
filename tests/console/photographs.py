"""Takes the pictures of docs/admin.md: `python -m tests.console.photographs`.

Starts the embedded servers and a web process, sets the scene and photographs it, on a desk and on a
phone, in a browser of Debian's (`apt-get install chromium`).
"""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from mailproject.embedded.ports import LOOPBACK, ReservedPort
from tests.console.client import ADMIN, PASSWORD
from tests.stack.processes import Service
from tests.stack.servers import CHECKOUT, Servers

FOLDER = CHECKOUT / "docs" / "admin"
DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
# name: (path, viewport, color scheme, whether the page is taken in full)
PICTURES = {
    "overview": ("", DESK, "light", True),
    "overview-dark": ("", DESK, "dark", False),
    "overview-phone": ("", PHONE, "light", False),
    "delivery": ("deliveries/order-10482-shipped/", DESK, "light", True),
    "delivery-phone": ("deliveries/order-10482-shipped/", PHONE, "light", False),
    "deliveries": ("deliveries/", DESK, "light", False),
    "dead-letters-phone": ("dead-letters/", PHONE, "light", False),
}
_SCENE = """
import django; django.setup()
from tests.console.scenery import set_scene
set_scene(traffic=True)
"""


def main() -> int:
    with ExitStack() as stack:
        servers = Servers({})
        stack.callback(servers.close)
        servers.start_postgres()
        servers.start_redis()
        port = ReservedPort().release()
        environment = {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            **servers.environment,
            "DJANGO_SETTINGS_MODULE": "mailproject.settings",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "MAIL_ADMIN_ENABLED": "true",
            "MAIL_INTERNAL_HTTP_ADDR": f"{LOOPBACK}:{port}",
        }
        service = Service(folder=servers.folder, environment=environment)
        stack.callback(service.close)
        service.start("serve").wait_until_started()
        user = ("--username", ADMIN, "--email", "ada@example.org")
        for argv in (["manage.py", "createsuperuser", "--noinput", *user], ["-c", _SCENE]):
            subprocess.run([sys.executable, *argv], env=environment, cwd=CHECKOUT, check=True)
        _photograph(f"http://{LOOPBACK}:{port}/admin/")
    return 0


def _photograph(base: str) -> None:
    program = shutil.which("chromium") or sys.exit("there is no chromium: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (path, viewport, scheme, full) in PICTURES.items():
            page = browser.new_page(base_url=base, viewport=viewport, color_scheme=scheme)
            page.goto("login/")
            page.get_by_label("User name").fill(ADMIN)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.goto(path, wait_until="networkidle")
            picture = FOLDER / f"{name}.png"
            page.screenshot(path=picture, full_page=full)
            _make_smaller(picture)
            page.close()
        browser.close()


def _make_smaller(picture: Path) -> None:
    """A palette is enough for pages of few colors."""
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--ext", ".png", "64", str(picture)], check=True)


if __name__ == "__main__":
    sys.exit(main())
