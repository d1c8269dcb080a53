"""The relay's cases, each with one client and with eight clients at the same time."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from deliveries.attempt.sender import Sender
from deliveries.attempt.smtp.client import Client
from deliveries.attempt.smtp.relay import Relay, make_ssl_context
from deliveries.conf import TlsMode
from deliveries.outcome.verdict import Policy
from deliveries.payload import Mailbox
from deliveries.states import AttemptStatus, DeliveryStatus, FailureCode, Phase
from deliveries.transitions.records import Completion
from tests.attempt.claims import Lease, claimed
from tests.attempt.smtp.cases import ACCEPTED, SECRET, WAITING, Case, Outcome, failed, timed_out
from tests.attempt.smtp.faults import FAULTS, STAGES, case_of, is_unknown
from tests.attempt.smtp.scenarios import SCENARIOS
from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Stage
from tests.relay.scripted import ScriptedRelay, closed_port, full_backlog

CLIENTS = pytest.mark.parametrize("clients", [1, 8])
LOCKSTEP = tuple(keyword for keyword in KEYWORDS if keyword != "PIPELINING")
PATIENT = 30.0
LADDER = (timedelta(minutes=1),)
_PHASES = list(Phase)


@dataclass
class Crowd:
    """Some clients, each a sender in a thread of its own, all at one relay."""

    clients: int
    context: ssl.SSLContext
    retries_unknown: bool = True

    def send(self, at: Any, case: Case, budget: float) -> list[list[Outcome]]:
        """What each client's mails came to. Every client is done with one before the next."""
        relay = self._relay(at, case, budget)
        barrier = threading.Barrier(self.clients, timeout=60)
        results: list[list[Outcome]] = [[] for _ in range(self.clients)]
        threads = [
            threading.Thread(target=self._run, args=(relay, case, barrier, result))
            for result in results
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def _run(
        self, relay: Relay, case: Case, barrier: threading.Barrier, results: list[Outcome]
    ) -> None:
        client = Client(relay)
        sender = Sender(
            provider=client,
            identity=Mailbox("from@sender.test"),
            policy=Policy(LADDER, ("suppress",), retries_unknown=self.retries_unknown),
            lease=Lease(),
            stopping=threading.Event(),
        )
        for _ in case.outcomes:
            barrier.wait()
            ending = sender.send(claimed(**case.claim))
            assert isinstance(ending, Completion)
            assert SECRET not in repr(ending)
            results.append(outcome_of(ending))
        client.close()

    def _relay(self, at: Any, case: Case, budget: float) -> Relay:
        settings = dict(case.client)
        trusts = settings.pop("trusts", True)
        relay = Relay(
            host=at.host,
            port=at.port,
            tls=TlsMode.NONE,
            helo_name="client.test",
            timeout=budget,
            final_reply_timeout=budget,
            ssl_context=self.context if trusts else make_ssl_context(None),
        )
        return replace(relay, **settings)


def outcome_of(completion: Completion) -> Outcome:
    attempt = completion.attempt
    assert attempt.phase is not None
    return Outcome(
        status=attempt.status,
        phase=attempt.phase,
        code=attempt.smtp_code,
        unknown=attempt.outcome_unknown,
        failure=attempt.failure_code,
        delivery=completion.status or WAITING,
    )


@contextmanager
def relay_of(case: Case, clients: int, authority: Authority) -> Iterator[ScriptedRelay]:
    host, days = case.certificate
    settings = dict(case.relay)
    if settings.get("implicit_tls") or "STARTTLS" in settings.get("keywords", ()):
        settings["context"] = authority.server_context(host, days=days)
    with ScriptedRelay(case.script_for(clients), **settings) as relay:
        yield relay


def play(case: Case, crowd: Crowd, authority: Authority) -> None:
    """Play it; with a longer budget again when it ran out before the relay had its turn."""
    budgets = [0.3, 1.0, 4.0, 16.0] if case.runs_out else [PATIENT]
    for budget in budgets:
        with relay_of(case, crowd.clients, authority) as relay:
            results = crowd.send(relay, case, budget)
            taken = len(relay.messages)
        if not any(was_early(result, case.outcomes) for result in results):
            break
    assert results == [list(case.outcomes)] * crowd.clients
    if case.taken is not None:
        assert taken == case.taken * crowd.clients


def was_early(results: list[Outcome], expected: tuple[Outcome, ...]) -> bool:
    return any(
        got.status is AttemptStatus.TIMED_OUT
        and _PHASES.index(got.phase) < _PHASES.index(wanted.phase)
        for got, wanted in zip(results, expected, strict=True)
    )


@pytest.fixture
def crowd_of(trusting: ssl.SSLContext) -> Callable[..., Crowd]:
    return lambda clients, **changes: Crowd(clients, trusting, **changes)


@CLIENTS
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_stage(
    crowd_of: Callable[..., Crowd], authority: Authority, fault: str, stage: Stage, clients: int
) -> None:
    play(case_of(fault, stage), crowd_of(clients), authority)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.FINAL])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_without_pipelining(
    crowd_of: Callable[..., Crowd], authority: Authority, fault: str, stage: Stage
) -> None:
    play(case_of(fault, stage, LOCKSTEP), crowd_of(1), authority)


@pytest.mark.parametrize("fault", [*filter(is_unknown, FAULTS)])
def test_an_unknown_outcome_at_most_once(
    crowd_of: Callable[..., Crowd], authority: Authority, fault: str
) -> None:
    """MAIL_UNKNOWN_OUTCOME=fail ends the delivery where `retry` has it wait."""
    case = case_of(fault, Stage.FINAL)
    (outcome,) = case.outcomes
    ended = replace(outcome, delivery=DeliveryStatus.FAILED)
    play(replace(case, outcomes=(ended,)), crowd_of(1, retries_unknown=False), authority)


@CLIENTS
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(
    crowd_of: Callable[..., Crowd], authority: Authority, name: str, clients: int
) -> None:
    play(SCENARIOS[name], crowd_of(clients), authority)


@CLIENTS
def test_a_relay_that_never_accepts(crowd_of: Callable[..., Crowd], clients: int) -> None:
    case = Case((timed_out(Phase.CONNECT),))
    with full_backlog() as port:
        results = crowd_of(clients).send(SimpleNamespace(host="127.0.0.1", port=port), case, 0.3)
    assert results == [[*case.outcomes]] * clients


@CLIENTS
def test_a_relay_that_is_down_and_comes_back(crowd_of: Callable[..., Crowd], clients: int) -> None:
    case = Case((failed(Phase.CONNECT, FailureCode.CONNECT_FAILED),))
    crowd = crowd_of(clients)
    with closed_port() as port:
        at = SimpleNamespace(host="127.0.0.1", port=port)
        assert crowd.send(at, case, PATIENT) == [[*case.outcomes]] * clients
    with ScriptedRelay(port=port) as relay:
        assert crowd.send(relay, Case((ACCEPTED,)), PATIENT) == [[ACCEPTED]] * clients


@CLIENTS
def test_a_name_that_does_not_resolve(crowd_of: Callable[..., Crowd], clients: int) -> None:
    case = Case((failed(Phase.CONNECT, FailureCode.DNS_FAILED),))
    at = SimpleNamespace(host="x" * 70 + ".test", port=25)
    assert crowd_of(clients).send(at, case, PATIENT) == [[*case.outcomes]] * clients
