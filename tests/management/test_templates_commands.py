"""check_templates and render_template as an operator runs them."""

import io
import json
from dataclasses import replace

import pytest


@pytest.fixture
def variables(tmp_path):
    def write(content):
        path = tmp_path / "variables.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def broken(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "stray").write_text("")
    return folder


class TestCheckTemplates:
    def test_good_catalog(self, manage):
        status, out, err = manage("check_templates")

        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert "auth.login_code: de, en" in lines
        assert lines[-1].startswith("templates: 3, digest: ")

    def test_good_catalog_as_json(self, manage):
        status, out, _ = manage("check_templates", "--json")

        assert status == 0
        told = json.loads(out)
        assert len(told["digest"]) == 64
        assert told["problems"] == []
        [login] = [t for t in told["templates"] if t["template_id"] == "auth.login_code"]
        assert login == {
            "template_id": "auth.login_code",
            "locales": ["de", "en"],
            "required": ["code"],
            "optional": ["expires_at"],
            "html": True,
            "unused": {},
        }

    def test_problems(self, manage, broken):
        status, out, err = manage("check_templates", "--dir", broken)

        assert (status, out) == (78, "")
        assert err == f"{broken}/stray:1: stray: only a template's folder belongs here\n"

    def test_problems_as_json(self, manage, broken):
        status, out, err = manage("check_templates", "--dir", broken, "--json")

        assert (status, err) == (78, "")
        assert json.loads(out)["problems"] == [
            {
                "path": f"{broken}/stray",
                "line": 1,
                "text": "stray: only a template's folder belongs here",
            }
        ]

    def test_unused_variable_is_a_note(self, manage, tmp_path):
        folder = tmp_path / "templates" / "one" / "en"
        folder.mkdir(parents=True)
        (folder / "subject.txt").write_text("s")
        (folder / "text.txt").write_text("t")
        manifest = {"variables": {"optional": ["spare"]}, "examples": [{}]}
        (folder.parent / "template.json").write_text(json.dumps(manifest))

        status, out, _ = manage("check_templates", "--dir", folder.parent.parent)

        assert status == 0
        assert out.splitlines()[:2] == [
            "one: en",
            "  note: 'spare' is declared, and en does not use it",
        ]


class TestRenderTemplate:
    def test_whole_mail(self, manage, variables):
        path = variables({"code": "492817"})
        status, out, err = manage(
            "render_template", "auth.login_code", "de-AT", "--variables", path
        )

        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[:2] == ["Template: auth.login_code, locale de", "Subject: Ihr Anmeldecode"]
        assert "492817" in lines
        assert lines[-1] == "</html>"

    @pytest.mark.parametrize(
        ("part", "begin"),
        [
            ("subject", "Your sign-in code\n"),
            ("text", "Your sign-in code:\n\n492817\n"),
            ("html", "<!DOCTYPE html>\n"),
        ],
    )
    def test_one_part(self, manage, variables, part, begin):
        path = variables({"code": "492817"})
        status, out, _ = manage(
            "render_template", "auth.login_code", "en", "--variables", path, "--part", part
        )

        assert status == 0
        assert out.startswith(begin)

    def test_json(self, manage, variables):
        path = variables({"code": "492817"})
        status, out, _ = manage(
            "render_template", "auth.login_code", "fr", "--variables", path, "--json"
        )

        assert status == 0
        told = json.loads(out)
        assert told["template_id"] == "auth.login_code"
        assert told["locale_used"] == "en"
        assert told["subject"] == "Your sign-in code"
        assert "492817" in told["text_body"]
        assert "492817" in told["html_body"]

    def test_standard_input(self, manage, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO('{"code": "7"}'))
        status, out, _ = manage("render_template", "auth.login_code", "en", "--variables", "-")

        assert status == 0
        assert "\n7\n" in out

    @pytest.mark.parametrize(
        ("template_id", "content", "said"),
        [
            ("no.such", {}, "there is no template 'no.such'; there are account.security_alert"),
            ("auth.login_code", {}, "locale en: required variables are missing: code"),
            (
                "auth.login_code",
                {"code": ["s3cret"]},
                "locale en: text.txt:3: it prints a list where text is wanted",
            ),
        ],
    )
    def test_what_does_not_render(self, manage, variables, template_id, content, said):
        path = variables(content)
        status, out, err = manage("render_template", template_id, "en", "--variables", path)

        assert (status, out) == (1, "")
        assert said in err
        assert "s3cret" not in err

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", ":1: is not JSON: Expecting value"),
            ('{\n"code" 1}', ":2: is not JSON: Expecting ':' delimiter"),
            ("[1]", ": is not a JSON object"),
            ("[" * 100_000, ": is not JSON in UTF-8 that can be read"),
        ],
    )
    def test_variables_that_cannot_be_read(self, manage, variables, content, said):
        path = variables(content)
        status, out, err = manage("render_template", "auth.login_code", "en", "--variables", path)

        assert (status, out) == (2, "")
        assert f"{path}{said}" in err

    def test_variables_that_are_not_there(self, manage, tmp_path):
        path = tmp_path / "nothing.json"
        status, _, err = manage("render_template", "auth.login_code", "en", "--variables", path)

        assert status == 2
        assert f"{path}: cannot be read: No such file or directory" in err

    def test_catalog_with_problems(self, manage, variables, broken, settings):
        settings.MAIL = replace(settings.MAIL, template_dir=broken)
        path = variables({"code": "1"})
        status, _, err = manage("render_template", "auth.login_code", "en", "--variables", path)

        assert status == 78
        assert "stray:1: stray" in err

    def test_part_that_is_not_there(self, manage, variables, tmp_path, settings):
        folder = tmp_path / "plain" / "one" / "en"
        folder.mkdir(parents=True)
        (folder / "subject.txt").write_text("s")
        (folder / "text.txt").write_text("t")
        (folder.parent / "template.json").write_text('{"variables": {}, "examples": [{}]}')
        settings.MAIL = replace(settings.MAIL, template_dir=tmp_path / "plain")
        path = variables({})
        status, _, err = manage(
            "render_template", "one", "en", "--variables", path, "--part", "html"
        )

        assert status == 1
        assert "one has no html.html" in err
