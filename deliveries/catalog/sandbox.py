"""The environment in which templates are compiled and run.

Strict: what is missing fails, and so does printing what no reader should see. Sandboxed: a dot or a
subscript reaches into the command's data and never a method of Python. HTML parts escape whatever
they print, and there is no way to turn that off.
"""

from types import MappingProxyType

from jinja2 import StrictUndefined, Template, nodes
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from deliveries.catalog import bounds, filters
from deliveries.catalog.bounds import Value
from deliveries.catalog.errors import ExpressionError, Part

_KINDS = MappingProxyType(
    {
        dict: "an object",
        list: "a list",
        tuple: "a list",
        str: "a text",
        int: "a number",
        float: "a number",
        bool: "true or false",
        type(None): "null",
    }
)

# Jinja's filters that are not offered, and why.
REFUSED_FILTERS = MappingProxyType(
    {
        "safe": "HTML parts escape every variable",
        "attr": "a dot or a subscript reaches everything that a template may read",
        "random": "a preview must show what is sent",
        "pprint": "it shows readers how Python writes values",
    }
)


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "something else")


def printable(value: object) -> object:
    """What an expression prints: text and numbers; a macro's result is text too."""
    if isinstance(value, str | Undefined):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ExpressionError(f"it prints {_kind(value)} where text is wanted")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, narrowed to data. Use `compile_part`, not the loading methods."""

    intercepted_binops = frozenset({"*", "**"})
    concat = staticmethod(bounds.concat)

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            finalize=printable,
            autoescape=lambda name: name is not None and name.endswith(Part.HTML.value),
        )
        for name in REFUSED_FILTERS:
            del self.filters[name]
        del self.globals["lipsum"]
        self.filters.update(
            {
                "date": filters.date,
                "datetime": filters.date_and_time,
                "link": filters.web_address,
                "join": bounds.join,
                "replace": bounds.replace,
                bounds.COUNTED: bounds.counted,
            }
        )

    def getattr(self, obj: object, attribute: str) -> Value:
        """`obj.attribute`: the member of an object. The name stands in the template."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if type(obj) in _KINDS or isinstance(obj, str):
            return self.undefined(f"{_kind(obj)} has no member '{attribute}'")
        return super().getattr(obj, attribute)

    def getitem(self, obj: object, argument: Value) -> Value:
        """`obj[argument]`. The argument may be data, so it is never told."""
        if isinstance(obj, dict | list | tuple | str):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        if isinstance(obj, Undefined):
            str(obj)  # raises what is missing
        return self.undefined(f"{_kind(obj)} has nothing at that subscript")

    def call(self, context: Context, obj: Value, /, *args: Value, **kwargs: Value) -> Value:
        bounds.spend(context, bounds.CALL)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Value, right: Value) -> Value:
        bounds.spend(context, 1)
        return bounds.multiply(left, right) if operator == "*" else bounds.power(left, right)


class _LoopCounting(NodeTransformer):
    """Makes every loop charge what it runs over."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja calls it by this name
        self.generic_visit(node)
        node.iter = nodes.Filter(
            node.iter, bounds.COUNTED, [], [], None, None, lineno=node.iter.lineno
        )
        return node


def compile_part(*, sandbox: Sandbox, tree: nodes.Template, name: str) -> Template:
    """Compiles a part that `Sandbox.parse` has read; changes `tree`.

    `name` is its path: tracebacks are read by it, and it decides on escaping. TemplateSyntaxError
    where Jinja finds only now that it cannot be.
    """
    counting = _LoopCounting().visit(tree)
    counting.set_environment(sandbox)
    code = sandbox.compile(counting, name=name, filename=name)
    # a dict: of the chain that Jinja would make of them, each rendering takes a slow copy
    return Template.from_code(sandbox, code, dict(sandbox.globals))
