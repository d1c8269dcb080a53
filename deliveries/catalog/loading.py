"""From the files of a catalog to templates that are known to render."""

from collections.abc import Iterator, Mapping
from typing import Any

import jinja2

from deliveries.catalog.errors import Part, RenderFailed
from deliveries.catalog.inspection import names_used, objections
from deliveries.catalog.locales import canonical
from deliveries.catalog.manifest import Manifest, ManifestError, read_manifest
from deliveries.catalog.problem import Problem
from deliveries.catalog.rendering import Template, render
from deliveries.catalog.sandbox import Sandbox, compile_part
from deliveries.catalog.tree import Source, TemplateFolder

Templates = dict[str, dict[str, Template]]


def load_templates(
    *, folders: list[TemplateFolder], default_locale: str
) -> tuple[Templates, list[Problem]]:
    """Templates by id and locale, and what is wrong with them."""
    loading = _Loading(default_locale)
    templates = {folder.template_id: loading.load(folder) for folder in folders}
    return templates, loading.problems


class _Loading:
    def __init__(self, default_locale: str) -> None:
        self._sandbox = Sandbox()
        self._default = canonical(default_locale)
        self.problems: list[Problem] = []

    def load(self, folder: TemplateFolder) -> dict[str, Template]:
        manifest = self._manifest(folder.manifest)
        self._compare_locales(folder)
        templates = {}
        for locale, locale_folder in folder.locales.items():
            sources = locale_folder.sources
            parts, used = self._compile(sources, manifest)
            if manifest is None or parts is None or not {Part.SUBJECT, Part.TEXT} <= set(parts):
                continue
            template = Template(
                template_id=folder.template_id,
                locale_used=locale,
                required=manifest.required,
                optional=manifest.optional,
                unused=manifest.declared - used,
                parts=parts,
            )
            self._try_examples(template, manifest, sources)
            templates[locale] = template
        return templates

    def _manifest(self, source: Source | None) -> Manifest | None:
        if source is None:
            return None
        try:
            return read_manifest(source.text)
        except ManifestError as error:
            for line, text in error.objections:
                self._object(source.path, text, line=line)
            return None

    def _compare_locales(self, folder: TemplateFolder) -> None:
        if self._default not in folder.locales:
            found = ", ".join(sorted(folder.locales)) or "none"
            text = f"the default locale {self._default} is missing (found: {found})"
            self._object(folder.path, text)
        with_html = [name for name, locale in folder.locales.items() if locale.has_html]
        for locale in folder.locales.values():
            if with_html and not locale.has_html:
                self._object(locale.path, f"html.html is missing, and {with_html[0]} has one")

    def _compile(
        self, sources: Mapping[Part, Source], manifest: Manifest | None
    ) -> tuple[dict[Part, jinja2.Template] | None, set[str]]:
        """The parts, None if one is wrong, and the variables that they use."""
        declared = None if manifest is None else manifest.declared
        parts, used = {}, set()
        found = len(self.problems)
        for part, source in sources.items():
            try:
                tree = self._sandbox.parse(source.text, source.name, source.name)
                for line, text in objections(sandbox=self._sandbox, tree=tree, declared=declared):
                    self._object(source.path, text, line=line)
                used |= names_used(sandbox=self._sandbox, tree=tree)
                parts[part] = compile_part(sandbox=self._sandbox, tree=tree, name=source.name)
            except jinja2.TemplateSyntaxError as error:
                self._object(source.path, f"does not parse: {error.message}", line=error.lineno)
        return (parts if len(self.problems) == found else None), used

    def _try_examples(
        self, template: Template, manifest: Manifest, sources: Mapping[Part, Source]
    ) -> None:
        for number, example in enumerate(manifest.examples, start=1):
            for left_out, variables in _variations(example, manifest.optional):
                try:
                    render(template, variables)
                except RenderFailed as failure:
                    source = sources[failure.part]
                    text = f"example {number}{left_out} does not render: {failure.reason}"
                    self._object(source.path, text, line=failure.line or 1)
                    break

    def _object(self, path: str, text: str, *, line: int = 1) -> None:
        self.problems.append(Problem(path, line, text))


def _variations(
    example: dict[str, Any], optional: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The example, then without each of its optional variables, then without any of them."""
    yield "", example
    given = sorted(optional & example.keys())
    for name in given:
        yield f" without '{name}'", {k: v for k, v in example.items() if k != name}
    if len(given) > 1:
        bare = {name: value for name, value in example.items() if name not in optional}
        yield " without optional variables", bare
