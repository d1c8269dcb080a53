"""A browser without a screen: one session's cookies, no redirect followed by itself."""

import http.client
import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

ADMIN = "ada"
PASSWORD = secrets.token_hex(16)
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    @property
    def set_cookies(self) -> dict[str, str]:
        """Each cookie that is set: its name, and the whole line."""
        lines = [v for n, v in self.headers if n.lower() == "set-cookie"]
        return {line.partition("=")[0]: line for line in lines}


class Client:
    def __init__(self, port: int) -> None:
        self._port = port
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, *, body: dict | None = None, **headers) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers}
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(
            method, path, body=urlencode(body, doseq=True) if body else None, headers=sent
        )
        with connection.getresponse() as response:
            answer = Answer(
                response.status, response.getheaders(), response.read().decode("utf-8", "replace")
            )
        connection.close()
        for name, line in answer.set_cookies.items():
            self.cookies[name] = line.partition("=")[2].partition(";")[0]
        return answer

    def get(self, path: str, **headers) -> Answer:
        return self.request("GET", path, **headers)

    def post(self, path: str, body: dict | None = None) -> Answer:
        """With a CSRF token, as a form of these pages would send it."""
        page = self.get("/admin/login/").text if "mail_admin_csrf" not in self.cookies else ""
        token = _TOKEN.search(page)
        given = token.group(1) if token else self.cookies["mail_admin_csrf"]
        return self.request("POST", path, body={"csrfmiddlewaretoken": given, **(body or {})})

    def log_in(self, username: str, password: str, *, then: str = "/admin/") -> Answer:
        form = {"username": username, "password": password, "next": then}
        return self.post("/admin/login/", form)
