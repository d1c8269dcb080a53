"""The templates that ship: they load, and each mail is one that a product would send."""

import json
import re
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path

import pytest

from deliveries.catalog.catalog import load_catalog, render

ROOT = Path(__file__).parents[2] / "templates"
CATALOG = load_catalog(directory=ROOT, default_locale="en")
LOCALES = ("de", "en")
EXAMPLES = {
    template_id: json.loads((ROOT / template_id / "template.json").read_text())["examples"]
    for template_id in CATALOG.template_ids
}
MAILS = [
    pytest.param(template_id, locale, variables, id=f"{template_id}-{locale}-{number}")
    for template_id, examples in EXAMPLES.items()
    for locale in LOCALES
    for number, variables in enumerate(examples, start=1)
]
# after these nothing is closed (HTML, "Void elements")
VOID = {"meta", "br", "hr", "img", "link", "input"}
CLIPPED_FROM = 102_000  # bytes: some readers hide the rest of a longer mail
PLAIN_WIDTH = 90


class Page(HTMLParser):
    """Reads a page and holds it to be closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.elements = []
        self.words = []
        self.styles = []
        self.comments = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            self.styles.append(data)
        else:
            self.words.append(data)

    def handle_comment(self, data):
        self.comments.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def mail(template_id, locale, variables):
    return render(CATALOG.find(template_id, locale), variables)


def leaves(value, path=()):
    """Every text and number of an example, with the path to it."""
    if isinstance(value, dict | list):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in members:
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def test_what_ships():
    assert CATALOG.template_ids == ("account.security_alert", "auth.login_code", "billing.receipt")
    for template_id in CATALOG.template_ids:
        assert CATALOG.locales(template_id) == LOCALES
        for locale in LOCALES:
            template = CATALOG.find(template_id, locale)
            assert template.has_html
            assert template.unused == frozenset()


def test_login_code_takes_what_the_contract_says():
    template = CATALOG.find("auth.login_code", "en")

    assert template.required == {"code"}
    assert template.optional == {"expires_at"}


@pytest.mark.parametrize("template_id", CATALOG.template_ids)
def test_examples_use_every_variable_and_leave_out_every_optional_one(template_id):
    template = CATALOG.find(template_id, "en")
    used = [frozenset(example) for example in EXAMPLES[template_id]]

    assert frozenset().union(*used) == template.required | template.optional
    assert frozenset.intersection(*used) == template.required


@pytest.mark.parametrize(("template_id", "locale", "variables"), MAILS)
def test_subject_is_short_and_one_line(template_id, locale, variables):
    subject = mail(template_id, locale, variables).subject

    assert subject.isprintable()
    assert 10 <= len(subject) <= 70


@pytest.mark.parametrize(("template_id", "locale", "variables"), MAILS)
def test_text_is_tidy(template_id, locale, variables):
    text = mail(template_id, locale, variables).text_body

    assert "\n\n\n" not in text
    for line in text.splitlines():
        assert line == line.rstrip()
        assert len(line) <= PLAIN_WIDTH or line.startswith("https://")
    assert not re.search(r"<\w|&\w+;|&#\d", text)


@pytest.mark.parametrize(("template_id", "locale", "variables"), MAILS)
def test_html_is_what_mail_readers_show(template_id, locale, variables):
    html = mail(template_id, locale, variables).html_body
    page = Page(html)

    assert html.lstrip().startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": locale, "dir": "ltr"}]
    assert len(html.encode()) < CLIPPED_FROM
    metas = {meta.get("name"): meta["content"] for meta in page.all("meta") if "content" in meta}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert {"charset": "utf-8"} in page.all("meta")
    assert len(page.all("title")) == len(page.all("h1")) == 1
    assert "prefers-color-scheme: dark" in "".join(page.styles)
    assert not page.all("script") + page.all("link") + page.all("form")
    assert all("alt" in image for image in page.all("img"))


@pytest.mark.parametrize(("template_id", "locale", "variables"), MAILS)
def test_html_loads_nothing_from_outside(template_id, locale, variables):
    html = mail(template_id, locale, variables).html_body
    page = Page(html)

    fetched = {"src", "srcset", "background", "poster", "data"}
    assert not [e for e, attributes in page.elements if fetched & attributes.keys()]
    assert "url(" not in html
    assert "@import" not in html
    links = {link["href"] for link in page.all("a")}
    given = {value for name, value in variables.items() if name.endswith("_url")}
    assert links == given


@pytest.mark.parametrize(("template_id", "locale", "variables"), MAILS)
def test_tables_say_whether_they_hold_data(template_id, locale, variables):
    """A screen reader is told which tables are layout; those with data have header cells."""
    html = mail(template_id, locale, variables).html_body

    for table in re.findall(r"<table[^>]*>(?:(?!<table).)*?</table>", html, re.DOTALL):
        is_layout = 'role="presentation"' in table[: table.index(">")]
        assert is_layout != ('<th scope="row"' in table)


@pytest.mark.parametrize(("template_id", "locale", "variables"), MAILS)
def test_both_parts_hold_the_same_facts(template_id, locale, variables):
    """Whatever value is changed, either both parts show it or neither does."""
    before = mail(template_id, locale, variables)

    for path, value in leaves(variables):
        changed = deepcopy(variables)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = _another(value)
        after = mail(template_id, locale, changed)

        assert after.text_body != before.text_body, path
        assert Page(after.html_body).text != Page(before.html_body).text, path


def _another(value):
    match value:
        case int():
            return value + 7
        case str() if re.match(r"\d{4}-\d\d-\d\dT", value):
            return "2031-08-17T03:44:00Z"
        case str() if value.startswith("https://"):
            return value + "/other"
        case "new_sign_in":
            return "password_changed"
        case _:
            return "new_sign_in" if value.replace("_", "").islower() else f"{value} changed"


@pytest.mark.parametrize(("template_id", "locale", "variables"), MAILS)
def test_values_stand_in_both_parts(template_id, locale, variables):
    rendered = mail(template_id, locale, variables)
    seen = Page(rendered.html_body).text

    shown = [
        str(value)
        for path, value in leaves(variables)
        if path[0] not in {"event", "occurred_at", "expires_at", "paid_at"} and value != 1
    ]
    for value in shown:
        assert value in rendered.text_body
        assert value in seen


@pytest.mark.parametrize("locale", LOCALES)
class TestLoginCode:
    VARIABLES = {"code": "492817", "expires_at": "2026-03-09T14:30:00Z"}

    def test_subject_and_preview_do_not_show_the_code(self, locale):
        rendered = mail("auth.login_code", locale, self.VARIABLES)
        preheader = re.search(
            r'<div style="display: none;[^>]*>(.*?)</div>', rendered.html_body, re.DOTALL
        )

        assert "492817" not in rendered.subject
        assert "492817" not in preheader[1]

    def test_code_stands_alone_to_be_copied(self, locale):
        rendered = mail("auth.login_code", locale, self.VARIABLES)

        assert "492817" in rendered.text_body.splitlines()
        assert ">492817</span>" in rendered.html_body

    def test_expiry_is_told_or_hinted_at(self, locale):
        with_expiry = mail("auth.login_code", locale, self.VARIABLES).text_body
        without = mail("auth.login_code", locale, {"code": "492817"}).text_body

        assert "2026" in with_expiry
        assert "2026" not in without
        assert len(without.splitlines()) == len(with_expiry.splitlines())


@pytest.mark.parametrize(
    ("locale", "count", "expected"),
    [
        ("en", 0, "0 items"), ("en", 1, "1 item"), ("en", 2, "2 items"),
        ("de", 0, "0 Positionen"), ("de", 1, "1 Position"), ("de", 2, "2 Positionen"),
    ],
)  # fmt: skip
def test_plural(locale, count, expected):
    variables = EXAMPLES["billing.receipt"][1] | {
        "items": [{"description": "d", "amount": "1"}] * count
    }
    rendered = mail("billing.receipt", locale, variables)

    assert f"\n{expected}:\n" in rendered.text_body
    assert f">{expected}<" in rendered.html_body


@pytest.mark.parametrize("locale", LOCALES)
def test_markup_in_a_variable_is_shown_as_text(locale):
    variables = EXAMPLES["billing.receipt"][0] | {"billed_to": "<img src=x onerror=y> & Co"}
    rendered = mail("billing.receipt", locale, variables)

    assert not Page(rendered.html_body).all("img")
    assert "<img src=x onerror=y> & Co" in Page(rendered.html_body).text
    assert "<img src=x onerror=y> & Co" in rendered.text_body
