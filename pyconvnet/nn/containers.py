"""Modules of modules: one after the other, or as a list."""

import operator

from .module import Module


class _Numbered(Module):
    """Modules in an order, named by their number unless they were given names."""

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __contains__(self, module):
        return any(m is module for m in self)

    def __getitem__(self, i):
        found = list(self._modules.items())[i if isinstance(i, slice) else self._at(i)]
        return self._part(found) if isinstance(i, slice) else found[1]

    def __setitem__(self, i, module):
        setattr(self, list(self._modules)[self._at(i)], self._checked(module))

    def __delitem__(self, i):
        kept = list(self)
        del kept[i if isinstance(i, slice) else self._at(i)]
        self._renumber(kept)

    def append(self, module):
        """Add one at the end."""
        setattr(self, str(len(self)), self._checked(module))
        return self

    def extend(self, modules):
        """Add several at the end."""
        for m in list(modules):
            self.append(m)
        return self

    def insert(self, index, module):
        """Add one before position `index`."""
        modules = list(self)
        modules.insert(index, self._checked(module))
        self._renumber(modules)
        return self

    def pop(self, key):
        """Take out and return the one at position `key`."""
        module = self[key]
        del self[key]
        return module

    def _renumber(self, modules):
        self._modules.clear()
        self._modules.update({str(i): m for i, m in enumerate(modules)})

    def _at(self, i):
        try:
            i = operator.index(i)
        except TypeError:
            raise TypeError(f"{type(self).__name__}: a position must be an int or a slice, got {i!r}") from None
        if not -len(self) <= i < len(self):
            raise IndexError(f"{type(self).__name__}: position {i} is out of range, it holds {len(self)} modules")
        return i % len(self)

    def _checked(self, m):
        if not isinstance(m, Module):
            raise TypeError(f"{type(self).__name__} holds Modules, got {type(m).__name__}")
        return m


class Sequential(_Numbered):
    """Modules applied one after the other, named 0, 1, 2, ... or by the keys of one dict given; a slice keeps names.

    Slide "Recap: Convolutional Neural Networks" (in part): stack multiple stages of feature extractors.
    """

    def __init__(self, *args):
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], dict) else enumerate(args)
        for name, m in named:
            self.add_module(str(name), self._checked(m))

    def forward(self, input):
        for m in self._modules.values():
            input = m(input)
        return input

    def _part(self, named):
        return Sequential(dict(named))


class ModuleList(_Numbered):
    """A list of modules whose parameters are found; it has no forward."""

    def __init__(self, modules=None):
        super().__init__()
        self.extend(modules or ())

    def _part(self, named):
        return ModuleList(m for _, m in named)
