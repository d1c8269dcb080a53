"""The AsyncAPI document of the stream says what the code does."""

import json
import re

import pytest
import yaml
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from deliveries.conf.variables import BY_FIELD
from deliveries.intake import addresses, attachments, command, headers, members, weight
from deliveries.intake.command import parse_entry
from deliveries.intake.entry import StreamEntry
from deliveries.intake.rejection import Rejection, RejectionCode
from deliveries.models import Delivery, MalformedCommand
from deliveries.producer import Attachment, Mailbox, RenderedMail, TemplateMail
from deliveries.producer.entry import entry_fields
from deliveries.states import PayloadMode, Source
from tests.factories import RenderedPayloadFactory, TemplatePayloadFactory
from tests.intake.validation.test_round_trip import any_payload, valid_payloads
from tests.malformed_examples import LATE, PAYLOAD, STATIC, fields
from tests.stack.servers import CHECKOUT

DOCUMENT = yaml.safe_load(
    (CHECKOUT / "docs" / "api" / "delivery-commands-asyncapi.yaml").read_text()
)
SCHEMAS = DOCUMENT["components"]["schemas"]
MESSAGES = DOCUMENT["components"]["messages"]
EXAMPLES = [
    (kind, example["payload"]) for kind in MESSAGES for example in MESSAGES[kind]["examples"]
]
REGISTRY = Registry().with_resource("urn:document", DRAFT7.create_resource(DOCUMENT))


def validator(name):
    return Draft7Validator({"$ref": f"urn:document#/components/schemas/{name}"}, registry=REGISTRY)


VALIDATORS = {
    name: validator(name)
    for name in (
        *("entry", "renderedEntry", "templateEntry", "renderedPayload", "templatePayload"),
    )
}


def accepts(entry):
    """Whether the document's schemas take the fields of an entry, its payload included."""
    try:
        texts = {name.decode(): value.decode() for name, value in entry.items()}
    except UnicodeDecodeError:
        return False
    mode = texts.get("payload_mode")
    if mode not in set(PayloadMode):
        return VALIDATORS["entry"].is_valid(texts)
    try:
        payload = json.loads(texts.get("payload_json", ""))
    except (ValueError, RecursionError):
        return False
    return VALIDATORS[f"{mode}Entry"].is_valid(texts) and VALIDATORS[f"{mode}Payload"].is_valid(
        payload
    )


class TestExamples:
    @pytest.mark.parametrize(("kind", "payload"), EXAMPLES)
    def test_each_fits_its_schema(self, kind, payload):
        mode = kind.removesuffix("Command")
        assert list(VALIDATORS[f"{mode}Entry"].iter_errors(payload)) == []
        inner = json.loads(payload["payload_json"])
        assert list(VALIDATORS[f"{mode}Payload"].iter_errors(inner)) == []

    @pytest.mark.django_db(transaction=True)
    def test_the_service_accepts_each(self, redis_client, consumer):
        for _, payload in EXAMPLES:
            redis_client.xadd(settings.MAIL.redis_command_stream, payload)
        consumer.step()
        assert MalformedCommand.objects.count() == 0
        ids = set(Delivery.objects.values_list("delivery_id", flat=True))
        assert ids == {payload["delivery_id"] for _, payload in EXAMPLES}

    def test_together_they_use_everything(self):
        used, used_members = set(), {}
        for kind, payload in EXAMPLES:
            used |= set(payload)
            used_members.setdefault(kind, set()).update(json.loads(payload["payload_json"]))
        assert used == set(SCHEMAS["entry"]["properties"])
        assert used_members["renderedCommand"] == set(SCHEMAS["renderedPayload"]["properties"])
        assert used_members["templateCommand"] >= set(SCHEMAS["templatePayload"]["required"])


