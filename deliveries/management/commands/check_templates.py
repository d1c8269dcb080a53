"""manage.py check_templates"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from deliveries.catalog.catalog import CatalogError, load_catalog
from deliveries.catalog.report import catalog_as_json, catalog_lines, problems_as_json
from deliveries.management.operator_command import StatusCommand


class Command(StatusCommand):
    help = "Read, compile and try every template."
    statuses = {os.EX_CONFIG: "the configuration is wrong, or a start would refuse the templates"}

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dir", type=Path, help="another folder than MAIL_TEMPLATE_DIR")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        directory = options["dir"] or settings.MAIL.template_dir
        locale = settings.MAIL.default_locale
        try:
            catalog = load_catalog(directory=directory, default_locale=locale)
        except CatalogError as error:
            if options["json"]:
                self.stdout.write(json.dumps(problems_as_json(error)))
            else:
                self.stderr.write(str(error))
            sys.exit(os.EX_CONFIG)
        if options["json"]:
            self.stdout.write(json.dumps(catalog_as_json(catalog)))
        else:
            self.stdout.write("\n".join(catalog_lines(catalog)))
