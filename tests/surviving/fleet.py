"""A fleet of processes of every type, and a seeded hand that kills them."""

import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

from deliveries.crash import Point
from mailproject.embedded.procfile import read_procfile
from tests.stack.processes import Service, ServiceProcess
from tests.stack.servers import CHECKOUT

# the points that a process of a type comes by in its daily work
POINTS = {
    "consumer": [p for p in Point if p.startswith("consumer_") and p is not Point.CONSUMER_RESET],
    "scheduler": [p for p in Point if p.startswith("scheduler_")],
    "attempts": [p for p in Point if p.startswith(("attempt_", "outcomes_"))],
}
EACH = {"consumer": 2, "scheduler": 2, "attempts": 3}
_LATEST_TURN = 4


@dataclass
class Slot:
    """One process of the fleet, which has a successor whenever it dies."""

    type: str
    command: str
    process: ServiceProcess | None = None
    armed: Point | None = None
    frozen: bool = False


class Fleet:
    """Each life of a slot is drawn: whether it is armed with a crash point, how it is ended.

    The draws depend on the seed alone, what they meet depends on the moment.
    """

    def __init__(self, *, service: Service, environment: dict[str, str], random: Random) -> None:
        self._service = service
        self._environment = environment
        self._random = random
        self.kills: Counter[str] = Counter()
        commands = read_procfile(Path(CHECKOUT) / "Procfile")
        self.slots = [
            Slot(type=name, command=line.split()[-1])
            for name, line in commands.items()
            for _ in range(EACH.get(name, 1))
        ]

    def start(self) -> None:
        for slot in self.slots:
            self._begin(slot)

    def strike(self) -> None:
        """Kill one process; or freeze it, to be killed by a later strike, or go on."""
        slot = self._random.choice(self.slots)
        freezes, thaws = self._random.random() < 0.1, self._random.random() < 0.5
        assert slot.process is not None
        if slot.frozen and thaws:
            slot.process.signal(signal.SIGCONT)
            slot.frozen = False
            return
        if freezes and not slot.frozen and not slot.process.has_ended:
            slot.process.signal(signal.SIGSTOP)
            slot.frozen = True
            return
        self._end(slot)
        self._begin(slot)

    def calm(self) -> None:
        """Unarmed processes only, and none that is frozen."""
        for slot in self.slots:
            if slot.armed or slot.frozen:
                self._end(slot)
                self._begin(slot, armed=False)

    def ended(self) -> list[ServiceProcess]:
        """Those that ended by themselves, which none of them should."""
        return [
            slot.process
            for slot in self.slots
            if slot.process is not None and slot.process.has_ended and not slot.armed
        ]

    def _end(self, slot: Slot) -> None:
        assert slot.process is not None
        died = slot.process.has_ended
        if died:
            assert slot.armed, f"{slot.type} ended by itself:\n{slot.process.output[-4000:]}"
            assert slot.process.wait() == -signal.SIGKILL, slot.process.output[-4000:]
        else:
            slot.process.kill()
        self.kills[str(slot.armed) if died else f"{slot.type}, anywhere"] += 1

    def _begin(self, slot: Slot, *, armed: bool = True) -> None:
        points = POINTS.get(slot.type)
        point = self._random.choice(points) if points else None
        turn = self._random.randint(1, _LATEST_TURN)
        is_armed = self._random.random() < 0.5 and armed and point is not None
        slot.frozen, slot.armed = False, point if is_armed else None
        if slot.armed is None:
            slot.process = self._service.start(slot.command, overrides=self._environment)
            return
        slot.process = self._service.start_program(
            [sys.executable, "-m", "tests.surviving.armed", slot.command],
            name=slot.command,
            overrides={**self._environment, "CRASH_POINT": slot.armed, "CRASH_TURN": str(turn)},
        )
