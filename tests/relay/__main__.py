"""The scripted relay by hand: `python -m tests.relay --stage final="451 4.3.0 later"`."""

import argparse
import sys
import tempfile
import threading
from pathlib import Path

from tests.relay.authority import Authority
from tests.relay.dialogue import KEYWORDS
from tests.relay.script import Act, Drip, Drop, Pause, Reset, Say, Send, Stage, Stall
from tests.relay.scripted import ScriptedRelay

_ACTS = """\
a stage's acts, separated by "|":
  a reply         250 2.1.0 ok
  stall           say nothing, read nothing
  drop, reset     close, or close with a RST
  pause:SECONDS   wait
  drip:TEXT       TEXT byte by byte
  send:TEXT       TEXT as it is, with \\r, \\n and \\x00 understood
stages: """ + ", ".join(Stage)


def parse_act(text: str) -> Act:
    word, _, rest = text.partition(":")
    raw = rest.encode().decode("unicode_escape").encode("latin-1")
    match word:
        case "stall":
            return Stall()
        case "drop":
            return Drop()
        case "reset":
            return Reset()
        case "pause":
            return Pause(float(rest))
        case "drip":
            return Drip(raw)
        case "send":
            return Send(raw)
    return Say(text)


def parse_stage(text: str) -> tuple[Stage, list[Act]]:
    name, _, acts = text.partition("=")
    try:
        return Stage(name), [parse_act(act.strip()) for act in acts.split("|")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{name} is no stage, or its acts are wrong") from None


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.relay",
        description="An SMTP relay on the loopback address that plays faults.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_ACTS,
    )
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--tls", choices=["none", "starttls", "tls"], default="none")
    parser.add_argument("--stage", action="append", default=[], type=parse_stage)
    parser.add_argument("--merged", action="store_true", help="join pipelined replies")
    return parser


def main() -> None:
    options = make_parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        starttls = ["STARTTLS"] if options.tls == "starttls" else []
        relay = ScriptedRelay(
            dict(options.stage),
            keywords=[*KEYWORDS, "AUTH PLAIN LOGIN", *starttls],
            context=None if options.tls == "none" else authority.server_context(),
            implicit_tls=options.tls == "tls",
            merged=options.merged,
            port=options.port,
        )
        with relay:
            sys.stdout.write(f"{relay.host}:{relay.port}, CA file {authority.ca_file}\n")
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                show(relay)


def show(relay: ScriptedRelay) -> None:
    for number, heard in enumerate(relay.dialogues):
        sys.stdout.writelines(f"{number}: {line}\n" for line in heard)
    sys.stdout.write(f"{len(relay.messages)} messages\n")


if __name__ == "__main__":
    main()
