"""Cases of the relay that are more than one fault at one stage."""

from typing import Any

from deliveries.conf import TlsMode
from deliveries.states import FailureCode, Phase
from tests.attempt.smtp.cases import (
    ACCEPTED,
    LOGIN,
    WAITING,
    Case,
    Outcome,
    failed,
    rejected,
    rounds,
    suppressed,
    timed_out,
)
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import (
    Acts,
    ByRecipient,
    Drop,
    Pause,
    Send,
    Stage,
    Stall,
    StartTls,
    by_visit,
)

F = FailureCode
MARKED = "550 5.7.1 on our Suppression list"
GONE = "550 5.1.1 no such user"
LATER = "450 4.2.0 later"
STARTTLS: dict[str, Any] = {"tls": TlsMode.STARTTLS}
IMPLICIT: dict[str, Any] = {"tls": TlsMode.TLS}
OFFERING = [*KEYWORDS, "STARTTLS"]
WAITING_FOR_SOME = Outcome(ACCEPTED.status, Phase.FINAL, 250, False, None, WAITING)


def tls_case(*outcomes: Outcome, **changes: Any) -> Case:
    relay = {"keywords": OFFERING, **changes.pop("relay", {})}
    client = {**STARTTLS, **changes.pop("client", {})}
    return Case(outcomes, relay=relay, client=client, **changes)


def recipients(outcome: Outcome, first: Acts, second: Acts, *, taken: int) -> Case:
    """What a@x.org and b@x.org are told."""
    plays = ByRecipient({"a@x.org": first, "b@x.org": second})
    return Case((outcome,), {Stage.RCPT: plays}, taken=taken)


def reply(outcome: Outcome, stage: Stage, acts: Acts) -> Case:
    return Case((outcome,), {stage: acts}, taken=int(stage is Stage.FINAL))


TLS: dict[str, Case] = {
    "STARTTLS not offered": Case(
        (failed(Phase.STARTTLS, F.STARTTLS_UNAVAILABLE),), client=STARTTLS, taken=0
    ),
    "bytes after the 220 of STARTTLS": tls_case(
        failed(Phase.STARTTLS, F.TLS_FAILED),
        script={Stage.STARTTLS: [Send(b"220 go\r\n250 fine\r\n"), StartTls()]},
        taken=0,
    ),
    "no handshake after the 220": tls_case(
        timed_out(Phase.STARTTLS), script={Stage.STARTTLS: ["220 go", Stall()]}, taken=0
    ),
    "closed after the 220": tls_case(
        failed(Phase.STARTTLS, F.TLS_FAILED),
        script={Stage.STARTTLS: ["220 go", Drop()]},
        taken=0,
    ),
    "garbage in place of the handshake": tls_case(
        failed(Phase.STARTTLS, F.TLS_FAILED),
        script={Stage.STARTTLS: ["220 go", Send(b"garbage\r\n" * 9), Stall()]},
        taken=0,
    ),
    "a certificate that nobody signed": tls_case(
        failed(Phase.STARTTLS, F.TLS_FAILED), client={"trusts": False}, taken=0
    ),
    "an expired certificate": tls_case(
        failed(Phase.STARTTLS, F.TLS_FAILED), certificate=("127.0.0.1", -1), taken=0
    ),
    "a certificate of another name": tls_case(
        failed(Phase.STARTTLS, F.TLS_FAILED), certificate=("127.0.0.2", 1), taken=0
    ),
    "TLS at once": Case((ACCEPTED,), relay={"implicit_tls": True}, client=IMPLICIT, taken=1),
    "no TLS where it should be at once": Case(
        (failed(Phase.CONNECT, F.TLS_FAILED),), client=IMPLICIT, taken=0
    ),
    "TLS at once, a certificate that nobody signed": Case(
        (failed(Phase.CONNECT, F.TLS_FAILED),),
        relay={"implicit_tls": True},
        client={**IMPLICIT, "trusts": False},
        taken=0,
    ),
    "SIZE smaller under TLS": tls_case(
        rejected(Phase.MAIL, None, F.MESSAGE_TOO_LARGE),
        relay={"keywords": [*OFFERING, "SIZE 50000000"], "keywords_tls": ["SIZE 5"]},
        taken=0,
    ),
    "SMTPUTF8 gone under TLS": tls_case(
        rejected(Phase.MAIL, None, F.SMTPUTF8_UNAVAILABLE),
        relay={"keywords_tls": ["PIPELINING"]},
        claim={"to": ("gr\u00fc\u00df@x.org",)},
        taken=0,
    ),
    "AUTH offered before TLS only": tls_case(
        failed(Phase.AUTH, F.AUTH_FAILED),
        relay={"keywords": [*OFFERING, "AUTH PLAIN"], "keywords_tls": KEYWORDS},
        client=LOGIN,
        taken=0,
    ),
    "AUTH offered under TLS only": tls_case(
        ACCEPTED, relay={"keywords_tls": [*KEYWORDS, "AUTH PLAIN"]}, client=LOGIN, taken=1
    ),
    "EHLO unknown under TLS": tls_case(
        failed(Phase.EHLO, F.EHLO_REFUSED, 502),
        script={Stage.EHLO_TLS: "502 5.5.1 what"},
        taken=0,
    ),
}

