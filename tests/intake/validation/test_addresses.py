"""Which addresses are taken, in which form, and that reading them stays cheap."""

import re
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliveries.intake import addresses
from deliveries.intake.addresses import parse_mailboxes
from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.payload import Mailbox

NEVER = re.compile(r"(?!)")


def read(item, group="to"):
    return parse_mailboxes({"to": ["ada@example.org"], group: [item]})[group][0]


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada.Lovelace+x@Example.ORG", "Ada.Lovelace+x@example.org"),
        ("o'brien!#$%&*/=?^_`{|}~-@example.org", "o'brien!#$%&*/=?^_`{|}~-@example.org"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
        ("ada@" + "x" * 63 + ".org", "ada@" + "x" * 63 + ".org"),
        # IDNA 2008, not 2003: the sharp s stays itself
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@xn--strae-oqa.example", "ada@xn--strae-oqa.example"),
        # composed: one spelling of one mailbox
        ("u\u0308mit@example.org", "ümit@example.org"),
        # inside a network
        ("root@localhost", "root@localhost"),
        ("ada@mail", "ada@mail"),
        ("ada@corp.local", "ada@corp.local"),
        ("Ada@Corp.Local", "Ada@corp.local"),
        ("ada@corp.internal", "ada@corp.internal"),
        ("ada@bücher.test", "ada@xn--bcher-kva.test"),
        ("ümit@test", "ümit@test"),
    ],
)
def test_accepted(given_, stored):
    assert read(given_) == Mailbox(stored)
    assert read({"email": given_}, "reply_to") == Mailbox(stored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.org",
        "ada@@example.org",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "ada @example.org",
        " ada@example.org",
        "ada@example.org ",
        "ada@example.org\n",
        "ada@exam\tple.org",
        "ada\x00@example.org",
        "ada\u2028@example.org",
        "ada\ud800@example.org",
        "ada\u202e@example.org",
        "ada@example.org, eve@example.org",
        "Ada <ada@example.org>",
        "<ada@example.org>",
        "ada(comment)@example.org",
        '"ada"@example.org',
        '"a da"@example.org',
        "ada@[192.0.2.1]",
        "ada@[IPv6:2001:db8::1]",
        "ada@192.0.2.1",
        "ada@example.123",
        "ada@example_.org",
        "ada@-example.org",
        "ada@example-.org",
        "ada@.example.org",
        "ada@example..org",
        "ada@example.org.",
        "ada@ab--cd.org",
        "ada@example.ab--cd",
        "ada@xn--zzzzzzzz.org",
        "ada@xn--.org",
        "ada@ex\u00a0ample.org",
        "ada@\u2603\u200d.org",
        "ada@" + "x" * 64 + ".org",
        "ada@" + "ü" * 60 + ".org",
        "x" * 65 + "@example.org",
        "ada@" + "x." * 126 + "org",
        "ada\uff20example.org",
        "ada@nowhere.invalid",
        "ada@1.0.0.127.in-addr.arpa",
        "ada@hidden.onion",
    ],
)
def test_refused_whatever_the_group(text):
    for group in addresses.GROUPS:
        with pytest.raises(Rejection) as caught:
            read(text, group)
        assert caught.value.code == "invalid_recipient"
        assert caught.value.message.startswith(f"{group}[0]")


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("Ada", "Ada"),
        ("", ""),
        (" Ada ", "Ada"),
        ('Ada "the first" <x@y>', 'Ada "the first" <x@y>'),
        ("愛 =?utf-8?q?=0ABcc:?=", "愛 =?utf-8?q?=0ABcc:?="),
        ("n" * 255, "n" * 255),
    ],
)
def test_display_names(name, stored):
    assert read({"email": "ada@example.org", "name": name}) == Mailbox("ada@example.org", stored)


@pytest.mark.parametrize(
    "name", [None, 7, ["Ada"], "n" * 256, "a\rb", "a\x85b", "a\x7fb", "a\u2029b", "\udc00", "\x00"]
)
def test_refused_names(name):
    with pytest.raises(Rejection, match=r"to\[0\]\.name") as caught:
        read({"email": "ada@example.org", "name": name})
    assert caught.value.code == "invalid_recipient"


@pytest.mark.parametrize("item", [None, 7, True, [], {}, {"Email": "a@b.org"}, {"email": None}])
def test_what_is_no_mailbox(item):
    with pytest.raises(Rejection) as caught:
        read(item)
    assert caught.value.code == "invalid_recipient"


def test_a_hundred_recipients_in_all():
    most = {"to": ["a@example.org"] * 40, "cc": ["b@example.org"] * 30, "bcc": ["c@c.org"] * 30}
    assert [len(group) for group in parse_mailboxes(most).values()] == [40, 30, 30, 0]
    # where answers go is no recipient
    parse_mailboxes({**most, "reply_to": ["d@example.org"] * 100})
    for group in addresses.GROUPS:
        with pytest.raises(Rejection, match="at most 100"):
            parse_mailboxes({**most, group: ["e@example.org"] * 101})


@pytest.mark.parametrize(
    "members",
    [
        {"to": ["ADA@example.org"] * 101},
        {"to": ["a@example.org"], "reply_to": ["ADA@example.org"] * 101},
        {"to": ["A" * 1_000_000 + "@example.org"]},
        {"to": ["A" * 1_000_000]},
    ],
)
def test_what_is_too_much_is_refused_before_it_is_read(members):
    with mock.patch.object(addresses, "validate_email") as library, pytest.raises(Rejection):
        parse_mailboxes(members)
    assert library.call_count == 0


def outcome(text):
    try:
        return read(text).address
    except Rejection as rejection:
        return rejection.code


pieces = st.sampled_from(["a", "b7", ".", "-", "_", "+", "'", "--", "xn--", "A", "ü"])
tops = st.sampled_from(
    [
        *("org", "arpa", "invalid", "onion", "aonion", "invalid.org", "test", "local"),
        *("localhost", "x", "7", "7a", "a7", "a-", "a--b", "ab--c"),
    ]
)
locals_ = st.lists(pieces, min_size=1, max_size=5).map("".join) | st.sampled_from(
    ["info", "postmaster", "x" * 64, "x" * 65, ".", ""]
)
domains = st.lists(
    st.lists(pieces, max_size=4).map("".join) | st.sampled_from(["x" * 63, "x" * 64, "ab--c"]),
    max_size=4,
)


@settings(deadline=None, max_examples=1000)
@given(locals_, domains, tops)
def test_the_short_way_says_what_the_library_says(local, labels, top):
    text = f"{local}@{'.'.join([*labels, top])}"
    quick = outcome(text)
    with mock.patch.object(addresses, "_PLAIN", NEVER):
        assert outcome(text) == quick


def test_most_addresses_go_the_short_way():
    with mock.patch.object(addresses, "validate_email") as library:
        for text in ("ada@example.org", "ada.l+shop@mail-7.example.co.uk", "x_y@localhost"):
            assert read(text).address == text
    assert library.call_count == 0


@settings(deadline=None)
@given(st.text(max_size=40) | st.emails())
def test_any_text_is_refused_or_read_as_an_address_that_stays_itself(text):
    for given_ in (text, f"{text}@example.org", f"ada@{text}"):
        found = outcome(given_)
        assert found == RejectionCode.INVALID_RECIPIENT or outcome(found) == found
