"""MIME entities: the parts of a message and how they are put together (RFC 2045, RFC 2046)."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count

from deliveries.attempt.message.encodings import encode_base64, encode_text
from deliveries.attempt.message.headers import fold
from deliveries.attempt.message.parameters import filename_pieces, plain_name
from deliveries.payload import Attachment, Payload

_TYPE_NAME = r"[!#-'*+.0-9A-Z^-~-]{1,127}"  # RFC 2045 section 5.1; the length is RFC 6838's
_MEDIA_TYPE = re.compile(rf"{_TYPE_NAME}/{_TYPE_NAME}")
_OPAQUE_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its Content-* fields and its body, each ended by CRLF unless empty."""

    fields: str
    body: bytes


def write_body(*, payload: Payload, message_id: str) -> Entity:
    """The content of the message as one entity.

    Text alone is text/plain; with HTML, multipart/alternative; with attachments, multipart/mixed
    around either. ValueError: a media type that is not one, a line break or NUL in a file name.
    """
    texts = [_text_entity(payload.text_body, subtype="plain")]
    if payload.html_body is not None:
        texts.append(_text_entity(payload.html_body, subtype="html"))
    token = _boundary_token(message_id, texts)
    content = texts[0]
    if len(texts) > 1:
        content = _multipart(texts, subtype="alternative", boundary=f"=_a{token}")
    if not payload.attachments:
        return content
    attachments = [_attachment_entity(attachment) for attachment in payload.attachments]
    return _multipart([content, *attachments], subtype="mixed", boundary=f"=_m{token}")


def _text_entity(text: str, *, subtype: str) -> Entity:
    charset, encoding, body = encode_text(text)
    fields = (
        f'Content-Type: text/{subtype}; charset="{charset}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n"
    )
    return Entity(fields, body)


def _attachment_entity(attachment: Attachment) -> Entity:
    """Always base64, which keeps every octet.

    Composite types may not be encoded (RFC 2045 section 6.4), so they go as plain octets, which the
    recipient's program recognises by the file name.
    """
    media_type = attachment.content_type
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise ValueError("an attachment's content type is not of the form type/subtype")
    if media_type.lower().startswith(("message/", "multipart/")):
        media_type = _OPAQUE_TYPE
    parameters = [f' name="{plain_name(attachment.filename)}"']
    if media_type.lower().startswith("text/") and _is_utf8(attachment.content):
        parameters.insert(0, ' charset="utf-8"')
    disposition = ["attachment", *filename_pieces(attachment.filename)]
    fields = (
        _parameterised("Content-Type", [media_type, *parameters])
        + _parameterised("Content-Disposition", disposition)
        + "Content-Transfer-Encoding: base64\r\n"
    )
    return Entity(fields, encode_base64(attachment.content))


def _parameterised(name: str, pieces: list[str]) -> str:
    return fold(name=name, pieces=[*(f"{piece};" for piece in pieces[:-1]), pieces[-1]])


def _is_utf8(content: bytes) -> bool:
    """Said of a text file so that it is shown right: commands give no charset."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _multipart(entities: list[Entity], *, subtype: str, boundary: str) -> Entity:
    fields = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n'
    delimiter = f"--{boundary}\r\n".encode()
    pieces: list[bytes] = []
    for entity in entities:
        # the CRLF after the body belongs to the delimiter that follows (RFC 2046 section 5.1.1)
        pieces += [delimiter, entity.fields.encode(), b"\r\n", entity.body, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return Entity(fields, b"".join(pieces))


def _boundary_token(message_id: str, texts: list[Entity]) -> str:
    """What boundaries are made of: of the Message-ID, so that a retry is the same to the byte.

    It stands in no text body; base64 cannot hold the `=_` before it.
    """
    for salt in count():
        token = blake2b(f"{salt}{message_id}".encode(), digest_size=12).hexdigest()
        if not any(token.encode() in text.body for text in texts):
            break
    return token
