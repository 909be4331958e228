"""The pickle machine, without its power: a pickle is a program for a stack, and most of its instructions are data.

Ours knows the instructions that make dicts, lists, tuples, numbers and text, and three with names in them, for which
`named` (torch_names.py) decides what to build. It imports nothing and calls nothing that the file chose.
"""

import pickletools

from .numpy_names import Stateful
from .torch_names import Named, put

INSTRUCTIONS = 2**20  # a large network has a hundred thousand
LONGEST = 2**27  # bytes of a pickle; the numbers stand beside it
DEPTH, PARTS = 64, 2**22  # how deep a tree may be, and how large when a part is counted wherever it occurs

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
NEW = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}
DATA = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
REFUSED = {"INST": "makes an object", "OBJ": "makes an object", "NEWOBJ": "makes an object", "NEWOBJ_EX":
           "makes an object", "EXT1": "names a registered extension", "EXT2": "names a registered extension", "EXT4":
           "names a registered extension", "PERSID": "refers to something outside", "NEXT_BUFFER":
           "refers to something outside"}  # fmt: skip
_MARK = object()


class _Within:
    """The rest of a file for reading, never more than there is: a length that lies must not claim memory."""

    def __init__(self, file, size):
        self.file, self.size, self.tell = file, size, file.tell

    def read(self, count):
        return self.file.read(max(0, min(count, self.size - self.file.tell())))

    def readline(self):
        return self.file.readline(2**16)


def run(file, size, named, stored=None):
    """What the pickle at the place of `file` (of `size` bytes) builds, and leaves the file behind it. ValueError.

    `named(module, name)` -> Named; `stored(tuple)` -> Storage for what PyTorch keeps beside the pickle.
    """
    stack, memo, count = [], {}, 0
    size = min(size, file.tell() + LONGEST)

    def mark():  # all above the last mark, which goes away
        place = next((i for i in range(len(stack) - 1, -1, -1) if stack[i] is _MARK), None)
        if place is None:
            raise ValueError("an instruction wants a mark that was never set")
        items = stack[place + 1 :]
        del stack[place:]
        return items

    def popped():
        if not stack or stack[-1] is _MARK:
            raise ValueError("an instruction wants a value where there is none")
        return stack.pop()

    def top(kind):
        if not stack or not isinstance(stack[-1], kind):
            raise ValueError(f"an instruction wants a {kind.__name__} to write into")
        return stack[-1]

    for code, argument, _ in pickletools.genops(_Within(file, size)):
        name, count = code.name, count + 1
        if count > INSTRUCTIONS:
            raise ValueError(f"it has more than {INSTRUCTIONS} instructions: weights have fewer")
        if name in DATA:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in NEW:
            stack.append(NEW[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            x = popped()
            stack.append(x)
            memo[len(memo) if name == "MEMOIZE" else argument] = x
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if argument not in memo:
                raise ValueError(f"it asks for value {argument}, which it never kept")
            stack.append(memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("TUPLE", "LIST"):
            stack.append({"TUPLE": tuple, "LIST": list}[name](mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple([popped() for _ in range(int(name[-1]))][::-1]))
        elif name == "DICT":
            stack.append(_filled({}, mark()))
        elif name == "SETITEM":
            pair = [popped(), popped()][::-1]
            _filled(top(dict), pair)
        elif name == "SETITEMS":
            pairs = mark()
            _filled(top(dict), pairs)
        elif name == "APPEND":
            x = popped()
            top(list).append(x)
        elif name == "APPENDS":
            items = mark()
            top(list).extend(items)
        elif name == "ADDITEMS":
            items = mark()
            top(set).update(_filled({}, [y for x in items for y in (x, None)]))
        elif name == "DUP":
            x = popped()
            stack += [x, x]
        elif name == "POP":
            stack and stack.pop()
        elif name == "POP_MARK":
            mark()
        elif name == "GLOBAL":  # pickletools joins module and name with a blank
            stack.append(named(*argument.rsplit(" ", 1)))
        elif name == "STACK_GLOBAL":
            second, first = popped(), popped()
            if not isinstance(first, str) or not isinstance(second, str):
                raise ValueError("a name that is no text")
            stack.append(named(first, second))
        elif name == "REDUCE":
            arguments, what = popped(), popped()
            stack.append(_called(what, arguments))
            count += sum(len(x) for x in arguments if isinstance(x, (list, tuple, str)))  # they were gone through
        elif name == "BUILD":  # attributes of an object, such as the _metadata of a state_dict: left out
            state = popped()
            if stack and isinstance(stack[-1], Stateful):
                stack[-1].set_state(state)
            else:
                top(dict)
        elif name == "BINPERSID":
            pid = popped()
            if stored is None:
                raise ValueError("it refers to something outside")
            stack.append(stored(pid))
        elif name == "STOP":
            x = popped()
            if stack:
                raise ValueError("values are left over at its end")
            return x
        elif name not in ("PROTO", "FRAME"):
            told = REFUSED.get(name, "is not needed for weights")
            raise ValueError(f"its instruction {name} {told} ({argument!r:.120}): refused, nothing of it was run")
    raise ValueError("it has no end")


def _called(what, arguments):
    if not isinstance(what, Named) or what.build is None or not isinstance(arguments, tuple):
        name = what.name if isinstance(what, Named) else f"a {type(what).__name__}"
        raise ValueError(f"it calls {name}: refused, nothing of it was run")
    try:
        return what.build(*arguments)
    except TypeError:
        raise ValueError(f"it calls {what.name} with {len(arguments)} arguments, which do not fit") from None


def _filled(built, items):
    if len(items) % 2:
        raise ValueError("a dict with a key that has no value")
    for key, x in zip(items[::2], items[1::2]):
        put(built, key, x)
    return built


def tree_of(x, leaf):
    """The tree below x anew, `leaf(y)` for each y that is neither dict, list, tuple, number nor text.

    ValueError for one that contains itself, is deeper than 64, or writes out huge because parts occur often.
    """
    done, open_ = {}, set()

    def walk(x):  # -> the tree, its height, the number of its parts
        if x is None or isinstance(x, (bool, int, float, complex, str, bytes, set)):
            return x, 0, 1
        if id(x) in done:
            return done[id(x)]
        if id(x) in open_:
            raise ValueError("a part of it contains itself")
        if len(open_) > DEPTH:
            raise ValueError(f"it is nested deeper than {DEPTH}")
        open_.add(id(x))
        if isinstance(x, (dict, list, tuple)):
            parts = [walk(y) for y in (x.values() if isinstance(x, dict) else x)]
            height, size = 1 + max((p[1] for p in parts), default=0), 1 + sum(p[2] for p in parts)
            values = [p[0] for p in parts]
            built = dict(zip(x, values)) if isinstance(x, dict) else type(x)(values)
        else:
            built, height, size = leaf(x), 0, 1
        if height > DEPTH or size > PARTS:
            raise ValueError(f"it is nested deeper than {DEPTH}, or repeats its parts without end")
        open_.remove(id(x))
        done[id(x)] = built, height, size
        return done[id(x)]

    return walk(x)[0]