class TestSchemas:
    """What the service accepts they accept, and they refuse what it refuses, as far as they can."""

    # The document says these in words.
    BEYOND_A_SCHEMA = [
        *({"requested_at_ms": moment} for moment in ("1", "9" * 15)),
        {"payload": {**PAYLOAD, "subject": "\ud800"}},
        {"payload": {**PAYLOAD, "text_body": "\ud800"}},
        {"payload": {**PAYLOAD, "headers": {"X-A": "1", "x-a": "2"}}},
        {"payload": {**PAYLOAD, "send_at": "2026-02-30T10:00:00Z"}},
        {"payload": {**PAYLOAD, "expires_at": "1999-01-01T00:00:00Z"}},
        {
            "payload": {
                **PAYLOAD,
                "send_at": "2026-11-24T10:00:00Z",
                "expires_at": "2026-11-24T10:00:00+00:00",
            }
        },
    ]

    @pytest.mark.parametrize("name", VALIDATORS)
    def test_each_is_one(self, name):
        Draft7Validator.check_schema(SCHEMAS[name])

    @pytest.mark.parametrize(("code", "changes"), STATIC)
    def test_a_malformed_command(self, code, changes):
        assert accepts(fields(**changes)) == (changes in self.BEYOND_A_SCHEMA)

    def test_what_is_beyond_them_is_refused_by_the_service(self):
        refused = [changes for _, changes in STATIC]
        assert all(changes in refused for changes in self.BEYOND_A_SCHEMA)

    @pytest.mark.parametrize(("code", "changes"), LATE)
    def test_what_depends_on_time_or_templates_is_not_theirs(self, code, changes):
        if code != "payload_too_large":
            assert accepts(fields(**changes))

    @hypothesis_settings(max_examples=50)
    @given(valid_payloads)
    def test_a_valid_payload(self, payload):
        assert accepts(fields(payload=payload))

    @hypothesis_settings(max_examples=300)
    @given(any_payload)
    def test_any_payload_that_the_service_accepts(self, payload):
        entry = fields(payload=payload)
        if service_accepts(entry):
            assert accepts(entry)

    @pytest.mark.parametrize("factory", [RenderedPayloadFactory, TemplatePayloadFactory])
    @pytest.mark.parametrize("changed", ["", *SCHEMAS["entry"]["properties"]])
    def test_a_field_left_out(self, factory, changed):
        entry = fields(payload=factory())
        entry.pop(changed.encode(), None)
        assert accepts(entry) == service_accepts(entry)

    @pytest.mark.parametrize("factory", [RenderedPayloadFactory, TemplatePayloadFactory])
    @pytest.mark.parametrize(
        "left_out",
        ["", *("to", "subject", "text_body", "template_id", "locale", "variables")],
    )
    def test_a_member_left_out(self, factory, left_out):
        payload = {name: value for name, value in factory().items() if name != left_out}
        mode = "template" if factory is TemplatePayloadFactory else "rendered"
        entry = fields(payload=payload, payload_mode=mode)
        assert accepts(entry) == service_accepts(entry)

    def test_what_the_package_writes(self):
        common = {
            "to": ["ada@example.org", Mailbox("eve@example.org", "Eve")],
            "attachments": [Attachment("a.bin", "application/octet-stream", bytes(range(255)))],
            "headers": {"X-Issue": "7"},
        }
        for mail in (
            RenderedMail(subject="S", text_body="T", html_body="<p>", **common),
            TemplateMail(template_id="t", locale="de-AT", variables={"v": 1}, **common),
        ):
            entry = entry_fields(mail, idempotency_key="k")
            assert accepts({name.encode(): value for name, value in entry.items()})


def service_accepts(entry):
    try:
        parse_entry(entry=StreamEntry("1-0", tuple(entry.items())), max_payload_bytes=5_000_000)
    except Rejection:
        return False
    return True


