"""The examples of the README do what they show."""

import contextlib
import io
import re

from tests.producer.scripted_service import ACCEPTED, Says, ScriptedService
from tests.stack.servers import CHECKOUT

SECTION = re.search(
    r"^## For producers$(.*?)^## ", (CHECKOUT / "README.md").read_text(), re.MULTILINE | re.DOTALL
)[1]
PUBLISHING, POSTING = re.findall(r"^```python\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)


def test_publishing(servers, redis_client, monkeypatch):
    address = f"redis://:{servers.redis_password}@{servers.redis_address}/0"
    stream = f"{servers.key_prefix}readme"
    code = PUBLISHING.replace(
        '"redis://:PASSWORD@redis.internal:6379/0"', f"{address!r}, stream={stream!r}"
    )
    assert address in code
    names = {}
    exec(code, names)
    names["publisher"].close()
    keys = [fields[b"idempotency_key"] for _, fields in redis_client.xrange(stream)]
    assert keys == [b"order:4711:shipped", b"sign-in:9f2c"]


def test_posting():
    with ScriptedService(Says(202, ACCEPTED)) as service:
        names, said = {}, io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(POSTING.replace("http://mail.internal:8080", service.url), names)
        names["client"].close()
    assert said.getvalue() == "d-1 accepted\n"
    [request] = service.requests
    assert request.headers["traceparent"] == "00-" + "a1" * 16 + "-" + "b2" * 8 + "-01"
