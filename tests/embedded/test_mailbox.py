"""Every mail is kept as it came, under a name that a person can read and a shell cannot trip on."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproject.embedded.mailbox import INDEX, CaughtMail, MailFolder


def keep(folder: MailFolder, content: bytes, recipient: str = "a@example.com") -> CaughtMail:
    return folder.keep(
        content, sender="s@example.com", recipients=(recipient,), tls=None, login=None
    )


@pytest.mark.parametrize(
    ("recipient", "subject", "name"),
    [
        ("ada@example.com", "Your export", "0001-ada@example.com-Your-export.eml"),
        ("ada@example.com", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "0001-ada@example.com-Grüße.eml"),
        ("../../etc/x@y", "a/b\\c: $(d) `e` 'f' \"g\"", "0001-etc-x@y-a-b-c-d-e-f-g.eml"),
        ("a@b", "folded\r\n over lines", "0001-a@b-folded-over-lines.eml"),
        ("a@b", "", "0001-a@b-none.eml"),
        ("a@b", "...", "0001-a@b-none.eml"),
        ("a@b", "=?no-such-charset?q?x?=", "0001-a@b-no-such-charset-q-x.eml"),
        ("a@b", "=?utf-8?b?/w==?=", None),
        ("a@b", "x" * 500, f"0001-a@b-{'x' * 64}.eml"),
    ],
)
def test_the_name_of_a_mail(tmp_path, recipient, subject, name):
    content = f"Subject: {subject}\r\n\r\nhello\r\n".encode()
    mail = keep(MailFolder(tmp_path), content, recipient)
    if name is not None:
        assert mail.file == name
    assert (tmp_path / mail.file).read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([mail.file, INDEX])


def test_the_index_says_what_the_mail_does_not(tmp_path):
    folder = MailFolder(tmp_path)
    mail = folder.keep(
        b"Message-ID: <1@x>\r\nSubject: s\r\n\r\n",
        sender="bounce@example.com",
        recipients=("to@example.com", "bcc@example.com"),
        tls="TLSv1.3",
        login="mailservice",
    )
    assert folder.mails() == [mail]
    assert (mail.message_id, mail.recipients) == ("<1@x>", ("to@example.com", "bcc@example.com"))
    assert (mail.sender, mail.tls, mail.login) == ("bounce@example.com", "TLSv1.3", "mailservice")


def test_numbers_go_on_in_a_folder_that_is_opened_again(tmp_path):
    keep(MailFolder(tmp_path), b"\r\n")
    assert keep(MailFolder(tmp_path), b"\r\n").file.startswith("0002-")
    assert len(MailFolder(tmp_path).mails()) == 2


def test_a_line_still_being_written_is_not_read(tmp_path):
    keep(MailFolder(tmp_path), b"\r\n")
    with (tmp_path / INDEX).open("a") as index:
        index.write('{"file": "0002')
    assert len(MailFolder(tmp_path).mails()) == 1


@given(content=st.binary(max_size=400), recipient=st.text(max_size=80))
def test_no_mail_is_lost_to_its_content(content, recipient):
    with tempfile.TemporaryDirectory() as name:
        folder = MailFolder(Path(name))
        mail = keep(folder, b"Subject: " + content, recipient)
        assert (Path(name) / mail.file).read_bytes() == b"Subject: " + content
        assert len(os.fsencode(mail.file)) <= 255
        assert folder.mails() == [mail]
