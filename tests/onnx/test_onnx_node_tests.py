"""The onnx package's own tests of every supported operator: none fails, and what is refused is so in known words."""

import re

import pytest

pytest.importorskip("onnx", reason="needs the onnx package: pip install 'pyconvnet[onnx]'")

from onnx_node_tests import EXPANDED, outcomes, reason, table

from pyconvnet.onnx.operators import TABLE

NAMES = """Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool GlobalLpPool MaxRoiPool RoiAlign
NonMaxSuppression BatchNormalization InstanceNormalization LRN Relu LeakyRelu PRelu Elu Sigmoid Tanh Clip Softmax
LogSoftmax Gemm MatMul Concat Split Reshape Transpose Flatten Pad Slice Squeeze Unsqueeze Gather Shape Cast Constant
Resize Dropout ReduceSum ReduceMean ReduceMax ReduceMin Add Sub Mul Div Pow Sqrt Exp Log Abs Neg Max Min"""

SMALL_TYPES = r"type (B?FLOAT16|FLOAT8\w+|FLOAT4\w+|U?INT[24]|STRING)"
REFUSED = {  # operator -> the only reasons for which one of its cases may be refused
    "AveragePool": r"attribute kernel_shape = \(\d, \d, \d\) is not supported.*",
    "MaxPool": r"attribute kernel_shape = \(\d, \d, \d\) is not supported.*",
    "ConvTranspose": r"attribute kernel_shape = '3 axes' is not supported.*",
    "BatchNormalization": r"output 'running_mean' is not supported; supported: Y",
    "Cast": SMALL_TYPES,
    "Dropout": r"input 2 \('t'\) is computed; supported is a constant only",
    "Max": SMALL_TYPES,
    "Min": SMALL_TYPES,
    "Resize": r"attribute (mode = 'cubic'|antialias = 1) is not supported.*",
    "RoiAlign": r"attribute mode = 'max' is not supported; supported: 'avg'",
}
WITHOUT_A_CASE = {"MaxRoiPool", "GlobalLpPool"}  # the onnx package has none


@pytest.fixture(scope="module")
def found():
    results = outcomes()
    print("\n".join(table(results)))
    return results


def test_the_table_holds_the_promised_operators():
    assert set(TABLE) == set(NAMES.split())


def test_no_case_fails(found):
    assert not [f"{o.case}: {o.why}" for o in found if o.verdict == "failed"]


def test_every_operator_passes_cases(found):
    passed = {o.operator for o in found if o.verdict == "passed"}
    assert passed >= {*TABLE, EXPANDED} - WITHOUT_A_CASE
    assert sum(o.verdict == "passed" for o in found) >= 400


def test_only_known_reasons_for_a_refusal(found):
    """A case cannot hide as unsupported: the operator, the attribute and the value have to be those above."""
    for o in found:
        if o.verdict == "unsupported":
            assert re.fullmatch(REFUSED.get(o.operator, "(nothing)"), reason(o.why)), (o.case, o.why)
