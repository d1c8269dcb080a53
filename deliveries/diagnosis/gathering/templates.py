"""The template catalog, read as a start would read it."""

from deliveries.catalog.catalog import CatalogError, load_catalog
from deliveries.conf import Config
from deliveries.diagnosis.facts import TemplateFacts


def gather_templates(config: Config) -> TemplateFacts:
    try:
        catalog = load_catalog(directory=config.template_dir, default_locale=config.default_locale)
    except CatalogError as error:
        return TemplateFacts(0, "", tuple(str(problem) for problem in error.problems))
    return TemplateFacts(count=len(catalog.template_ids), digest=catalog.digest)
