"""The catcher as a relay: STARTTLS or nothing, a verifiable certificate, mail kept as it came."""

import base64
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mailproject.embedded.certificates import Certificates, make_certificates
from mailproject.embedded.mailbox import MailFolder
from mailproject.embedded.stack import start_catcher

LOGIN = ("someone", "a secret")
MAIL = b"From: a@example.com\r\nSubject: hello\r\nMessage-ID: <1@x>\r\n\r\n..dots\r\n.\r\nend\r\n"
pytestmark = pytest.mark.process


@dataclass
class Running:
    port: int
    certificates: Certificates
    folder: MailFolder

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificates.authority))

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, timeout=30)


def catcher(run_folder, login) -> Iterator[Running]:
    certificates = make_certificates(run_folder.subfolder("tls"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        child = start_catcher(
            folder=run_folder,
            mail=run_folder.subfolder("mail"),
            certificates=certificates,
            listener=listener,
            login=login,
        )
    yield Running(port, certificates, MailFolder(run_folder.path / "mail"))
    assert child.stop(seconds=30) == 0, child.tail()


@pytest.fixture
def open_catcher(run_folder) -> Iterator[Running]:
    yield from catcher(run_folder, None)


@pytest.fixture
def login_catcher(run_folder) -> Iterator[Running]:
    yield from catcher(run_folder, LOGIN)


def test_nothing_is_taken_in_clear(open_catcher):
    refused = pytest.raises(smtplib.SMTPSenderRefused, match="STARTTLS")
    with open_catcher.client() as client, refused:
        client.sendmail("a@example.com", ["b@example.com"], MAIL)
    assert open_catcher.folder.mails() == []


def test_its_certificate_is_the_throw_away_authoritys(open_catcher):
    with open_catcher.client() as client, pytest.raises(ssl.SSLCertVerificationError):
        client.starttls(context=ssl.create_default_context())


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "example.com"])
def test_its_certificate_is_for_its_own_names_only(open_catcher, name):
    with socket.create_connection(("127.0.0.1", open_catcher.port), timeout=30) as plain:
        plain.recv(1000)
        plain.sendall(b"STARTTLS\r\n")
        assert plain.recv(1000).startswith(b"220")
        if name == "example.com":
            with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
                open_catcher.context().wrap_socket(plain, server_hostname=name)
        else:
            open_catcher.context().wrap_socket(plain, server_hostname=name).close()


def test_a_mail_is_kept_as_it_came_with_its_envelope(open_catcher):
    with open_catcher.client() as client:
        client.starttls(context=open_catcher.context())
        client.sendmail("a@example.com", ["b@example.com", "c@example.com"], MAIL)
    (mail,) = open_catcher.folder.mails()
    assert mail.file == "0001-b@example.com-hello.eml"
    assert mail.recipients == ("b@example.com", "c@example.com")
    assert mail.sender == "a@example.com"
    assert mail.tls.startswith("TLS")
    assert mail.login is None
    assert (open_catcher.folder.path / mail.file).read_bytes() == MAIL


def test_a_login_is_wanted_where_one_is_set(login_catcher):
    with login_catcher.client() as client:
        client.starttls(context=login_catcher.context())
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("a@example.com", ["b@example.com"], MAIL)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(LOGIN[0], "another")
    for mechanism in ("auth_plain", "auth_login"):
        with login_catcher.client() as client:
            client.starttls(context=login_catcher.context())
            client.ehlo()
            client.user, client.password = LOGIN
            name = mechanism.partition("_")[2].upper()
            assert client.auth(name, getattr(client, mechanism))[0] == 235
            client.sendmail("a@example.com", ["b@example.com"], MAIL)
    assert [mail.login for mail in login_catcher.folder.mails()] == [LOGIN[0]] * 2


def test_what_it_offers(open_catcher, login_catcher):
    for running, mechanisms in ((open_catcher, None), (login_catcher, "LOGIN PLAIN")):
        with running.client() as client:
            client.ehlo()
            assert "starttls" in client.esmtp_features
            assert "auth" not in client.esmtp_features
            client.starttls(context=running.context())
            client.ehlo()
            assert {"pipelining", "size", "8bitmime", "smtputf8"} <= set(client.esmtp_features)
            auth = client.esmtp_features.get("auth")
            assert (auth and auth.strip()) == mechanisms


def test_commands_may_come_all_at_once(login_catcher):
    plain = base64.b64encode(b"\0".join([b"", *(part.encode() for part in LOGIN)]))
    with login_catcher.client() as client:
        client.starttls(context=login_catcher.context())
        client.ehlo()
        assert client.docmd("AUTH", f"PLAIN {plain.decode()}")[0] == 235
        client.send(
            b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nRCPT TO:<c@example.com>\r\n"
            b"DATA\r\n"
        )
        assert [client.getreply()[0] for _ in range(4)] == [250, 250, 250, 354]
        client.send(MAIL.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert client.getreply() == (250, b"2.0.0 kept as 0001")
    (mail,) = login_catcher.folder.mails()
    assert (login_catcher.folder.path / mail.file).read_bytes() == MAIL


def test_a_non_ascii_local_part_needs_and_gets_smtputf8(open_catcher):
    with open_catcher.client() as client:
        client.starttls(context=open_catcher.context())
        client.ehlo()
        client.sendmail("a@example.com", ["jürgen@example.com"], MAIL, mail_options=["SMTPUTF8"])
    assert open_catcher.folder.mails()[0].recipients == ("jürgen@example.com",)
