"""Every fault at every stage of the dialogue, and what must follow from it.

A row of FAULTS is what the relay does in place of its reply, and the kind of that. A column of
EXPECTED is a kind: what it comes to at each stage.
"""

from dataclasses import replace
from enum import Enum, auto
from typing import Any

from deliveries.conf import TlsMode
from deliveries.states import FailureCode, Phase
from tests.attempt.smtp.cases import LOGIN, Case, Outcome, failed, rejected, timed_out
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Acts, Drip, Drop, Pause, Reset, Say, Send, Stage, Stall


class Kind(Enum):
    LATER = auto()  # refused with 4xx
    NEVER = auto()  # refused with 5xx
    GOOD_BYE = auto()  # 421
    SILENT = auto()
    LOST = auto()
    NONSENSE = auto()  # no reply at all, or a reply out of place


FAULTS: dict[str, tuple[Kind, Acts]] = {
    "4xx": (Kind.LATER, "450 4.7.0 later"),
    "5xx": (Kind.NEVER, "554 5.7.1 never"),
    "5xx in many lines": (Kind.NEVER, "554 5.7.1 never\nask\nagain"),
    "5xx in bad UTF-8": (Kind.NEVER, Send(b"554 \xff\xfe\r\n")),
    "5xx with NUL": (Kind.NEVER, Send(b"554 a\x00b\r\n")),
    "5xx with a bare LF": (Kind.NEVER, Send(b"554 a\n")),
    "5xx without a text": (Kind.NEVER, Send(b"554\r\n")),
    "5xx in pieces": (
        Kind.NEVER,
        [Send(b"55"), Pause(0.02), Send(b"4 ne"), Pause(0.02), Send(b"ver\r\n")],
    ),
    "5xx dripped in time": (Kind.NEVER, Drip(b"554 no\r\n", 0.001)),
    "5xx, then closed": (Kind.NEVER, ["554 5.7.1 never", Drop()]),
    "421, then closed": (Kind.GOOD_BYE, ["421 4.3.2 closing", Drop()]),
    "421, and open": (Kind.GOOD_BYE, "421 4.3.2 closing"),
    "stall": (Kind.SILENT, Stall()),
    "drip": (Kind.SILENT, Drip(b"250-" + b"x" * 2000, 0.02)),
    "continued and silent": (Kind.SILENT, [Send(b"250-a\r\n"), Stall()]),
    "drop": (Kind.LOST, Drop()),
    "reset": (Kind.LOST, Reset()),
    "cut reply": (Kind.LOST, [Send(b"250 o"), Drop()]),
    "cut code": (Kind.LOST, [Send(b"25"), Drop()]),
    "cut lines": (Kind.LOST, [Send(b"250-ok\r\n"), Drop()]),
    "garbage": (Kind.NONSENSE, Send(b"what is this\r\n")),
    "garbage without an end": (Kind.NONSENSE, [Send(b"\x15\x03\x01\x00\x02\x02F"), Stall()]),
    "NUL first": (Kind.NONSENSE, Send(b"\x00\xff\r\n")),
    "long line": (Kind.NONSENSE, Send(b"250 " + b"x" * 5000 + b"\r\n")),
    "endless lines": (Kind.NONSENSE, Send(b"250-on and on\r\n" * 2000)),
    "two codes": (Kind.NONSENSE, Send(b"250-a\r\n550 b\r\n")),
    "preliminary": (Kind.NONSENSE, "150 wait"),
    "out of place": (Kind.NONSENSE, "354 go on"),
}

STAGES: dict[Stage, Phase] = {
    Stage.GREETING: Phase.GREETING,
    Stage.EHLO: Phase.EHLO,
    Stage.STARTTLS: Phase.STARTTLS,
    Stage.EHLO_TLS: Phase.EHLO,
    Stage.AUTH: Phase.AUTH,
    Stage.CREDENTIALS: Phase.AUTH,
    Stage.MAIL: Phase.MAIL,
    Stage.RCPT: Phase.RCPT,
    Stage.DATA: Phase.DATA,
    Stage.BODY: Phase.BODY,
    Stage.FINAL: Phase.FINAL,
}