class TestVocabulary:
    """Fields, members, enumerations, limits and codes are those of the code."""

    def test_fields(self):
        entry = SCHEMAS["entry"]
        assert entry["required"] == list(command._REQUIRED)
        assert set(entry["properties"]) == {*command._REQUIRED, *command._OPTIONAL}
        assert entry["additionalProperties"] is False

    @pytest.mark.parametrize("mode", list(PayloadMode))
    def test_members(self, mode):
        payload = SCHEMAS[f"{mode}Payload"]
        assert set(payload["properties"]) == members._MEMBERS[mode]
        assert payload["additionalProperties"] is False

    def test_enumerations(self):
        properties = SCHEMAS["entry"]["properties"]
        assert properties["payload_mode"]["enum"] == list(PayloadMode)
        assert properties["source"]["enum"] == [Source.NOTIFICATION]
        assert {f"{mode}Command" for mode in PayloadMode} == set(MESSAGES)

    def test_failure_codes(self):
        codes = DOCUMENT["operations"]["acceptDeliveryCommand"]["x-failure-codes"]
        assert list(codes) == list(RejectionCode)

    @pytest.mark.parametrize(
        ("field", "pattern"),
        [
            ("delivery_id", command._DELIVERY_ID),
            ("idempotency_key", command._KEY),
            ("requested_at_ms", command._DIGITS),
        ],
    )
    def test_patterns(self, field, pattern):
        written = SCHEMAS["entry"]["properties"][field]["pattern"]
        assert written == f"^{pattern.pattern.decode()}$"

    def test_limits(self):
        payload = SCHEMAS["renderedPayload"]["properties"]
        file = SCHEMAS["attachments"]["items"]["properties"]
        name = SCHEMAS["mailbox"]["oneOf"][1]["properties"]["name"]
        assert SCHEMAS["mailboxes"]["maxItems"] == addresses.MOST_RECIPIENTS
        assert SCHEMAS["address"]["maxLength"] == addresses._LONGEST_ADDRESS
        assert name["allOf"][1]["maxLength"] == addresses._LONGEST_NAME
        assert payload["subject"]["allOf"][1]["maxLength"] == members._LONGEST_SUBJECT
        assert SCHEMAS["attachments"]["maxItems"] == attachments._MOST
        assert file["filename"]["maxLength"] == attachments._LONGEST_NAME
        assert SCHEMAS["headers"]["maxProperties"] == headers._MOST
        assert SCHEMAS["headers"]["propertyNames"]["maxLength"] == headers._LONGEST_NAME
        assert SCHEMAS["headers"]["patternProperties"]["^"]["maxLength"] == headers._LONGEST_VALUE
        assert SCHEMAS["templatePayload"]["properties"]["locale"]["maxLength"] == (
            members._LONGEST_LOCALE
        )

    def test_limits_in_words(self):
        said = DOCUMENT["info"]["description"]
        assert f"at most {members._DEEPEST} deep" in said
        assert f"at most {weight.MOST_VALUES} values" in said
        assert f"at most {addresses.MOST_RECIPIENTS} recipients together" in said
        moment = SCHEMAS["entry"]["properties"]["requested_at_ms"]["description"]
        assert f"from {command._EARLIEST_MS} " in moment
        assert f"before {command._LATEST_MS} " in moment

    @pytest.mark.parametrize(
        ("field", "where"),
        [
            ("max_payload_bytes", SCHEMAS["entry"]["properties"]["payload_json"]["description"]),
            ("redis_command_stream", DOCUMENT["channels"]["deliveryCommands"]["address"]),
            ("redis_offset_key", DOCUMENT["channels"]["deliveryCommands"]["description"]),
        ],
    )
    def test_defaults(self, field, where):
        assert BY_FIELD[field].default in where

    def test_durations_in_words(self):
        said = re.sub(r"\s+", " ", DOCUMENT["info"]["description"])
        for field, words in (
            ("idempotency_ttl", "7 days"),
            ("stream_retention", "24 hours"),
            ("delivery_retention", "30 days"),
        ):
            variable = BY_FIELD[field]
            assert variable.default == words.replace(" days", "d").replace(" hours", "h")
            assert re.search(rf"`{variable.name}`[^`]*{words}", said)
