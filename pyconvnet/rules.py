"""`python -m pyconvnet.rules`: the table of derivatives, read from the code of the primitives.

Per primitive its formula (the docstring) and per argument its rule, as it stands in the code but for what goes without
saying: sums over broadcast axes, underscores, settings that are handed on.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from dataclasses import dataclass, field

from . import primitives
from .autograd import registry

LEGEND = """\
The derivatives of the primitives, read from their code
=======================================================

    f(x, y; s) = ...    a primitive: its arguments x and y, after the semicolon its settings
        d/dx  ...       the rule of x: dL/dx, for any loss L that depends on the result

    g        the cotangent of the result: dL/d(result), of the shape of the result
    y        the result itself; called z where an argument is called y
    ; s      the setting s as it was given; `; ...` all of them
    with     says what a name means that is no primitive (nor a plain function of NumPy: sign, sqrt)

Not written out: an argument x that was broadcast gets its cotangent summed over the axes it was broadcast along, by
sum_to(...; shape=x.shape). An argument without a line gets no gradient. The rules use primitives only, so they can
themselves be differentiated, to every order."""

COMPOSED = "by the rules of the composed form:"
FIRST = ("elementwise", "reduce", "shape", "matmul", "conv")  # the order of teaching; other files follow
WIDTH = 120


@dataclass
class Entry:
    """One primitive: how it is called, what it computes, {argument: rule}, and notes: what the rules' names mean."""

    name: str
    call: str
    formula: str
    rules: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


