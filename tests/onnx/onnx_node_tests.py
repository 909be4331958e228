"""The node tests of the `onnx` package on `pcn.onnx`: `python tests/onnx/onnx_node_tests.py` prints passed / total.

They exist for the newest opset only; test_onnx_opsets.py has the older ones. A case counts as unsupported only where
`load` says so itself, and its words are shown; everything else that does not agree is a failure.
"""

import re
import sys
import warnings
from collections import Counter
from typing import NamedTuple

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

import pyconvnet as pcn
from pyconvnet.onnx.operators import TABLE

EXPANDED = "(several nodes)"  # other operators written out as graphs of these


class Outcome(NamedTuple):
    """What became of one case: verdict is passed, unsupported or failed."""

    operator: str
    case: str
    verdict: str
    why: str = ""


def cases():
    """(operator, case) for every case of the onnx package whose nodes are all in the table, opset 9 and later."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its data divides by zero on purpose
        found = collect_testcases(None)
    for case in found:
        domains = {i.domain: i.version for i in case.model.opset_import}
        operators = {n.op_type if n.domain in ("", "ai.onnx") else n.domain for n in case.model.graph.node}
        if domains.get("", 0) >= 9 and operators and operators <= set(TABLE):
            yield (operators.pop() if len(case.model.graph.node) == 1 else EXPANDED), case


def outcome(operator, case):
    """Load the model from its bytes, run every data set, compare with the onnx package's tolerances and types."""
    try:
        module = pcn.onnx.load(case.model.SerializeToString())
    except pcn.onnx.Unsupported as refusal:
        return Outcome(operator, case.name, "unsupported", str(refusal))
    except Exception as error:
        return Outcome(operator, case.name, "failed", f"load: {type(error).__name__}: {error}")
    for inputs, expected in case.data_sets:
        try:
            y = module(*map(array, inputs))
            for got, wanted in zip(y if isinstance(y, tuple) else (y,), expected, strict=True):
                wanted = array(wanted)
                if got.dtype != wanted.dtype or got.shape != wanted.shape:
                    told = f"{got.dtype} {got.shape} instead of {wanted.dtype} {wanted.shape}"
                    return Outcome(operator, case.name, "failed", told)
                np.testing.assert_allclose(got.data, wanted, rtol=case.rtol, atol=case.atol)
        except Exception as error:
            return Outcome(operator, case.name, "failed", f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Outcome(operator, case.name, "passed")


def array(x):
    """A case's data: an array, or a tensor of the format."""
    return onnx.numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else np.asarray(x)


def outcomes():
    """All of them."""
    return [outcome(operator, case) for operator, case in cases()]


def reason(why):
    """The words of a refusal without the names that differ from case to case."""
    why = re.sub(r"^onnx: (node|the node that makes|graph input) '[^']*' ?(\([\w-]+\):? ?)?", "", why)
    return re.sub(r"^(attribute to )?is ([A-Z]\w+); .*", r"type \2", why)


def table(found):
    """Lines: operator, passed / total, then the reasons of what is unsupported and what failed."""
    yield f"onnx {onnx.__version__}, node tests of its newest opset ({onnx.defs.onnx_opset_version()})"
    for name in [*sorted(TABLE), EXPANDED]:
        own = [o for o in found if o.operator == name]
        passed = sum(o.verdict == "passed" for o in own)
        yield f"{name:24}{passed:4} / {len(own)}"
        for why, count in Counter(reason(o.why) for o in own if o.verdict == "unsupported").items():
            yield f"{'':28}unsupported, {count}: {why}"
        for o in own:
            if o.verdict == "failed":
                yield f"{'':28}FAILED {o.case}: {o.why}"
    total = Counter(o.verdict for o in found)
    yield f"{'all':24}{total['passed']:4} / {len(found)}, unsupported {total['unsupported']}, failed {total['failed']}"


if __name__ == "__main__":
    results = outcomes()
    print("\n".join(table(results)))
    sys.exit(any(o.verdict == "failed" for o in results))
