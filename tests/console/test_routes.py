"""Where the admin is, where it is not, and how its pages are locked down."""

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.test import Client
from django.urls import Resolver404, resolve

from deliveries.conf import load
from deliveries.console.settings import console_settings

LOCKED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class TestDisabled:
    """The tests' own settings have it disabled."""

    def test_no_app_no_middleware_no_template_engine(self):
        apps = {app for app in settings.INSTALLED_APPS if app.startswith("django.contrib")}
        assert apps == set()
        assert "deliveries.console" not in settings.INSTALLED_APPS
        assert not any("console" in name for name in settings.MIDDLEWARE)
        assert not settings.TEMPLATES

    @pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/login/", "/admin/deliveries/"])
    def test_no_route(self, path):
        with pytest.raises(Resolver404):
            resolve(path)
        assert Client().get(path).status_code == 404

    def test_no_command_that_makes_users(self):
        assert not {"createsuperuser", "changepassword"} & set(get_commands())


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
class TestEnabled:
    @pytest.mark.parametrize(
        "path", ["/admin/login/", "/admin/", "/admin/nowhere", "/admin/assets/x"]
    )
    def test_every_answer_is_locked_down(self, empty, running, path):
        answer = running.client().get(path)
        assert {name: answer.header(name) for name in LOCKED} == LOCKED
        assert "no-store" in answer.header("Cache-Control")

    def test_the_prefix_without_its_slash_leads_there(self, empty, running):
        answer = running.client().get("/admin")
        assert (answer.status, answer.header("Location")) == (302, "/admin/")

    def test_the_stylesheet_may_be_kept_for_ever_and_sets_no_cookie(self, empty, running):
        client = running.client()
        page = client.get("/admin/login/").text
        path = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        answer = running.client().get(path)
        assert answer.status == 200
        assert "immutable" in answer.header("Cache-Control")
        assert answer.set_cookies == {}

    @pytest.mark.parametrize("name", ["../site.py", "..%2Fsite.py", "console.css", "console.0.css"])
    def test_nothing_but_the_assets_is_served(self, empty, running, name):
        assert running.client().get(f"/admin/assets/{name}").status in {302, 404}

    @pytest.mark.parametrize("path", ["/", "/api/v1/internal/deliveries/x", "/administration"])
    def test_other_routes_get_no_session_and_no_cookie(self, empty, running, path):
        client = running.admin()
        answer = client.get(path)
        assert answer.set_cookies == {}
        assert "Cookie" not in (answer.header("Vary") or "")
        assert answer.header("Content-Security-Policy") != LOCKED["Content-Security-Policy"]

    def test_a_host_that_is_not_ours_is_refused(self, empty, running):
        assert running.client().get("/admin/login/", Host="evil.example").status == 400

    def test_a_page_that_is_not_there_says_so(self, empty, running):
        answer = running.admin().get("/admin/nowhere/")
        assert answer.status == 404
        assert "There is no such page." in answer.text


@pytest.mark.parametrize(("address", "secure"), [("127.0.0.1:8080", False), ("0.0.0.0:80", True)])
def test_cookies_are_for_tls_unless_the_listener_is_on_loopback(servers, address, secure):
    environment = {
        **servers.environment,
        "MAIL_INTERNAL_HTTP_ADDR": address,
        "MAIL_INTERNAL_HTTP_TRUSTED": "true",
    }
    found = console_settings(load(environment))
    assert found["SESSION_COOKIE_SECURE"] is secure
    assert found["CSRF_COOKIE_SECURE"] is secure
