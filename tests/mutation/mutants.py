"""Small faults put into a module's source, one at a time: what tests that mean something must notice.

Every line that does something takes part, decorators, defaults and constants too. Left alone is only what nothing
happens by: docstrings, annotations, names of types, imports and `__all__`.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

TURNED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
LONGEST_TEXT = 90

Place = tuple[tuple[str, int | None], ...]
"""The way from the module down to a node: (field, index in it)."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault. `function` is the qualified name it lies in, "" where it runs at import."""

    path: Path
    line: int
    function: str
    name: str
    place: Place
    new: ast.AST

    def code(self) -> CodeType:
        """The whole module with this fault."""
        tree = ast.parse(self.path.read_text())
        node: ast.AST = tree
        for step in self.place[:-1]:
            node = _at(node, step)
        old, (field, index) = _at(node, self.place[-1]), self.place[-1]
        new = ast.fix_missing_locations(ast.copy_location(self.new, old))
        if index is None:
            setattr(node, field, new)
        else:
            getattr(node, field)[index] = new
        return compile(ast.fix_missing_locations(tree), str(self.path), "exec")


def _at(node: ast.AST, step: tuple[str, int | None]) -> ast.AST:
    field, index = step
    value = getattr(node, field)
    return value if index is None else value[index]


def mutants(path: Path) -> list[Mutant]:
    """All of one file, in the order of its lines; a name stays the same while its line does, wherever that moves."""
    made: list[Mutant] = []
    seen: Counter[str] = Counter()
    module = path.parent.name if path.stem == "__init__" else path.stem
    for node, place, function in _walk(ast.parse(path.read_text()), (), "", ""):
        for new in _new(node):
            name = f"{module}:{function or '(import)'}: {_text(node)} -> {_text(new)}"
            seen[name] += 1
            again = f" #{seen[name]}" if seen[name] > 1 else ""
            made.append(Mutant(path, getattr(node, "lineno", 0), function, name + again, place, new))
    return made


def _walk(node: ast.AST, place: Place, scope: str, function: str) -> Iterator[tuple[ast.AST, Place, str]]:
    """Every node, its place and the outermost function in whose body it lies; `scope` is the name up to here."""
    defines = isinstance(node, ast.ClassDef | ast.FunctionDef)
    named = f"{scope}.{node.name}".lstrip(".") if isinstance(node, ast.ClassDef | ast.FunctionDef) else scope
    for field, value in ast.iter_fields(node):
        inside = function or (named if isinstance(node, ast.FunctionDef) and field == "body" else "")
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not _means_nothing(node, field, child):
                below = (*place, (field, index))
                yield child, below, inside
                yield from _walk(child, below, named if defines else scope, inside)


def _means_nothing(parent: ast.AST, field: str, node: ast.AST) -> bool:
    if field in {"annotation", "returns", "format_spec", "ctx"}:
        return True
    if isinstance(parent, ast.Expr):
        return isinstance(node, ast.Constant)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        aliased = isinstance(node.value, ast.Subscript) and ast.unparse(node.value.value) in {"tuple", "dict", "list"}
        return aliased or ast.unparse(node.targets[0]) == "__all__"
    return False


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A copy with other fields."""
    return type(node)(**(dict(ast.iter_fields(node)) | fields))


def _without(members: list[ast.AST], index: int) -> list[ast.AST]:
    return [*members[:index], *members[index + 1 :]]


def _put(members: list[ast.AST], index: int, new: ast.AST) -> list[ast.AST]:
    return [*members[:index], new, *members[index + 1 :]]


def _new(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901, PLR0912
    """What may stand there instead, one case for each kind of node."""
    nothing = ast.Constant(None)
    match node:
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as value):
            yield ast.Constant(f"XX{value}XX")
        case ast.Compare(ops=ops):
            for index, op in enumerate(ops):
                yield _with(node, ops=_put(list(ops), index, TURNED[type(op)]()))
        case ast.BoolOp(op=op, values=values):
            yield _with(node, op=TURNED[type(op)]())
            for index in range(len(values)):
                left = _without(list(values), index)
                yield left[0] if len(left) == 1 else _with(node, values=left)
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            if type(op) in TURNED:
                yield _with(node, op=TURNED[type(op)]())
            if isinstance(node, ast.AugAssign):
                yield ast.Assign([node.target], node.value)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.If() | ast.While():
            yield _with(node, test=ast.Constant(value=False))
            if isinstance(node, ast.If):
                yield _with(node, test=ast.Constant(value=True))
        case ast.comprehension(ifs=ifs):
            for index in range(len(ifs)):
                yield _with(node, ifs=_without(list(ifs), index))
                yield _with(node, ifs=[ast.Constant(value=False)])
        case ast.Call():
            yield from _new_calls(node)
        case ast.Lambda():
            yield _with(node, body=nothing)
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(nothing)
        case ast.Yield(value=value) if value is not None and not _is_none(value):
            yield ast.Yield(nothing)
        case ast.Assign(value=value) | ast.AnnAssign(value=value) if value is not None:
            yield _with(node, value=ast.Constant("") if _is_none(value) else nothing)
        case ast.Expr() | ast.Raise() | ast.Break():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.FunctionDef(decorator_list=around) | ast.ClassDef(decorator_list=around):
            for index in range(len(around)):
                yield _with(node, decorator_list=_without(list(around), index))


def _new_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Another function, an argument that is None, an argument that is missing."""
    nothing = ast.Constant(None)
    if isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
        yield _with(node, func=ast.Name(SWAPPED[node.func.id], ast.Load()))
    many = len(node.args) + len(node.keywords) > 1
    for index, one in enumerate(node.args):
        if not _is_none(one) and not isinstance(one, ast.Starred):
            yield _with(node, args=_put(list(node.args), index, nothing))
        if many:
            yield _with(node, args=_without(list(node.args), index))
    for index, word in enumerate(node.keywords):
        if not _is_none(word.value) and word.arg is not None:
            yield _with(node, keywords=_put(list(node.keywords), index, ast.keyword(word.arg, nothing)))
        if many:
            yield _with(node, keywords=_without(list(node.keywords), index))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