SESSIONS: dict[str, Case] = {
    "EHLO unknown": Case((ACCEPTED,), {Stage.EHLO: "502 5.5.1 what"}, taken=1),
    "EHLO unknown and a login needed": Case(
        (failed(Phase.EHLO, F.EHLO_REFUSED, 502),),
        {Stage.EHLO: "502 5.5.1 what"},
        client=LOGIN,
        taken=0,
    ),
    "AUTH not offered": Case((failed(Phase.AUTH, F.AUTH_FAILED),), client=LOGIN, taken=0),
    "no mechanism of ours": Case(
        (failed(Phase.AUTH, F.AUTH_FAILED),),
        relay={"keywords": ["AUTH CRAM-MD5 GSSAPI"]},
        client=LOGIN,
        taken=0,
    ),
    "334 after AUTH PLAIN": Case(
        (failed(Phase.AUTH, F.PROTOCOL_ERROR, 334),),
        {Stage.AUTH: "334 go on"},
        relay={"keywords": ["AUTH PLAIN"]},
        client=LOGIN,
        taken=0,
    ),
    "334 without end": Case(
        (failed(Phase.AUTH, F.PROTOCOL_ERROR, 334),),
        {Stage.CREDENTIALS: "334 go on"},
        relay={"keywords": ["AUTH LOGIN"]},
        client=LOGIN,
        taken=0,
    ),
    "a marker in a refusal of the login": Case(
        (failed(Phase.AUTH, F.AUTH_FAILED, 535),),
        {Stage.AUTH: "535 5.7.8 suppressed"},
        relay={"keywords": ["AUTH PLAIN"]},
        client=LOGIN,
        taken=0,
    ),
    "SIZE too small": Case(
        (rejected(Phase.MAIL, None, F.MESSAGE_TOO_LARGE),), relay={"keywords": ["SIZE 5"]}, taken=0
    ),
    "no SMTPUTF8": Case(
        (rejected(Phase.MAIL, None, F.SMTPUTF8_UNAVAILABLE),),
        relay={"keywords": ["PIPELINING"]},
        claim={"to": ("gr\u00fc\u00df@x.org",)},
        taken=0,
    ),
    "a reply too many to the greeting": reply(
        failed(Phase.EHLO, F.PROTOCOL_ERROR), Stage.GREETING, Send(b"220 ok\r\n250 ok\r\n")
    ),
    "a reply too many to EHLO": reply(
        failed(Phase.MAIL, F.PROTOCOL_ERROR), Stage.EHLO, Send(b"250 ok\r\n250 ok\r\n")
    ),
    "a good-bye behind the reply to EHLO": reply(
        failed(Phase.MAIL, F.SENDER_REFUSED, 421), Stage.EHLO, Send(b"250 ok\r\n421 bye\r\n")
    ),
}