def chapters():
    """[(title, [Entry, ...])], one chapter per file of primitives; every registered primitive once."""
    found = []
    files = [info.name for info in pkgutil.iter_modules(primitives.__path__)]
    for name in sorted(files, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        module = importlib.import_module(f"{primitives.__name__}.{name}")
        source = _Source(ast.parse(inspect.getsource(module)))
        entries = [source.entry(p) for p in vars(module).values() if _made_in(p, module)]
        if entries:
            found.append((inspect.getdoc(module).splitlines()[0], entries))
    return found


def _made_in(p, module):
    return registry.get(getattr(p, "__name__", None)) is p and p.function.__module__ == module.__name__


class _Source:
    """What a file of primitives says about their rules."""

    def __init__(self, tree):
        self.definitions = {s.name: s for s in tree.body if isinstance(s, (ast.FunctionDef, ast.ClassDef))}
        self.rules = {}  # name of a primitive: the expression of each argument's rule
        self.explained = set()  # names that an entry above has told the meaning of
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
                self.rules[statement.targets[0].value.id] = [statement.value]  # NAME.rules = ...: any number of them
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                self._read(statement.value)

    def _read(self, call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "gradients":
            self.rules[call.func.value.id] = call.args
        elif isinstance(call.func, ast.Name) and call.func.id == "adjoint":
            a, a_t = (argument.id for argument in call.args)
            self.rules[a], self.rules[a_t] = [_transpose(a, a_t)], [_transpose(a_t, a)]

    def entry(self, p):
        signature = inspect.signature(p.function).parameters
        several = [n for n, a in signature.items() if a.kind is a.VAR_POSITIONAL]
        settings = [n for n, a in signature.items() if a.kind is a.KEYWORD_ONLY]
        arguments = [f"{n[:-1]}_i" if n in several else n for n in signature if n not in settings]
        shown = "x_0, x_1, ..." if several else ", ".join(arguments)
        call = f"{p.__name__}({shown}{'; ' + ', '.join(settings) if settings else ''})"
        entry = Entry(p.__name__, call, inspect.getdoc(p).splitlines()[0])
        rules = self.rules.get(p.__name__, [])
        if len(rules) == 1 and isinstance(rules[0], ast.Starred):
            self._composed(rules[0].value.elt.args[0].id, arguments, entry)
        else:
            for argument, rule in zip(arguments, rules):
                self._rule(argument, rule, entry)
        words = re.findall(r"\w+", " ".join([*entry.rules.values(), *entry.notes]))
        for name in dict.fromkeys(f"_{word}" for word in words):
            if name in self.definitions and name not in self.explained:
                self.explained.add(name)
                call = f"{name[1:]}({', '.join(a.arg for a in self.definitions[name].args.args)})"
                entry.notes.append(f"with {call} = {ast.get_docstring(self.definitions[name])}")
        return entry

    def _rule(self, argument, rule, entry):
        if isinstance(rule, ast.Constant):
            return  # None: no gradient
        if isinstance(rule, ast.Lambda):
            entry.rules[argument] = _text(rule.body)
            cotangent = rule.args.args[0].arg
            note = f"with {cotangent} the cotangent of the result, for g is an argument here"
            entry.notes += [note] if cotangent != "g" and note not in entry.notes else []
        elif isinstance(rule, ast.Call):  # an object whose docstring says what all its rules are
            entry.rules[argument] = ast.get_docstring(self.definitions[rule.func.id])

    def _composed(self, name, arguments, entry):
        twin = self.definitions[name]
        entry.rules = dict.fromkeys(arguments, COMPOSED)
        for statement in twin.body:
            if isinstance(statement, ast.Assign):
                entry.notes.append(f"{_text(statement.targets[0]).strip('()')} = {_text(statement.value)}")
            elif isinstance(statement, ast.Return):
                entry.notes.append(f"y = {_text(statement.value)}")


def _transpose(a, a_t):
    """The rule of a, `lambda g, y, x: a_t(g; settings)`, the settings written out if they are few."""
    argument, *settings = inspect.signature(registry[a].function).parameters
    g = "u" if argument == "g" else "g"
    handed_on = ", ".join(f"{s}={s}" for s in settings) if len(settings) < 3 else "**settings"
    return ast.parse(f"lambda {g}: {a_t}({g}, {handed_on})", mode="eval").body


def _text(expression):
    return re.sub(r"\b(_|np\.|math\.)(?=[a-z])", "", ast.unparse(_Plain().visit(expression)))


class _Plain(ast.NodeTransformer):
    """unbroadcast(e, x) and value(e) become e, 0.0 becomes 0, and settings in a call stand behind a semicolon."""

    def visit_Constant(self, node):
        whole = isinstance(node.value, float) and node.value.is_integer()
        return ast.Constant(int(node.value)) if whole else node

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("unbroadcast", "value"):
            return node.args[0]
        arguments, settings = ", ".join(map(ast.unparse, node.args)), []
        for k in node.keywords:
            given = ast.unparse(k.value)
            settings.append("..." if k.arg is None else k.arg if given == k.arg else f"{k.arg}={given}")
        return ast.Name(f"{ast.unparse(node.func)}({arguments}{'; ' if settings else ''}{', '.join(settings)})")


def _lines(entry):
    has_left_side = re.match(r"\w+(\[[^\]]*\])? = ", entry.formula)
    head = f"{entry.call}{': ' if has_left_side else ' = '}{entry.formula}"
    yield from [head] if len(head) <= WIDTH else [f"{entry.call}:", f"        {entry.formula}"]
    if COMPOSED in entry.rules.values():
        yield f"    {', '.join(f'd/d{argument}' for argument in entry.rules)}  {COMPOSED}"
    else:
        width = max(map(len, entry.rules), default=0)
        yield from (f"    d/d{argument:<{width}}  {rule}" for argument, rule in entry.rules.items())
    for note in entry.notes:
        yield from textwrap.wrap(note, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12)


def text():
    """The whole table, as text."""
    lines, count = [LEGEND], 0
    for title, entries in chapters():
        lines += ["", "", title, "-" * len(title)]
        for entry in entries:
            lines += ["", *_lines(entry)]
            count += 1
    return "\n".join([*lines, "", f"{count} primitives."])


if __name__ == "__main__":
    print(text())
