"""`make demo`: the main job, shown. Commands and login codes go in, mail comes out, states stay."""

import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
import redis

from deliveries.producer import DEFAULT_STREAM, CommandPublisher, LoginCodeClient, ProducerError
from mailproject.embedded.errors import EmbeddedError
from mailproject.embedded.interruption import Interrupted, Interruption
from mailproject.embedded.procfile import raise_if_ended
from mailproject.embedded.progress import Fate, Reader, Wanted, summary, table
from mailproject.embedded.specimens import login_specimens, specimens
from mailproject.embedded.stack import LOGS, MAIL, Stack
from mailproject.embedded.terminal import relative, tell
from mailproject.embedded.valkey import connect

_FINISH_SECONDS = 60.0
EXIT_INTERRUPTED = 130


def demo(folder: Path | None) -> int:
    """Run it; returns the exit status, 0 when every command ended as it should."""
    interruption = Interruption()
    stack = Stack(folder, interruption=interruption, tell=tell)
    problems: list[str] = []
    keep = {MAIL}
    try:
        stack.start(log_format="json")
        fates = _watch(stack, interruption)
        problems += [problem for fate in fates for problem in fate.problems()]
        tell(f"\n{table(fates, mail_folder=relative(stack.folder.path / MAIL))}\n")
    except (Interrupted, KeyboardInterrupt):
        tell("asked to end; stopping")
        return EXIT_INTERRUPTED
    except (EmbeddedError, ProducerError, psycopg.Error, redis.RedisError) as error:
        problems.append(f"{type(error).__name__}: {error}")
    finally:
        stack.close(keep=frozenset(keep | ({LOGS} if problems else set())))
    return _verdict(stack, problems)


def _watch(stack: Stack, interruption: Interruption) -> list[Fate]:
    """Ask for the mail and show its progress until each has ended, or time is up."""
    wanted = [*_publish(stack.environment), *_post(stack.environment)]
    reader = Reader(dsn=stack.environment["MAIL_POSTGRES_PRIMARY_DSN"], wanted=wanted)
    deadline = time.monotonic() + _FINISH_SECONDS
    said = ""
    while True:
        raise_if_ended(stack.processes)
        fates = reader.fates(stack.mail)
        if summary(fates) != said:
            said = summary(fates)
            tell(f"  {said}")
        if all(fate.is_final for fate in fates) or time.monotonic() > deadline:
            return fates
        interruption.sleep(0.2)


def _publish(environment: Mapping[str, str]) -> list[Wanted]:
    """Put the commands on the stream as a producer does."""
    wanted = []
    with connect(
        environment["MAIL_REDIS_MASTER_ADDR"], environment["MAIL_REDIS_PASSWORD"]
    ) as client:
        publisher = CommandPublisher(client)
        for specimen in specimens():
            published = publisher.publish(
                specimen.mail,
                idempotency_key=specimen.idempotency_key,
                delivery_id=specimen.delivery_id,
            )
            wanted.append(
                Wanted(
                    name=specimen.delivery_id,
                    delivery_id=specimen.delivery_id,
                    recipients=specimen.recipients,
                    failure_code=specimen.failure_code,
                    entry_id=published.entry_id,
                )
            )
    tell(f"put {len(wanted)} commands on the stream {DEFAULT_STREAM}")
    return wanted


def _post(environment: Mapping[str, str]) -> list[Wanted]:
    """Post the login codes as a producer does."""
    url = f"http://{environment['MAIL_INTERNAL_HTTP_ADDR']}"
    client = LoginCodeClient(url)
    wanted = []
    for specimen in login_specimens():
        posted = client.post(specimen.login_code, idempotency_key=specimen.idempotency_key)
        wanted.append(
            Wanted(
                name=specimen.name,
                delivery_id=posted.delivery_id,
                recipients=(specimen.login_code.email,),
            )
        )
    client.close()
    tell(f"posted {len(wanted)} login codes to {url}, one of them twice")
    return wanted


def _verdict(stack: Stack, problems: list[str]) -> int:
    problems += [
        f"{child.name} ended with exit status {child.process.returncode}" for child in stack.unclean
    ]
    if not problems:
        tell("all as it should be; the mail stays where the table says, until the next run")
        return 0
    for problem in problems:
        tell(f"PROBLEM: {problem}")
    for child in stack.processes:
        tell(f"\nthe end of the log of {child.name}:\n{child.tail()}")
    return 1
