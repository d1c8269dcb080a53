"""What operators are shown of a catalog: lines for people, JSON for scripts."""

from collections.abc import Iterator
from typing import Any

from deliveries.catalog.catalog import Catalog, CatalogError, Template


def catalog_lines(catalog: Catalog) -> Iterator[str]:
    for template_id in catalog.template_ids:
        templates = _by_locale(catalog, template_id)
        names = ", ".join(template.locale_used for template in templates)
        yield f"{template_id}: {names}"
        for template in templates:
            for name in sorted(template.unused):
                yield f"  note: '{name}' is declared, and {template.locale_used} does not use it"
    yield f"templates: {len(catalog.template_ids)}, digest: {catalog.digest}"


def catalog_as_json(catalog: Catalog) -> dict[str, Any]:
    templates = [
        {
            "template_id": template_id,
            "locales": list(catalog.locales(template_id)),
            "required": sorted(first.required),
            "optional": sorted(first.optional),
            "html": first.has_html,
            "unused": {t.locale_used: sorted(t.unused) for t in (first, *others) if t.unused},
        }
        for template_id in catalog.template_ids
        for first, *others in [_by_locale(catalog, template_id)]
    ]
    return {"digest": catalog.digest, "templates": templates, "problems": []}


def problems_as_json(error: CatalogError) -> dict[str, Any]:
    problems = [
        {"path": problem.path, "line": problem.line, "text": problem.text}
        for problem in error.problems
    ]
    return {"digest": None, "templates": [], "problems": problems}


def _by_locale(catalog: Catalog, template_id: str) -> list[Template]:
    return [catalog.find(template_id, locale) for locale in catalog.locales(template_id)]
