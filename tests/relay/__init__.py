"""A relay for the tests: real sockets and real TLS, every answer of it scripted."""

from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import ByRecipient, Drop, Say, Send, Stage, Stall, by_connection, by_turn
from tests.relay.scripted import ScriptedRelay

__all__ = [
    "KEYWORDS",
    "Authority",
    "ByRecipient",
    "Drop",
    "Say",
    "ScriptedRelay",
    "Send",
    "Stage",
    "Stall",
    "by_connection",
    "by_turn",
]
