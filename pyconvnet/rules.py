"""`python -m pyconvnet.rules`: the table of derivatives, read from the code of the primitives.

Per primitive its formula (the docstring) and per argument its rule: the cotangent of that argument from g, the
cotangent of the result. The rules are shown as they stand, but for sums over broadcast axes, which go without saying.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass, field

from . import primitives
from .autograd import registry

TWIN = "found on the tape of its composed twin"
FIRST = ("elementwise", "reduce", "shape", "matmul", "conv")  # the order of teaching; other files follow


@dataclass
class Entry:
    """One primitive: how it is called, what it computes, and {argument: rule}."""

    name: str
    call: str
    formula: str
    rules: dict = field(default_factory=dict)


def chapters():
    """[(title, [Entry, ...])], one chapter per file of primitives; every registered primitive once."""
    found = []
    files = [info.name for info in pkgutil.iter_modules(primitives.__path__)]
    for name in sorted(files, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        module = importlib.import_module(f"{primitives.__name__}.{name}")
        rules = _rules_of(ast.parse(inspect.getsource(module)))
        entries = [_entry(p, rules.get(p.__name__, [])) for p in vars(module).values() if _made_in(p, module)]
        if entries:
            found.append((inspect.getdoc(module).splitlines()[0], entries))
    return found


def _made_in(p, module):
    return registry.get(getattr(p, "__name__", None)) is p and p.function.__module__ == module.__name__


def _entry(p, rules):
    signature = inspect.signature(p.function)
    arguments = [n for n, a in signature.parameters.items() if a.kind is not inspect.Parameter.KEYWORD_ONLY]
    shown = [f"*{n}" if signature.parameters[n].kind is inspect.Parameter.VAR_POSITIONAL else n for n in arguments]
    settings = [n for n in signature.parameters if n not in arguments]
    call = f"{p.__name__}({', '.join(shown)}{'; ' + ', '.join(settings) if settings else ''})"
    if rules == [TWIN]:
        rules = [TWIN] * len(arguments)
    named = {a: rule for a, rule in zip(shown, rules) if rule is not None}
    return Entry(p.__name__, call, inspect.getdoc(p).splitlines()[0], named)


def _rules_of(tree):
    """{name of a primitive: [rule of each argument as text, or None]} from the top-level statements of a file."""
    rules = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
            rules[statement.targets[0].value.id] = ["its own part of g"]  # NAME.rules = ...: any number
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
            continue
        call = statement.value
        if isinstance(call.func, ast.Attribute) and call.func.attr == "gradients":
            rules[call.func.value.id] = [_text(rule) for rule in call.args]
        elif isinstance(call.func, ast.Name) and call.func.id == "adjoint":
            a, a_t = (argument.id for argument in call.args)
            rules[a], rules[a_t] = [f"{a_t}(g)"], [f"{a}(g)"]
    return rules


def _text(rule):
    """A rule as text; the names are those it gives to the cotangent (g unless it says otherwise) and the arguments."""
    if isinstance(rule, ast.Constant) and rule.value is None:
        return None
    if not isinstance(rule, ast.Lambda):
        return TWIN
    cotangent = rule.args.args[0].arg
    body = re.sub(r"\b(_|np\.)(?=[a-z])", "", ast.unparse(_Plain().visit(rule.body)))
    return body if cotangent == "g" else f"{body}    ({cotangent} is the cotangent)"


class _Plain(ast.NodeTransformer):
    """unbroadcast(e, x) and value(e) become e; keyword arguments that only pass settings on are left out."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("unbroadcast", "value"):
            return node.args[0]
        node.keywords = [k for k in node.keywords if k.arg and ast.unparse(k.value) != k.arg]
        return node


def text():
    """The whole table, as text."""
    lines = []
    for title, entries in chapters():
        lines += ["", title, "-" * len(title)]
        for entry in entries:
            lines += ["", f"{entry.call}    {entry.formula}"]
            width = max(map(len, entry.rules), default=0)
            lines += [f"    d/d{argument:<{width}}  {rule}" for argument, rule in entry.rules.items()]
            if not entry.rules:
                lines.append("    no gradient")
    count = sum(len(entries) for _, entries in chapters())
    lines += ["", f"{count} primitives. g is the cotangent of the result y (z where an argument is called y). The"]
    lines += ["rules use primitives only, so they can themselves be differentiated, to every order."]
    return "\n".join(lines).lstrip("\n")


if __name__ == "__main__":
    print(text())
