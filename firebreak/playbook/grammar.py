"""Which expressions exist: a short list of Jinja2's syntax nodes, and the names they use.

What is not on the list is refused, so there is no call, no loop, no Python attribute and nothing
that grows faster than the text of the expression.
"""

import math
import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateError, nodes
from jinja2.parser import Parser

from firebreak.errors import DefinitionError
from firebreak.playbook.filters import FILTERS

MAX_EXPRESSION = 2000  # characters
MAX_BRACKETS = 20  # nested
MAX_DEPTH = 64  # levels of the syntax tree; a chain of `and` counts each term
MAX_INTEGER = 2**53 - 1  # beyond this JSON readers disagree

TESTS = ("defined", "undefined", "none", "in")

_NODES = frozenset(
    {
        nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.List, nodes.Tuple, nodes.Dict,
        nodes.Pair, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
        nodes.Add, nodes.Sub, nodes.Neg, nodes.Concat, nodes.Filter, nodes.Test,
    }
)  # fmt: skip
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Call: "calls",
    nodes.Slice: "slices",
    nodes.Mul: "`*`",
    nodes.Pow: "`**`",
    nodes.Mod: "`%`",
    nodes.Div: "`/`",
    nodes.FloorDiv: "`//`",
    nodes.Pos: "unary `+`",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Jinja2 gives these a meaning of its own.
RESERVED = frozenset(
    {"self", "super", "caller", "loop", "varargs", "kwargs", "true", "false", "none"}
)

# Others would mean something else in another version of Python.
_STRING = re.compile(r"(?:[^\\]|\\[\\nrt'\"])*", re.DOTALL)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def parse(environment: Environment, expression: str) -> nodes.Expr:
    """The syntax tree of a bare expression, every node of it on the list.

    Raises:
        DefinitionError: it is too long, too deep, not an expression, or uses what is refused.
    """
    if len(expression) > MAX_EXPRESSION:
        raise DefinitionError(f"an expression is longer than {MAX_EXPRESSION} characters")
    if not expression.strip():
        raise DefinitionError("the expression is empty")
    try:
        _check_tokens(environment, expression)
        parser = Parser(environment, expression, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise DefinitionError(f"one expression ends before {parser.stream.current.value!r}")
    except (TemplateError, ValueError) as error:
        raise DefinitionError(f"not an expression: {error}") from error
    except RecursionError as error:
        raise DefinitionError("the expression is nested too deeply") from error
    _check(tree, MAX_DEPTH)
    return tree


def paths(tree: nodes.Node) -> Iterator[tuple[str, ...]]:
    """Every name the tree reads, with its fields as far as they are constant."""
    path = _path(tree)
    if path:
        yield path
        return
    base = _path(tree.node) if isinstance(tree, nodes.Getitem) else ()
    if base and isinstance(tree, nodes.Getitem):
        yield base
        yield from paths(tree.arg)
        return
    for child in tree.iter_child_nodes():
        yield from paths(child)


def _path(node: nodes.Node) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        base = _path(node.node)
        return (*base, node.attr) if base else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        base = _path(node.node)
        return (*base, str(node.arg.value)) if base else ()
    return ()


def _check_tokens(environment: Environment, expression: str) -> None:
    """What the tree no longer shows. Parentheses cost the parser ten frames each."""
    depth = 0
    for _, kind, text in environment.lexer.tokeniter(expression, None, state="variable"):
        if kind == "operator":
            depth += (text in _OPENING) - (text in _CLOSING)
        if kind == "string" and not _STRING.fullmatch(text):
            raise DefinitionError("in a string only \\n, \\r, \\t, \\\\ and quotes are escaped")
        if depth > MAX_BRACKETS:
            raise DefinitionError(f"brackets are nested deeper than {MAX_BRACKETS} levels")


def _check(node: nodes.Node, depth: int) -> None:
    if depth == 0:
        raise DefinitionError(f"the expression is nested deeper than {MAX_DEPTH} levels")
    if type(node) not in _NODES:
        what = _REFUSED.get(type(node), type(node).__name__.lower())
        raise DefinitionError(f"not accepted in an expression: {what}")
    if isinstance(node, nodes.Name):
        _check_name(node.name)
    elif isinstance(node, nodes.Const):
        _check_constant(node.value)
    elif isinstance(node, nodes.CondExpr) and node.expr2 is None:
        raise DefinitionError("`if` needs an `else` in an expression")
    elif isinstance(node, nodes.Filter | nodes.Test):
        _check_call(node)
    for child in node.iter_child_nodes():
        _check(child, depth - 1)


def _check_name(name: str) -> None:
    if name in RESERVED or not _NAME.fullmatch(name):
        raise DefinitionError(f"{name!r} is not a name; use lower-case letters, digits and _")


def _check_constant(value: object) -> None:
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise DefinitionError(f"a number is larger than {MAX_INTEGER}")
    if isinstance(value, float) and not math.isfinite(value):
        raise DefinitionError("a number is too large")


def _check_call(node: nodes.Filter | nodes.Test) -> None:
    kind, known = ("filter", tuple(FILTERS)) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        raise DefinitionError(f"no {kind} named {node.name!r}; there are: {', '.join(known)}")
    if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
        raise DefinitionError(f"{kind} {node.name} takes plain arguments only")