_REFUSED = {
    Stage.GREETING: FailureCode.GREETING_REFUSED,
    Stage.EHLO: FailureCode.EHLO_REFUSED,
    Stage.STARTTLS: FailureCode.STARTTLS_UNAVAILABLE,
    Stage.EHLO_TLS: FailureCode.EHLO_REFUSED,
    Stage.AUTH: FailureCode.AUTH_FAILED,
    Stage.CREDENTIALS: FailureCode.AUTH_FAILED,
    Stage.MAIL: FailureCode.SENDER_REFUSED,
}
_FROM_RCPT = (Stage.RCPT, Stage.DATA, Stage.BODY, Stage.FINAL)


def _refused_us(code: int) -> dict[Stage, Outcome]:
    return {stage: failed(STAGES[stage], why, code) for stage, why in _REFUSED.items()}


def _temporary(code: int) -> dict[Stage, Outcome]:
    return {s: failed(STAGES[s], FailureCode.TEMPORARY_REPLY, code) for s in _FROM_RCPT}


def _broken(failure: FailureCode) -> dict[Stage, Outcome]:
    """After the final dot, and only there, nobody knows what became of the message."""
    return {
        stage: failed(phase, failure, unknown=stage is Stage.FINAL)
        for stage, phase in STAGES.items()
    }


EXPECTED: dict[Kind, dict[Stage, Outcome]] = {
    Kind.LATER: {**_refused_us(450), **_temporary(450)},
    Kind.NEVER: {**_refused_us(554), **{s: rejected(STAGES[s], 554) for s in _FROM_RCPT}},
    Kind.GOOD_BYE: {**_refused_us(421), **_temporary(421)},
    Kind.SILENT: {stage: timed_out(phase) for stage, phase in STAGES.items()},
    Kind.LOST: _broken(FailureCode.CONNECTION_LOST),
    Kind.NONSENSE: _broken(FailureCode.PROTOCOL_ERROR),
}

LARGE_TEXT = ("x" * 76 + "\n") * 80_000  # more than any buffer takes
_SETTINGS: dict[Stage, dict[str, Any]] = {
    Stage.STARTTLS: {"client": {"tls": TlsMode.STARTTLS}, "offers": ["STARTTLS"]},
    Stage.EHLO_TLS: {"client": {"tls": TlsMode.STARTTLS}, "offers": ["STARTTLS"]},
    Stage.AUTH: {"client": LOGIN, "offers": ["AUTH PLAIN"]},
    Stage.CREDENTIALS: {"client": LOGIN, "offers": ["AUTH LOGIN"]},
    Stage.RCPT: {"claim": {"to": ("a@x.org",)}},
    Stage.BODY: {"claim": {"text_body": LARGE_TEXT}},
}


def case_of(fault: str, stage: Stage, keywords: tuple[str, ...] = KEYWORDS) -> Case:
    kind, acts = FAULTS[fault]
    settings = _SETTINGS.get(stage, {})
    outcome = EXPECTED[kind][stage]
    if fault == "out of place":
        outcome = _out_of_place(stage, outcome)
        acts = Say("334 go on") if stage is Stage.DATA else acts
    if stage is Stage.BODY:  # a relay that goes on reading is one that answers the message
        acts = [*(acts if isinstance(acts, list) else [acts]), Stall()]
    return Case(
        outcomes=(outcome,),
        script={stage: acts},
        relay={"keywords": [*keywords, *settings.get("offers", ())]},
        client=settings.get("client", {}),
        claim=settings.get("claim", {}),
        taken=int(stage is Stage.FINAL),
    )


def _out_of_place(stage: Stage, outcome: Outcome) -> Outcome:
    """It is a reply all the same, and has a code."""
    if stage is Stage.STARTTLS:
        return failed(Phase.STARTTLS, FailureCode.STARTTLS_UNAVAILABLE, 354)
    return replace(outcome, code=334 if stage is Stage.DATA else 354)


def is_unknown(fault: str) -> bool:
    """Whether it leaves the outcome unknown when it comes after the final dot."""
    return EXPECTED[FAULTS[fault][0]][Stage.FINAL].unknown
