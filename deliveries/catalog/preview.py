"""A rendering shown to an operator. Nothing is sent or stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deliveries.catalog.catalog import (
    Catalog,
    Rendered,
    RenderFailed,
    TemplateNotFound,
    VariableMissing,
    render,
)

PARTS = ("subject", "text", "html")


class PreviewError(Exception):
    """Nothing can be shown. The message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent, and the locale that was found."""

    template_id: str
    locale_used: str
    rendered: Rendered = field(repr=False)

    def part(self, name: str) -> str:
        """One of PARTS, as it would be sent. Raises PreviewError where there is no HTML."""
        bodies = (self.rendered.subject, self.rendered.text_body, self.rendered.html_body)
        text = dict(zip(PARTS, bodies, strict=True))[name]
        if text is None:
            raise PreviewError(f"{self.template_id} has no html.html")
        return text

    def as_json(self) -> dict[str, str | None]:
        return {
            "template_id": self.template_id,
            "locale_used": self.locale_used,
            "subject": self.rendered.subject,
            "text_body": self.rendered.text_body,
            "html_body": self.rendered.html_body,
        }

    def __str__(self) -> str:
        lines = [
            f"Template: {self.template_id}, locale {self.locale_used}",
            f"Subject: {self.rendered.subject}",
        ]
        for name, body in (("text", self.rendered.text_body), ("html", self.rendered.html_body)):
            if body is not None:
                lines += ["", f"--- {name} ---", body.rstrip("\n")]
        return "\n".join(lines)


def preview(
    *, catalog: Catalog, template_id: str, locale: str, variables: Mapping[str, Any]
) -> Preview:
    """Renders as acceptance does. Raises PreviewError."""
    try:
        template = catalog.find(template_id, locale)
        rendered = render(template, variables)
    except TemplateNotFound:
        known = ", ".join(catalog.template_ids)
        raise PreviewError(f"there is no template {template_id!r}; there are {known}") from None
    except (VariableMissing, RenderFailed) as error:
        raise PreviewError(f"{template_id}, locale {template.locale_used}: {error}") from None
    return Preview(template_id, template.locale_used, rendered)
