"""What stands in the catalog's folder: every stray, missing or unreadable file is told."""

import os
import shutil

import pytest

from deliveries.catalog.catalog import CatalogError, load_catalog


def test_good_catalog_loads(shelf):
    catalog = shelf.load()

    assert catalog.template_ids == ("news.hello",)
    assert catalog.locales("news.hello") == ("de", "en")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("README.md", "README.md:1: stray: only a template's folder belongs here"),
        (".gitkeep", ".gitkeep:1: stray: only a template's folder belongs here"),
        (
            "news.hello/notes.txt",
            "news.hello/notes.txt:1: stray: only a locale's folder or template.json belongs here",
        ),
        (
            "news.hello/en/.DS_Store",
            "news.hello/en/.DS_Store:1: stray: only subject.txt, text.txt, html.html belong here",
        ),
        (
            "news.hello/en/text.txt~",
            "news.hello/en/text.txt~:1: stray: only subject.txt, text.txt, html.html belong here",
        ),
        (
            "news.hello/en/images/logo.png",
            "news.hello/en/images:1: stray: only subject.txt, text.txt, html.html belong here",
        ),
        (
            "news.hello/images/logo.png",
            "news.hello/images:1: 'images' is no locale, such as en or de-AT",
        ),
        (
            "news.hello/de_AT/text.txt",
            "news.hello/de_AT:1: 'de_AT' is no locale, such as en or de-AT",
        ),
        ("News/en/text.txt", "News:1: 'News' is no template id: a-z 0-9 . _ - only"),
        (".git/config", ".git:1: '.git' is no template id: a-z 0-9 . _ - only"),
        ("a b/x", "a b:1: 'a b' is no template id: a-z 0-9 . _ - only"),
    ],
)
def test_stray_entry(shelf, name, problem):
    shelf.write(name, "x")

    assert shelf.problems() == [problem]


@pytest.mark.parametrize("part", ["subject.txt", "text.txt"])
def test_missing_part(shelf, part):
    shelf.remove(f"news.hello/en/{part}")

    assert shelf.problems() == [f"news.hello/en/{part}:1: is missing"]


def test_missing_manifest(shelf):
    shelf.remove("news.hello/template.json")

    assert shelf.problems() == ["news.hello/template.json:1: is missing"]


def test_html_may_be_absent_in_all_locales(shelf):
    shelf.remove("news.hello/en/html.html", "news.hello/de/html.html")

    assert not shelf.load().find("news.hello", "en").has_html


def test_html_in_one_locale_only(shelf):
    shelf.remove("news.hello/de/html.html")

    assert shelf.problems() == ["news.hello/de:1: html.html is missing, and en has one"]


def test_default_locale_is_missing(shelf):
    expected = ["news.hello:1: the default locale fr is missing (found: de, en)"]

    assert shelf.problems(default_locale="fr") == expected


def test_template_with_no_locale(shelf):
    shelf.write("empty.one/template.json", '{"variables": {}, "examples": [{}]}')

    assert shelf.problems() == ["empty.one:1: the default locale en is missing (found: none)"]


def test_locale_folder_in_another_case_is_the_same(shelf):
    shelf.write("news.hello/de-at/subject.txt", "Servus {{ name }}")
    shelf.write("news.hello/de-at/text.txt", "Servus {{ name }}")
    shelf.write("news.hello/de-at/html.html", "Servus {{ name }}")

    assert shelf.load().locales("news.hello") == ("de", "de-AT", "en")

    shutil.copytree(shelf.root / "news.hello/de-at", shelf.root / "news.hello/de-AT")

    assert shelf.problems() == ["news.hello/de-at:1: the locale de-AT has two folders"]


def test_folder_that_is_not_there(tmp_path):
    missing = tmp_path / "nowhere"

    with pytest.raises(CatalogError) as caught:
        load_catalog(directory=missing, default_locale="en")

    assert str(caught.value) == f"{missing}:1: there is no such folder"


def test_folder_that_is_a_file(tmp_path):
    path = tmp_path / "templates"
    path.write_text("")

    with pytest.raises(CatalogError, match="there is no such folder"):
        load_catalog(directory=path, default_locale="en")


def test_folder_that_is_empty(tmp_path):
    with pytest.raises(CatalogError) as caught:
        load_catalog(directory=tmp_path, default_locale="en")

    assert str(caught.value) == f"{tmp_path}:1: there is no template in this folder"


def test_bytes_that_are_not_utf8(shelf):
    shelf.write("news.hello/en/text.txt", b"Hello {{ name }}\nna\xefve\n")

    assert shelf.problems() == ["news.hello/en/text.txt:2: is not UTF-8: byte 0xef"]


def test_byte_order_mark(shelf):
    shelf.write("news.hello/en/subject.txt", b"\xef\xbb\xbfHello {{ name }}")

    assert shelf.problems() == ["news.hello/en/subject.txt:1: begins with a byte order mark"]


