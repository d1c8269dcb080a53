"""A relay for the tests: real sockets and real TLS, every answer of it scripted."""

from tests.relay.authority import Authority
from tests.relay.relay import Action, Drop, Say, ScriptedRelay, Stall

__all__ = ["Action", "Authority", "Drop", "Say", "ScriptedRelay", "Stall"]