TRANSACTIONS: dict[str, Case] = {
    "all recipients taken": recipients(ACCEPTED, "250 ok", "250 ok", taken=1),
    "one refused for now": recipients(WAITING_FOR_SOME, "250 ok", LATER, taken=1),
    "one refused for good": recipients(ACCEPTED, GONE, "250 ok", taken=1),
    "one suppressed": recipients(ACCEPTED, "250 ok", MARKED, taken=1),
    "all refused, one for now": recipients(
        failed(Phase.RCPT, F.TEMPORARY_REPLY, 450), LATER, GONE, taken=0
    ),
    "all refused for good": recipients(rejected(Phase.RCPT, 550), GONE, GONE, taken=0),
    "all refused, one suppressed": recipients(rejected(Phase.RCPT, 550), GONE, MARKED, taken=0),
    "all suppressed": recipients(suppressed(Phase.RCPT, 550), MARKED, MARKED, taken=0),
    "one taken, then a good-bye": recipients(
        failed(Phase.RCPT, F.TEMPORARY_REPLY, 421), "250 ok", ["421 4.3.2 bye", Drop()], taken=0
    ),
    "one refused for good, then lost": recipients(
        failed(Phase.RCPT, F.CONNECTION_LOST), GONE, Drop(), taken=0
    ),
    "552 without an enhanced code": reply(
        failed(Phase.RCPT, F.TEMPORARY_REPLY, 552), Stage.RCPT, "552 mailbox full"
    ),
    "552 with one": reply(rejected(Phase.RCPT, 552), Stage.RCPT, "552 5.2.2 mailbox full"),
    "too many recipients": Case((ACCEPTED,), relay={"most_recipients": 1}, taken=2),
    "too many recipients, then refused": Case(
        (ACCEPTED,), {Stage.RCPT: by_visit("250 ok", GONE)}, relay={"most_recipients": 1}, taken=1
    ),
    "354 after all were refused": Case(
        (rejected(Phase.RCPT, 550),), {Stage.RCPT: GONE, Stage.DATA: "354 go"}, taken=0
    ),
    "closed after all were refused": Case(
        (rejected(Phase.RCPT, 550),), {Stage.RCPT: GONE, Stage.DATA: Drop()}, taken=0
    ),
    "a marker in a refusal of MAIL": reply(suppressed(Phase.MAIL, 550), Stage.MAIL, MARKED),
    "a marker in a refusal of DATA": reply(suppressed(Phase.DATA, 550), Stage.DATA, MARKED),
    "a marker in a refusal of the message": reply(
        suppressed(Phase.FINAL, 550), Stage.FINAL, MARKED
    ),
    "a marker in a 4xx": reply(
        failed(Phase.FINAL, F.TEMPORARY_REPLY, 450), Stage.FINAL, "450 4.2.0 suppressed for now"
    ),
    "merged replies": Case((ACCEPTED,) * 3, relay={"merged": True}, taken=3),
    "split replies": Case(
        (ACCEPTED,) * 2,
        {
            Stage.MAIL: [Send(b"2"), Pause(0.01), Send(b"50-a\r\n25"), Pause(0.01), Send(b"0 b\n")],
            Stage.RCPT: [Send(b"250"), Pause(0.01), Send(b" ok\r"), Pause(0.01), Send(b"\n")],
        },
        taken=2,
    ),
    "an answer to the message before the message": reply(
        failed(Phase.BODY, F.PROTOCOL_ERROR, 250), Stage.DATA, Send(b"354 go\r\n250 ok\r\n")
    ),
    "taken and closed": Case((ACCEPTED,) * 2, {Stage.FINAL: ["250 2.0.0 ok", Drop()]}, taken=2),
    "taken and silent": Case((timed_out(Phase.FINAL),), {Stage.FINAL: Stall()}, taken=1),
    "250 after the deadline": Case(
        (timed_out(Phase.FINAL),), {Stage.FINAL: [Pause(30.0), "250 2.0.0 ok"]}, taken=1
    ),
    "a slow dot": Case(
        (ACCEPTED,),
        {Stage.FINAL: [Pause(2.5), "250 2.0.0 ok"]},
        client={"timeout": 2.0, "final_reply_timeout": 60.0},
        taken=1,
    ),
    "421 after two messages": Case(
        (ACCEPTED,) * 5,
        {Stage.MAIL: by_visit("250 ok", "250 ok", ["421 4.7.0 enough", Drop()])},
        taken=5,
    ),
    "closed in silence after two messages": Case(
        (ACCEPTED,) * 5,
        {Stage.FINAL: by_visit("250 2.0.0 ok", ["250 2.0.0 ok", Drop()])},
        taken=5,
    ),
    "DATA refused, then RSET refused": Case(
        (failed(Phase.DATA, F.TEMPORARY_REPLY, 451), ACCEPTED),
        lambda clients: {
            Stage.DATA: rounds(clients, "451 4.3.0 later", "354 go"),
            Stage.RSET: "500 5.5.1 what",
        },
        taken=1,
    ),
    "busy, then well again": Case(
        (failed(Phase.GREETING, F.GREETING_REFUSED, 421), ACCEPTED),
        lambda clients: {Stage.GREETING: rounds(clients, ["421 4.3.2 busy", Drop()], "220 hello")},
        taken=1,
    ),
    "refused for now, then taken": Case(
        (failed(Phase.FINAL, F.TEMPORARY_REPLY, 451), ACCEPTED),
        lambda clients: {Stage.FINAL: rounds(clients, "451 4.3.0 later", "250 2.0.0 ok")},
        taken=2,
    ),
}

SCENARIOS = {**TLS, **SESSIONS, **TRANSACTIONS}