def test_file_too_large(shelf):
    shelf.write("news.hello/en/text.txt", b"a" * (1024 * 1024 + 1))

    assert shelf.problems() == ["news.hello/en/text.txt:1: is larger than 1,048,576 bytes"]


def test_folder_in_the_place_of_a_file(shelf):
    shelf.remove("news.hello/en/text.txt")
    (shelf.root / "news.hello/en/text.txt").mkdir()

    assert shelf.problems() == ["news.hello/en/text.txt:1: is not a file"]


def test_pipe_in_the_place_of_a_file_is_not_waited_for(shelf):
    shelf.remove("news.hello/en/text.txt")
    os.mkfifo(shelf.root / "news.hello/en/text.txt")

    assert shelf.problems() == ["news.hello/en/text.txt:1: is not a file"]


def deny(path):
    raise PermissionError(13, "Permission denied", str(path))


# Denied by hand: where root runs the tests, no permission keeps it from reading.
def test_file_that_may_not_be_read(shelf, monkeypatch):
    monkeypatch.setattr("pathlib.Path.read_bytes", deny)

    assert "news.hello/en/text.txt:1: cannot be read: Permission denied" in shelf.problems()


def test_folder_that_may_not_be_read(shelf, monkeypatch):
    monkeypatch.setattr("pathlib.Path.iterdir", deny)

    assert shelf.problems() == [":1: cannot be read: Permission denied"]


@pytest.mark.parametrize("place", ["news.hello/en/html.html", "news.hello/fr", "other"])
def test_link_out_of_the_catalog(shelf, tmp_path, place):
    outside = tmp_path / "outside"
    outside.mkdir()
    path = shelf.root / place
    path.unlink(missing_ok=True)
    path.symlink_to(outside)

    assert shelf.problems() == [f"{place}:1: a link that leads out of the catalog"]


@pytest.mark.parametrize("place", ["news.hello/en/html.html", "news.hello/fr", "other"])
def test_link_that_leads_nowhere(shelf, place):
    path = shelf.root / place
    path.unlink(missing_ok=True)
    path.symlink_to("nothing-here")

    assert f"{place}:1: a link that leads nowhere" in shelf.problems()


def test_ring_of_links(shelf):
    (shelf.root / "one").symlink_to("two")
    (shelf.root / "two").symlink_to("one")

    assert shelf.problems() == [
        "one:1: a link that leads nowhere",
        "two:1: a link that leads nowhere",
    ]


def test_link_inside_the_catalog_is_followed(shelf):
    (shelf.root / "news.hello/de-CH").symlink_to("de")

    assert shelf.load().find("news.hello", "de-CH").locale_used == "de-CH"


def test_catalog_behind_a_link(shelf, tmp_path):
    link = tmp_path / "current"
    link.symlink_to(shelf.root)

    catalog = load_catalog(directory=link, default_locale="en")

    assert catalog.digest == shelf.load().digest


def test_a_name_cannot_break_a_line(shelf):
    shelf.write("bad\n\x1b[31mname", "x")

    problems = shelf.problems()

    assert problems == [r"bad\n\x1b[31mname:1: stray: only a template's folder belongs here"]


def test_name_that_is_not_utf8(shelf):
    (shelf.root / os.fsdecode(b"bad\xff")).write_text("x")

    assert shelf.problems() == [r"bad\udcff:1: stray: only a template's folder belongs here"]


def test_everything_wrong_is_told_at_once(shelf):
    shelf.write("stray", "x")
    shelf.write("news.hello/template.json", "{")
    shelf.write("news.hello/en/text.txt", "{% if %}")
    shelf.remove("news.hello/de/subject.txt")

    problems = shelf.problems(default_locale="fr")

    assert [problem.partition(": ")[0] for problem in problems] == [
        "news.hello:1",
        "news.hello/de/subject.txt:1",
        "news.hello/en/text.txt:1",
        "news.hello/template.json:1",
        "stray:1",
    ]


class TestDigest:
    def test_is_a_sha256_in_hex(self, shelf):
        digest = shelf.load().digest

        assert len(digest) == 64
        assert int(digest, 16)

    def test_is_the_same_elsewhere(self, shelf, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(shelf.root, copy)

        assert load_catalog(directory=copy, default_locale="de").digest == shelf.load().digest

    @pytest.mark.parametrize("name", ["news.hello/template.json", "news.hello/de/html.html"])
    def test_changes_with_any_byte(self, shelf, name):
        before = shelf.load().digest
        path = shelf.root / name
        path.write_bytes(path.read_bytes() + b"\n")

        assert shelf.load().digest != before

    def test_changes_with_a_path(self, shelf):
        before = shelf.load().digest
        (shelf.root / "news.hello").rename(shelf.root / "news.hullo")

        assert shelf.load().digest != before
