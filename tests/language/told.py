"""Examples of the sentences that the service words in English, read from its own code."""

import ast
import re
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import opacimeter

PACKAGE = Path(opacimeter.__file__).parent
A_NUMBER = "7"
_FACTS = ("position", "orientation", "pixel spacing")
# What a loop puts in, by function and name: the code's text does not show it.
_LOOPED = {
    ("_check_geometry", "told"): [
        ", ".join(f"7 without {fact}" for fact in chosen)
        for count in (1, 2, 3)
        for chosen in combinations(_FACTS, count)
    ],
    ("_gap_check", "told"): ["-7.5 and -5 mm", "7 and 9 mm; 11 and 13 mm"],
    ("_aside", "kind"): ["MR", "PT/KO", "unknown"],
}


@dataclass(frozen=True)
class Code:
    """One function of a module."""

    module: ast.Module
    function: ast.FunctionDef

    def examples(self, node: ast.AST) -> list[str]:
        """What an expression may say, each place filled with what could stand there."""
        kinds = {
            ast.JoinedStr: lambda: self._joined(node.values),
            ast.BinOp: lambda: self._joined([node.left, node.right]),
            ast.IfExp: lambda: self.examples(node.body) + self.examples(node.orelse),
            ast.Name: lambda: self._named(node.id),
            ast.FormattedValue: lambda: (
                [A_NUMBER] if node.format_spec else self.examples(node.value)
            ),
            ast.Constant: lambda: [node.value] if isinstance(node.value, str) else [A_NUMBER],
            # Of an exception: its name, or its words, which are looked at where it is raised.
            ast.Attribute: lambda: ["ValueError"] if node.attr == "__name__" else [A_NUMBER],
            ast.Call: lambda: [] if ast.unparse(node) == "str(error)" else [A_NUMBER],
        }
        return kinds.get(type(node), lambda: [A_NUMBER])()

    def calls(self, name: str) -> list[ast.Call]:
        """Calls of a function or method, by its own name."""
        return [
            each
            for each in ast.walk(self.function)
            if isinstance(each, ast.Call)
            and getattr(each.func, "id", getattr(each.func, "attr", None)) == name
        ]

    def _joined(self, parts: list[ast.expr]) -> list[str]:
        return ["".join(chosen) for chosen in product(*map(self.examples, parts))]

    def _named(self, name: str) -> list[str]:
        if (looped := _LOOPED.get((self.function.name, name))) is not None:
            return looped
        assigned = [
            text
            for each in ast.walk(self.function)
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name
            for text in self.examples(each.value)
        ]
        if assigned:
            return assigned
        parameters = [each.arg for each in self.function.args.args]
        annotations = [
            ast.unparse(each.annotation or ast.Constant(0)) for each in self.function.args.args
        ]
        if name in parameters and annotations[parameters.index(name)] == "str":
            return self._given(parameters.index(name))
        return [A_NUMBER]

    def _given(self, place: int) -> list[str]:
        """What callers within the module give for a parameter."""
        return [
            text
            for code in codes_of(self.module)
            for call in code.calls(self.function.name)
            for text in code.examples(call.args[place])
        ]


def codes_of(module: ast.Module) -> list[Code]:
    """Its functions."""
    found = [each for each in ast.walk(module) if isinstance(each, ast.FunctionDef)]
    return [Code(module, function) for function in found]


def code(*paths: str) -> list[Code]:
    """The functions of modules of the package."""
    modules = (ast.parse((PACKAGE / path).read_text(encoding="utf-8")) for path in paths)
    return [each for module in modules for each in codes_of(module)]


# --- as words.js has it ----------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)*")


def key(text: str) -> str:
    """The key of a sentence."""
    slug = re.sub(r"[^a-z]+", "-", _NUMBER.sub("n", text).lower()).strip("-")
    return f"result.sentence.{slug}"


def is_known(text: str, known: object) -> bool:
    """Whether it has a text, itself or with what stands in brackets as a place."""
    return key(text) in known or key(re.sub(r"\([^()]*\)", "x", text)) in known


def clauses_unknown(text: str, known: object) -> list[str]:
    """The clauses that would stay English."""
    sentences = re.split(r"(?<=\.)\s+", text.strip())
    return [
        clause
        for sentence in sentences
        if not is_known(sentence, known)
        for clause in re.split(r"(?<=[;:])\s+", sentence)
        if not is_known(clause, known)
    ]
