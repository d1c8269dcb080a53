"""The admin in a browser: what an operator does with it, and what a mail cannot do to him.

Chromium is Debian's package. `photographs.py` takes the pictures of docs/admin.md.
"""

import os
import shutil
import socket
import threading

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.console.client import ADMIN, PASSWORD
from tests.console.scenery import DEAD, HTML, LOGIN_CODE, RECIPIENT, SECRETS, dead_letter

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.django_db(transaction=True)]

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PAGES = {
    "overview": "",
    "deliveries": "deliveries/",
    "delivery": f"deliveries/{DEAD}/",
    "login-code": f"deliveries/{LOGIN_CODE}/",
    "attempts": "attempts/",
    "dead-letters": "dead-letters/",
    "malformed": "malformed-commands/",
    "nothing-found": "deliveries/?q=nothing-of-this-name",
    "not-there": "deliveries/no-such-delivery/",
}


@pytest.fixture
def chromium(scene, running):
    yield from _launched()


@pytest.fixture
def open_page(chromium: Browser, running):
    """A page of a new browser in which the superuser is logged in; `problems` is its console's."""

    def make(viewport=DESKTOP, scheme="light") -> Page:
        context = chromium.new_context(
            viewport=viewport,
            color_scheme=scheme,
            base_url=f"http://127.0.0.1:{running.port}/admin/",
            is_mobile=viewport is PHONE,
            has_touch=viewport is PHONE,
        )
        context.set_default_timeout(20_000)
        context.add_cookies(_cookies(running))
        page = context.new_page()
        page.problems = []
        page.on("console", lambda said: page.problems.append(said.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        return page

    return make


@pytest.fixture
def tracker(empty):
    """A listener that counts who calls; the dead letter's HTML would like to reach it."""
    listener = socket.create_server(("127.0.0.1", 0))
    calls: list[bytes] = []

    def listen():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                calls.append(b"connected")

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    yield host, calls
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def followed(tracker, running, sql):
    """The scene with nothing but a dead letter whose links, pictures and scripts lead to it."""
    dead_letter(timezone.now(), tracker[0])
    return tracker[1]


@pytest.fixture
def launch(followed, running):
    """As `chromium`, for that scene."""
    yield from _launched()


def _launched():
    """Ended before the tables are emptied: Django refuses to work beside Playwright's loop."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield browser
        browser.close()


def _cookies(running):
    return [
        {"name": name, "value": value, "domain": "127.0.0.1", "path": "/admin/"}
        for name, value in running.admin().cookies.items()
    ]


def test_an_operator_finds_a_dead_letter_reads_it_and_cannot_change_it(chromium, running, sql):
    page = chromium.new_page(base_url=f"http://127.0.0.1:{running.port}/")
    page.goto("/admin/deliveries/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("User name").fill(ADMIN)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    page.get_by_label("User name").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Deliveries")).to_be_visible()

    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Dead letters").click()
    page.get_by_label("failure").select_option("timeout")
    page.get_by_label("Search").fill(RECIPIENT)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=DEAD).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Your order 10482 is on its way")
    story = page.get_by_role("region", name="What happened").get_by_role("listitem")
    expect(story.filter(has_text="Attempt 1")).to_contain_text("450 4.7.1 try again later")
    expect(story.filter(has_text="Attempt 4")).to_contain_text("Nobody knows")
    expect(page.get_by_role("region", name="Recipients")).to_contain_text("no such user here")
    preview = page.frame_locator("iframe[title='How the mail looks']")
    expect(preview.get_by_role("heading")).to_have_text("Your order is on its way")
    page.get_by_text("Source", exact=True).last.click()
    expect(page.locator("pre").last).to_contain_text("multipart/mixed")

    before = sql("SELECT md5(string_agg(d::text, '' ORDER BY id)) FROM deliveries d")
    forms = page.locator("form").evaluate_all(
        "forms => forms.map(form => form.method + form.action)"
    )
    assert [form for form in forms if not form.startswith("get")] == [
        f"posthttp://127.0.0.1:{running.port}/admin/logout/"
    ]
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    for path in (page.url, f"{page.url}change/", f"{page.url}delete/"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = page.request.fetch(
                path, method=method, form={"csrfmiddlewaretoken": token, "status": "sent"}
            )
            assert answer.status in {403, 404, 405}
    assert sql("SELECT md5(string_agg(d::text, '' ORDER BY id)) FROM deliveries d") == before

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    page.goto("/admin/dead-letters/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_mail_reaches_nothing_and_runs_nothing(launch, followed, tracker, running):
    context = launch.new_context(base_url=f"http://127.0.0.1:{running.port}/admin/")
    context.add_cookies(_cookies(running))
    page = context.new_page()
    page.goto(f"deliveries/{DEAD}/")
    frame = page.frame_locator("iframe")
    link = frame.get_by_role("link", name="Follow the parcel")
    expect(link).to_have_attribute("title", f"http://{tracker[0]}/follow")
    link.click()
    frame.get_by_role("button", name="Rate us").click()
    page.wait_for_timeout(1000)
    assert page.url.endswith(f"/deliveries/{DEAD}/")
    assert page.title() != "script ran"
    # opened by itself it is no freer
    page.goto(f"deliveries/{DEAD}/html/")
    page.get_by_role("link", name="Follow the parcel").click()
    page.get_by_role("button", name="Rate us").click()
    page.wait_for_timeout(500)
    assert page.url.rstrip("#").endswith("/html/")
    assert followed == []


def test_the_same_mail_unguarded_would_have_reached_it(launch, followed, tracker):
    page = launch.new_page()
    page.set_content(HTML.format(tracker=tracker[0]), wait_until="commit")
    for _ in range(100):
        if followed:
            break
        page.wait_for_timeout(100)
    assert followed


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_fits_the_screen_and_keeps_its_own_policy(open_page, viewport, scheme):
    page = open_page(viewport, scheme)
    for name, path in PAGES.items():
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, name
    complaints = [text for text in page.problems if "404" not in text]
    assert complaints == []


def test_every_page_can_be_read_without_eyes_or_pointer(open_page):
    page = open_page()
    for name, path in PAGES.items():
        page.goto(path)
        assert page.locator("h1").count() == 1, name
        assert page.locator("main").count() == 1, name
        assert page.locator("html").get_attribute("lang") == "en"
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('input:not([type=hidden]), select, img, iframe,'
                      + ' svg[role=img], button, a')]
                .filter(e => !(e.labels?.length || e.alt !== undefined || e.title
                               || e.getAttribute('aria-label') || e.textContent.trim()))
                .map(e => e.outerHTML)"""
        )
        assert nameless == [], name
    page.goto("")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_a_login_code_is_not_in_what_the_browser_gets(open_page):
    page = open_page()
    got: list[str] = []
    page.on("response", lambda response: got.append(response.text()) if response.ok else None)
    page.goto(f"deliveries/{LOGIN_CODE}/")
    expect(page.get_by_text("The content of a login code is never shown.")).to_be_visible()
    assert got
    assert not [secret for secret in SECRETS if any(secret in text for text in got)]
    assert page.locator("iframe").count() == 0
