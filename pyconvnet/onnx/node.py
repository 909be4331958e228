"""One node of a graph as its operator's builder sees it: attributes that have to be read, inputs by position."""

_MISSING = object()


class Unsupported(NotImplementedError):
    """What a model asks for and this package does not offer; always found while loading."""


class Node:
    """Operator, its version (the opset in which it last changed, at the model's), attributes, input and output names.

    An attribute that no builder reads is an error: nothing that a model says is passed over.
    """

    def __init__(self, name, operator, version, attributes, inputs, outputs, known, ranks):
        self.name, self.operator, self.version = name, operator, version
        self.inputs, self.outputs = inputs, outputs
        self._attributes, self._known, self._ranks, self._read = attributes, known, ranks, set()

    def __str__(self):
        made = f"node {self.name!r}" if self.name else f"the node that makes {next(filter(None, self.outputs), '')!r}"
        return f"onnx: {made} ({self.operator}-{self.version})"

    def attribute(self, name, default=None):
        """Its value, or the default where the node leaves it out."""
        self._read.add(name)
        return self._attributes.get(name, default)

    def choice(self, name, default, *supported):
        """An attribute of which only some values are supported."""
        x = self.attribute(name, default)
        if x not in supported:
            raise self.unsupported(name, x, " or ".join(map(repr, supported)))
        return x

    def at_least(self, name, default, least):
        """A whole number, or for a list each of its numbers, checked."""
        x = self.attribute(name, default)
        if any(n < least for n in (x if isinstance(x, tuple) else (x,) if x is not None else ())):
            raise ValueError(f"{self}: attribute {name} must be {least} or more, got {x}")
        return x

    def unsupported(self, attribute, value, supported):
        """The error that names node, operator, attribute, value, and what is supported."""
        return Unsupported(f"{self}: attribute {attribute} = {value!r} is not supported; supported: {supported}")

    def constant(self, i):
        """The array behind input i, None for an input left out; Unsupported if it is known only when it runs."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        if not name:
            return None
        array = self._known(name, _MISSING)
        if array is _MISSING:
            raise Unsupported(f"{self}: input {i} ({name!r}) is computed; supported is a constant only")
        return array

    def rank(self, i):
        """The rank of input i, where an initializer or a declared input tells it while loading; otherwise None."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        array = self._known(name, None)
        return self._ranks.get(name) if array is None else array.ndim

    def all_read(self):
        """Unsupported, if an attribute was given that nobody asked for."""
        for name in self._attributes:
            if name not in self._read:
                raise self.unsupported(name, self._attributes[name], f"{self.operator} without it")
