"""Address fields: names in the plainest form that is right, addresses unencoded."""

import re
from email.header import decode_header

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deliveries.attempt.message.addresses import write_addresses
from deliveries.payload import Mailbox

names = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0")
    | st.sampled_from('  \t"\\,;:@()<>=?.abc'),
    min_size=1,
    max_size=120,
)


def written_name(name: str) -> str:
    """The display name as it stands in the field, unfolded."""
    field = write_addresses(name="To", mailboxes=[Mailbox("a@example.com", name)])
    match = re.fullmatch(r"To: (.*) <a@example\.com>", field.replace("\r\n ", " ").rstrip("\r\n"))
    assert match, field
    return match[1]


@pytest.mark.parametrize(
    ("name", "phrase"),
    [
        ("Ann Lee", "Ann Lee"),
        ("O'Neil-Smith", "O'Neil-Smith"),
        ("Lee, Ann", '"Lee, Ann"'),
        ("J. Doe", '"J. Doe"'),
        ("Ann  Lee", '"Ann  Lee"'),
        ('Ann "A" Lee\\', r'"Ann \"A\" Lee\\"'),
        ("evil@example.net> <x", '"evil@example.net> <x"'),
        ("Zoë", "=?utf-8?q?Zo=C3=AB?="),
        ("日本", "=?utf-8?b?5pel5pys?="),
        ("=?utf-8?q?x?=", "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?="),
        ("tab\there", "=?utf-8?q?tab=09here?="),
        ("n" * 62, "n" * 62),
        ("n" * 63, f"=?utf-8?q?{'n' * 60}?= =?utf-8?q?nnn?="),
    ],
)
def test_display_name(name, phrase):
    assert written_name(name) == phrase


@settings(deadline=None)
@given(name=names)
@example(name=" both ends ")
@example(name="日" * 80)
def test_display_name_is_exact(name):
    """By a second reader: `email.policy` loses white space in phrases, `decode_header` does not."""
    phrase = written_name(name)

    if phrase.startswith('"'):
        decoded = re.sub(r"\\(.)", r"\1", phrase[1:-1])
    elif phrase.startswith("=?"):
        ((octets, charset),) = decode_header(phrase)
        decoded = octets.decode(charset)
    else:
        decoded = phrase
    assert decoded == name


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("a.b+c@example.com",) * 2,
        ("user@xn--bcher-kva.example",) * 2,
        ("пошта@example.com",) * 2,
        ('"a b"@example.com',) * 2,
        ("a@[192.0.2.1]",) * 2,
        # the same address to a reader of the grammar, nothing to decode for a careless one
        ("=?utf-8?q?=0ABcc?=@example.com", '"=\\?utf-8?q?=0ABcc?="@example.com'),
        ('"=?"@example.com', '"=\\?"@example.com'),
    ],
)
def test_address_is_not_encoded(address, kept):
    assert write_addresses(name="To", mailboxes=[Mailbox(address)]) == f"To: {kept}\r\n"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a@example.com, b@example.com",
        "a@example.com>",
        "<a@example.com>",
        "a b@example.com",
        "a@b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a\n@example.com",
        "a@example.com\n",
        "a\0@example.com",
        'a"b@example.com',
        '"a\r\n b"@example.com',
        "a@exam=?ple.com",
        "a@" + "d" * 319,
        "é" * 160 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused_without_quoting_it(address):
    with pytest.raises(ValueError, match=r"^Cc holds what is not an address$"):
        write_addresses(name="Cc", mailboxes=[Mailbox("ok@example.com"), Mailbox(address)])


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
def test_break_in_a_name_is_refused_without_quoting_it(character):
    with pytest.raises(ValueError, match=r"^a display name in To holds a line break or NUL$"):
        write_addresses(name="To", mailboxes=[Mailbox("a@example.com", f"Ann{character}Bcc: x")])


def test_long_list_is_folded_between_words():
    mailboxes = [Mailbox(f"user{number}@example.com", "Jörg Größer") for number in range(100)]

    field = write_addresses(name="To", mailboxes=mailboxes)

    assert max(map(len, field.split("\r\n"))) <= 76
    assert field.count("@") == 100
    assert field.count(">,") == 99
