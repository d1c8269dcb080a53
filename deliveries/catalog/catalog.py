"""The template catalog: an immutable set of templates, read and proven once, at start-up.

    catalog = load_catalog(directory=Path("templates"), default_locale="en")
    mail = render(catalog.find("auth.login_code", "de-AT"), {"code": "123456"})

Nothing is read again: a changed folder is another catalog, with another digest.
"""

from collections.abc import Mapping
from pathlib import Path

from deliveries.catalog.errors import Part, RenderFailed, TemplateNotFound, VariableMissing
from deliveries.catalog.loading import load_templates
from deliveries.catalog.locales import lookup
from deliveries.catalog.problem import CatalogError, Problem
from deliveries.catalog.rendering import Rendered, Template, render
from deliveries.catalog.tree import Tree

__all__ = [
    "Catalog",
    "CatalogError",
    "Part",
    "Problem",
    "RenderFailed",
    "Rendered",
    "Template",
    "TemplateNotFound",
    "VariableMissing",
    "load_catalog",
    "render",
]


class Catalog:
    """Templates by id and locale. Safe to share between threads: nothing in it changes.

    `digest` is the SHA-256 of the catalog's files, in hex; it is recorded with what was rendered.
    """

    def __init__(
        self,
        *,
        templates: Mapping[str, Mapping[str, Template]],
        default_locale: str,
        digest: str,
    ) -> None:
        self._templates = templates
        self._default_locale = default_locale
        self.digest = digest

    @property
    def template_ids(self) -> tuple[str, ...]:
        return tuple(sorted(self._templates))

    def locales(self, template_id: str) -> tuple[str, ...]:
        """The locales in which a template is written. Raises TemplateNotFound."""
        return tuple(sorted(self._by_locale(template_id)))

    def find(self, template_id: str, locale: str) -> Template:
        """The template in this locale, a wider one of its language, or the default locale.

        The case of `locale` does not matter. Raises TemplateNotFound for an unknown id only.
        """
        by_locale = self._by_locale(template_id)
        for name in lookup(locale=locale, default=self._default_locale):
            if name in by_locale:
                return by_locale[name]
        raise TemplateNotFound(template_id)

    def _by_locale(self, template_id: str) -> Mapping[str, Template]:
        try:
            return self._templates[template_id]
        except KeyError:
            raise TemplateNotFound(template_id) from None


def load_catalog(*, directory: Path, default_locale: str) -> Catalog:
    """Reads, compiles and tries every template. Raises CatalogError with all problems at once."""
    tree = Tree(directory)
    templates, problems = load_templates(folders=tree.read(), default_locale=default_locale)
    problems += tree.problems
    if problems:
        raise CatalogError(tuple(sorted(set(problems))))
    return Catalog(templates=templates, default_locale=default_locale, digest=tree.digest)
