"""Public functions say what they take and give, and the names that they say it with are there."""

import ast
import builtins
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "tf_facegan").rglob("*.py"))
CALLED = ("__init__", "__call__", "__len__", "__iter__", "__getitem__")


def public_functions(tree):
    """(name, whether it is a method with a first argument of its own, node) of public functions."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, False, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and (
                    not part.name.startswith("_") or part.name in CALLED
                ):
                    is_static = "staticmethod" in map(ast.unparse, part.decorator_list)
                    yield f"{node.name}.{part.name}", not is_static, part


def arguments_of(function, is_method):
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args][is_method:] + arguments.kwonlyargs
    return named + [one for one in (arguments.vararg, arguments.kwarg) if one]


def bound_names(tree):
    """Names that an annotation of a module can be made of."""
    names = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_functions_are_annotated(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = bound_names(tree)
    for name, is_method, function in public_functions(tree):
        arguments = arguments_of(function, is_method)
        lacking = [argument.arg for argument in arguments if argument.annotation is None]
        assert not lacking, f"{name}: {', '.join(lacking)}"
        assert function.returns or function.name == "__init__", f"{name}: what it returns"
        annotations = [*(argument.annotation for argument in arguments), function.returns]
        for annotation in filter(None, annotations):
            used = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
            assert used <= known, f"{name}: {used - known}"
