"""What is wrong with a part, found by reading it, before it has run."""

from collections.abc import Iterator

from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from deliveries.catalog.sandbox import REFUSED_FILTERS, Sandbox

_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


def names_used(*, sandbox: Sandbox, tree: nodes.Template) -> set[str]:
    """The variables that a part takes from the command."""
    return find_undeclared_variables(tree) - set(sandbox.globals)


def objections(
    *, sandbox: Sandbox, tree: nodes.Template, declared: frozenset[str] | None
) -> Iterator[tuple[int, str]]:
    """Line and text of each objection. `declared` None: what is declared is not known.

    Unknown filters and tests are replaced in `tree`, so that the rest of it can be judged.
    """
    yield from _unknown_functions(sandbox=sandbox, tree=tree)
    if declared is not None:
        undeclared = names_used(sandbox=sandbox, tree=tree) - declared
        yield from _undeclared(tree=tree, names=undeclared)
    for node in tree.find_all(_OTHER_FILES):
        yield node.lineno, "a template stands alone: no include, import or extends"
    for modifier in tree.find_all(nodes.EvalContextModifier):
        yield modifier.lineno, "escaping is fixed by the kind of part: no autoescape"
    for member in tree.find_all(nodes.Getattr):
        if member.attr.startswith("_"):
            yield member.lineno, f"'{member.attr}' is out of reach for a template"


def _unknown_functions(*, sandbox: Sandbox, tree: nodes.Template) -> Iterator[tuple[int, str]]:
    for used in tree.find_all(nodes.Filter):
        if used.name not in sandbox.filters:
            why = REFUSED_FILTERS.get(used.name)
            yield used.lineno, f"no filter '{used.name}'" + (f": {why}" if why else "")
            used.name = "string"
    for test in tree.find_all(nodes.Test):
        if test.name not in sandbox.tests:
            yield test.lineno, f"no test '{test.name}'"
            test.name = "defined"


def _undeclared(*, tree: nodes.Template, names: set[str]) -> Iterator[tuple[int, str]]:
    for name in sorted(names):
        lines = [
            node.lineno
            for node in tree.find_all(nodes.Name)
            if node.name == name and node.ctx == "load"
        ]
        yield min(lines, default=1), f"the variable '{name}' is not declared in template.json"
