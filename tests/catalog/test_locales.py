"""Locale names and the order of lookup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.catalog.catalog import TemplateNotFound
from deliveries.catalog.locales import canonical, is_locale, lookup


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("EN", "en"),
        ("de-at", "de-AT"),
        ("DE-AT", "de-AT"),
        ("ZH-HANT-tw", "zh-Hant-TW"),
        ("sr-latn", "sr-Latn"),
        ("es-419", "es-419"),
        ("sl-ROZAJ-biske-1994", "sl-rozaj-biske-1994"),
        ("de-CH-x-PHONEBK", "de-CH-x-phonebk"),
        ("en-U-CA-Gregory", "en-u-ca-gregory"),
        ("de-de-1901", "de-DE-1901"),
    ],
)
def test_canonical_form(written, expected):
    assert canonical(written) == expected


@given(st.text(max_size=30))
def test_canonical_form_is_total_and_stable(text):
    once = canonical(text)

    assert canonical(once) == once


@pytest.mark.parametrize("name", ["en", "de-AT", "zh-Hant-TW", "ast", "de-ch-x-old"])
def test_locale(name):
    assert is_locale(name)


@pytest.mark.parametrize("name", ["", "e", "de_AT", "images", "de-", "-de", "de--AT", "é", "en\n"])
def test_no_locale(name):
    assert not is_locale(name)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", ["en", "en"]),
        ("de-at", ["de-AT", "de", "en"]),
        ("zh-Hant-TW", ["zh-Hant-TW", "zh-Hant", "zh", "en"]),
        ("de-CH-x-old", ["de-CH-x-old", "de-CH", "de", "en"]),
        ("", ["", "en"]),
    ],
)
def test_order_of_lookup(locale, expected):
    assert list(lookup(locale=locale, default="EN")) == expected


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("en", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-at", "de"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-hant", "zh-Hant"),
        ("zh-Hans-CN", "en"),
        ("zh", "en"),
        ("fr-CA", "en"),
        ("pt-br", "pt-BR"),
        ("pt", "en"),
        ("pt-PT", "en"),
        ("", "en"),
        ("no locale at all", "en"),
    ],
)
def test_locale_used(shelf, asked, used):
    for locale in ("zh-Hant", "pt-BR"):
        for part in ("subject.txt", "text.txt", "html.html"):
            shelf.write(f"news.hello/{locale}/{part}", "{{ name }}")

    assert shelf.load().find("news.hello", asked).locale_used == used


def test_default_locale_decides_what_comes_last(shelf):
    assert shelf.load(default_locale="DE").find("news.hello", "fr").locale_used == "de"


@pytest.mark.parametrize("template_id", ["news.bye", "NEWS.HELLO", "", "news.hello/en"])
def test_unknown_template(shelf, template_id):
    catalog = shelf.load()

    with pytest.raises(TemplateNotFound) as caught:
        catalog.find(template_id, "en")

    assert caught.value.template_id == template_id
