"""manage.py render_template"""

import json
import os
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from deliveries.catalog.catalog import CatalogError, load_catalog
from deliveries.catalog.preview import PARTS, PreviewError, preview
from deliveries.json_files import JsonFileError, read_object
from deliveries.management.operator_command import StatusCommand


class Command(StatusCommand):
    help = "Show what a template becomes."
    statuses = {
        1: "it does not render",
        2: "the command line is wrong, or the variables cannot be read",
        os.EX_CONFIG: "the configuration is wrong, or a start would refuse the templates",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("template_id")
        parser.add_argument("locale")
        parser.add_argument(
            "--variables", metavar="F", required=True, help="JSON file; - for stdin"
        )
        parser.add_argument("--part", choices=PARTS, help="print only this part, as it is sent")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        mail, template_id, locale = settings.MAIL, options["template_id"], options["locale"]
        try:
            given = read_object(options["variables"])
            catalog = load_catalog(directory=mail.template_dir, default_locale=mail.default_locale)
            seen = preview(catalog=catalog, template_id=template_id, locale=locale, variables=given)
            text = seen.part(options["part"]) if options["part"] else str(seen)
        except JsonFileError as error:
            raise CommandError(str(error), returncode=2) from None
        except PreviewError as error:
            raise CommandError(str(error), returncode=1) from None
        except CatalogError as error:
            raise CommandError(str(error), returncode=os.EX_CONFIG) from None
        self.stdout.write(json.dumps(seen.as_json()) if options["json"] else text)
