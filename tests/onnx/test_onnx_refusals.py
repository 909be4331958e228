"""What is not supported, damaged or hostile is an error in words while loading; wrong inputs are one when called."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the onnx package: pip install 'pyconvnet[onnx]'")

from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx_models import model, one_node

import pyconvnet as pcn

X = np.zeros((1, 2, 6, 6), np.float32)
CUBE = np.zeros((1, 2, 6, 6, 6), np.float32)
N = helper.make_node


def load(proto):
    return pcn.onnx.load(proto.SerializeToString())


def relu(opset=13, **options):
    return model([N("Relu", ["x"], ["y"])], {"x": X}, ["y"], opset=opset, **options)


def test_importing_pyconvnet_does_not_import_onnx():
    told = "import sys, pyconvnet; assert pyconvnet.onnx.load and 'onnx' not in sys.modules"
    subprocess.run([sys.executable, "-c", told], check=True)


def test_without_the_onnx_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RuntimeError, match=r"pip install 'pyconvnet\[onnx\]'"):
        pcn.onnx.load(b"")


UNSUPPORTED = [
    # (model, what the words must name)
    (one_node("MaxPool", [CUBE], 12, kernel_shape=[2, 2, 2]), ["the_node", "MaxPool-12", "kernel_shape", "(2, 2, 2)"]),
    (one_node("AveragePool", [CUBE], 11, kernel_shape=[2, 2, 2]), ["the_node", "AveragePool-11", "one or two"]),
    (one_node("MaxPool", [X], 12, kernel_shape=[2, 2], pads=[0, 0, 2**40, 0]), ["the_node", "pads", "[2, 2]"]),
    (one_node("Conv", [CUBE, CUBE], 11), ["the_node", "Conv-11", "3 axes", "one or two spatial axes"]),
    (one_node("Resize", [X, None, np.ones(4, np.float32)], 11, mode="cubic"),
     ["the_node", "Resize-11", "mode", "'cubic'", "'nearest' or 'linear'"]),
    (one_node("Resize", [X, None, np.ones(4, np.float32)], 18, mode="linear", antialias=1), ["Resize-18", "antialias"]),
    (one_node("BatchNormalization", [X, *np.ones((4, 2), np.float32)], 15, training_mode=1),
     ["the_node", "BatchNormalization-15", "training_mode = 1", "supported: 0"]),
    (one_node("BatchNormalization", [X, *np.ones((4, 2), np.float32)], 9, outputs=5),
     ["the_node", "BatchNormalization-9", "output 'mean'"]),
    (one_node("RoiAlign", [X, np.ones((1, 4), np.float32), np.array([0])], 16, mode="max"), ["RoiAlign-16", "'max'"]),
    (one_node("RoiAlign", [X, np.ones((1, 4), np.float32), np.array([0])], 16, coordinate_transformation_mode="odd"),
     ["RoiAlign-16", "coordinate_transformation_mode = 'odd'", "'half_pixel' or 'output_half_pixel'"]),
    (one_node("Cast", [X], 13, to=TensorProto.FLOAT16), ["the_node", "Cast-13", "FLOAT16", "float32"]),
    (one_node("Cast", [X], 13, to=TensorProto.STRING), ["the_node", "STRING"]),
    (one_node("Cast", [X], 13, to=999), ["the_node", "type number 999"]),
    (one_node("Constant", [], 13, value_string="text"), ["the_node", "Constant-13", "value_string = 'text'"]),
    (one_node("Dropout", [X, np.array(0.5, np.float32), np.array(True)], 13), ["Dropout-13", "input 2", "constant"]),
    (one_node("Pad", [X], 9, pads=[0] * 8, mode="odd"), ["Pad-2", "mode = 'odd'", "'reflect'"]),
    (one_node("Resize", [X, np.ones(4, np.float32)], 9), ["the_node", "Resize", "opset 9 does not have"]),
    (relu(opset=8), ["opset 8", "9 to"]),
    (relu(opset=999), ["opset 999", "9 to"]),
    (model([N("Erf", ["x"], ["e"]), N("Det", ["e"], ["y"])], {"x": X}, ["y"]), ["Erf", "Det", "opset 13", "Relu"]),
    (model([N("Relu", ["x"], ["y"], domain="com.odd")], {"x": X}, ["y"]), ["Relu of domain 'com.odd'"]),
]  # fmt: skip


@pytest.mark.parametrize("proto, words", UNSUPPORTED, ids=[str(w[-1]) for _, w in UNSUPPORTED])
def test_what_is_not_supported_is_named_while_loading(proto, words):
    with pytest.raises(pcn.onnx.Unsupported) as error:
        load(proto)
    assert all(word in str(error.value) for word in words), error.value


def test_a_training_dropout_is_refused_and_one_that_is_not_is_the_identity():
    weights = {"ratio": np.array(0.5, np.float32), "train": np.array(True)}
    node = N("Dropout", ["x", "ratio", "train"], ["y"], name="drop")
    with pytest.raises(pcn.onnx.Unsupported, match=r"'drop' .*training_mode is true"):
        load(model([node], {"x": X}, ["y"], weights))
    weights["train"] = np.array(False)
    assert load(model([node], {"x": X}, ["y"], weights))(X + 1).data.min() == 1


def changed(change, proto=None):
    proto = proto or model([N("Add", ["x", "w"], ["y"])], {"x": X}, ["y"], {"w": np.ones(6, np.float32)})
    change(proto)
    return proto


def weight(**fields):
    """A change of the initializer: repeated fields are replaced."""

    def change(proto):
        tensor = proto.graph.initializer[0]
        for name, x in fields.items():
            if isinstance(x, list):
                tensor.ClearField(name)
                getattr(tensor, name).extend(x)
            else:
                setattr(tensor, name, x)

    return change


def entries(proto):
    entry = proto.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


DAMAGED = [
    (weight(dims=[7]), "initializer 'w' of shape .7,. and float32 needs 28 bytes, the file has 24"),
    (weight(dims=[2**40, 2**40]), "needs .* bytes, the file has 24"),
    (weight(dims=[-6]), "sizes are"),
    (weight(dims=[6] + [1] * 100), "initializer 'w'"),
    (weight(raw_data=b"123"), "the file has 3"),
    (weight(data_type=TensorProto.DOUBLE), "needs 48 bytes"),
    (weight(data_type=TensorProto.FLOAT16), "FLOAT16"),
    (weight(data_type=77), "type number 77"),
    (weight(data_location=TensorProto.EXTERNAL), "another file, which is not read"),
    (entries, "another file, which is not read"),
    (weight(name="z"), "'w', which nothing makes"),
    (weight(name="x"), "initializer 'x' is float32 .6,., declared was x: float32 .1, 2, 6, 6."),
    (lambda p: p.graph.initializer.append(p.graph.initializer[0]), "initializer 'w' is there twice"),
    (lambda p: p.graph.input.append(p.graph.input[0]), "input 'x' is there twice"),
    (lambda p: p.graph.node[0].output.__setitem__(0, "x"), "'x' is made twice"),
    (lambda p: p.graph.node[0].input.__setitem__(0, "nobody"), "'nobody', which nothing makes"),
    (lambda p: p.graph.node[0].input.__setitem__(0, "y"), "'y' before it is made"),
    (lambda p: p.graph.node[0].input.__setitem__(0, ""), "left empty"),
    (lambda p: p.graph.node[0].input.append("w"), "has 3 inputs, it needs 2 to 2"),
    (lambda p: p.graph.node[0].output.append("z"), "has 2 outputs"),
    (lambda p: setattr(p.graph.output[0], "name", "z"), "nothing makes the graph's output 'z'"),
    (lambda p: p.graph.ClearField("output"), "no output"),
    (lambda p: p.graph.node[0].attribute.append(helper.make_attribute("odd", 1)), "there is no attribute 'odd'"),
    (lambda p: p.ClearField("opset_import"), "must name one version"),
    (lambda p: p.opset_import.append(helper.make_opsetid("ai.onnx", 9)), "must name one version"),
    (lambda p: setattr(p, "ir_version", 0), "IR version 0"),
    (lambda p: setattr(p, "ir_version", 10**9), "IR version 1000000000 is newer"),
    (lambda p: p.ClearField("graph"), "no ONNX graph"),
    (lambda p: setattr(p.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", -3), "size of -3"),
    (lambda p: setattr(p.graph.input[0].type.tensor_type, "elem_type", TensorProto.STRING), "'x' is STRING"),
    (lambda p: setattr(p.graph.input[0].type.sequence_type.elem_type.tensor_type, "elem_type", 1), "no tensor"),
    (lambda p: p.MergeFromString(b"\x3a\x08\x0a\x06\x0a\x01x\x12\x01\xff"), "no text|damaged"),
    (lambda p: p.graph.sparse_initializer.add(), "sparse"),
    (lambda p: setattr(p.functions.add(), "name", "Add"), "defines operators of ONNX anew"),
]  # fmt: skip


@pytest.mark.parametrize("change, words", DAMAGED, ids=[w for _, w in DAMAGED])
def test_damaged_models(change, words):
    with pytest.raises((ValueError, pcn.onnx.Unsupported), match=words):
        load(changed(change))


@pytest.mark.parametrize("operator, attributes, words", [
    ("MaxPool", {}, "'kernel_shape' is missing"),
    ("MaxPool", {"kernel_shape": [0, 2]}, "kernel_shape must be 1 or more"),
    ("MaxPool", {"kernel_shape": [2, 2], "strides": [0, 1]}, "strides must be 1 or more"),
    ("MaxPool", {"kernel_shape": [2, 2], "strides": [1]}, "do not belong to the same number of axes"),
    ("MaxPool", {"kernel_shape": [2, 2], "pads": [1, -1, 0, 0]}, "pads must be 0 or more"),
    ("MaxPool", {"kernel_shape": [2, 2], "pads": [1, 1]}, "do not belong to the same number of axes"),
    ("MaxPool", {"kernel_shape": 2}, "not of the type INTS"),
    ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "ODD"}, "no auto_pad 'ODD'"),
    ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "VALID", "pads": [1, 1, 1, 1]}, "both auto_pad"),
])  # fmt: skip
def test_damaged_attributes(operator, attributes, words):
    with pytest.raises(ValueError, match=words):
        load(one_node(operator, [X], 12, **attributes))


def test_an_initializer_that_is_declared_otherwise():
    proto = model([N("Add", ["x", "w"], ["y"])], {"x": X}, ["y"], {"w": np.ones(6, np.float32)}, 9, as_inputs=True)
    proto.graph.input[1].type.tensor_type.shape.dim[0].dim_value = 5
    with pytest.raises(ValueError, match=r"initializer 'w' is float32 \(6,\), declared was w: float32 \[5\]"):
        load(proto)


@pytest.mark.parametrize("content", [
    b"", b"\x80\x04not a model", b"PK\x03\x04" + bytes(50), b"{}", bytes(1000), b"\xff" * 1000, b"\x08" * 999,
])  # fmt: skip
def test_files_of_another_kind(content, tmp_path):
    with pytest.raises(ValueError, match=r"onnx.load: .*(damaged|no ONNX graph)"):
        pcn.onnx.load(content)
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.onnx"):
        pcn.onnx.load(tmp_path / "model.onnx")


def test_paths_that_are_no_file(tmp_path):
    with pytest.raises(OSError):
        pcn.onnx.load(tmp_path / "absent.onnx")
    with pytest.raises(OSError):
        pcn.onnx.load(str(tmp_path))
    with pytest.raises(TypeError, match="path or bytes"):
        pcn.onnx.load(3)


def tiny():
    nodes = [
        N("Conv", ["x", "w"], ["a"], pads=[1, 0, 0, 1], strides=[2, 2]), N("Relu", ["a"], ["b"]),
        N("MaxPool", ["b"], ["c"], kernel_shape=[2, 2]), N("Shape", ["c"], ["s"]),
        N("Constant", [], ["i"], value=helper.make_tensor("i", TensorProto.INT64, [2], [0, -1])),
        N("Reshape", ["c", "i"], ["y"]),
    ]  # fmt: skip
    return model(nodes, {"x": X}, ["y"], {"w": np.ones((3, 2, 3, 3), np.float32)}).SerializeToString()


TINY = tiny()
OURS = (ValueError, TypeError, IndexError, RuntimeError, MemoryError)


@pytest.mark.parametrize("length", range(0, len(TINY) - 1, 7))
def test_truncated_files(length):
    """A file cut short is an error, or (cut between two fields) a smaller model; never anything else."""
    try:
        pcn.onnx.load(TINY[:length])
    except OURS as error:
        assert str(error)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TINY) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_files_with_wrong_bytes(changes):
    content = bytearray(TINY)
    for at, byte in changes:
        content[at] = byte
    try:
        pcn.onnx.load(bytes(content))(X)
    except OURS as error:
        assert str(error)


@pytest.mark.parametrize("name", ["training", "steps", "forward", "_buffers", "inputs", "a.b", ".", "a..b", "a/b:0"])
def test_any_name_will_do_for_a_tensor(name):
    proto = model([N("Conv", ["x", name], ["y"])], {"x": X}, ["y"], {name: np.ones((3, 2, 3, 3), np.float32)})
    loaded = load(proto)
    assert loaded.train().eval().double().float()(X + 1).data.max() == 18
    assert list(loaded.state_dict()) == [name] == [n for n, _ in loaded.named_parameters()]
    loaded.load_state_dict({name: np.zeros((3, 2, 3, 3), np.float32)})
    assert loaded(X + 1).data.max() == 0


def test_wrong_inputs_are_named():
    loaded = pcn.onnx.load(TINY)
    with pytest.raises(TypeError, match=r"has 1 inputs \(x: float32 \[1, 2, 6, 6\]\), got 2"):
        loaded(X, X)
    with pytest.raises(ValueError, match=r"'x' is float32 \[1, 6, 6, 2\], expected x: float32 \[1, 2, 6, 6\]"):
        loaded(X.transpose(0, 2, 3, 1))
    with pytest.raises(TypeError, match=r"'x' is float64 \[1, 2, 6, 6\], expected x: float32"):
        loaded(X.astype(np.float64))
    with pytest.raises(TypeError, match="'x' must be a Tensor or array, got list"):
        loaded(X.tolist())


def test_errors_of_a_node_name_it():
    nodes = [N("Conv", ["x", "w"], ["y"], name="first")]
    loaded = load(model(nodes, {"x": (np.float32, ["n", "c", 6, 6])}, ["y"], {"w": np.ones((3, 2, 3, 3), np.float32)}))
    assert loaded(X).shape == (1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"node 'first' \(Conv-11\): conv2d: input has 5 channels"):
        loaded(np.zeros((1, 5, 6, 6), np.float32))


def test_sizes_that_fit_no_memory():
    nodes = [N("Pad", ["x", "amounts"], ["y"], name="huge", mode="edge")]
    loaded = load(model(nodes, {"x": X}, ["y"], {"amounts": np.array([0, 0, 0, 0, 0, 0, 0, 2**50])}))
    with pytest.raises((ValueError, MemoryError)):
        loaded(X)


@pytest.mark.parametrize("operator", ["Mul", "Add", "Max", "MatMul", "Gather"])
def test_no_file_makes_many_numbers_out_of_few_while_loading(operator):
    """Outer products of constants, one after the other: 300 nodes of 2 MB each would be 600 MB."""
    nodes = [N("Constant", [], ["a"], value_floats=[1.0] * 512), N("Constant", [], ["at"], value_ints=[1])]
    nodes += [N("Constant", [], ["row"], value_floats=[1.0] * 512), N("Constant", [], ["i"], value_ints=[0] * 512)]
    nodes += [N("Unsqueeze", ["a", "at"], ["column"]), N("Unsqueeze", ["row", "zero"], ["wide"])]
    nodes.insert(0, N("Constant", [], ["zero"], value_ints=[0]))
    pair = ["column", "i"] if operator == "Gather" else ["column", "wide"]
    options = {"axis": 1} if operator == "Gather" else {}
    nodes += [N(operator, pair, [f"y{i}"], **options) for i in range(300)]
    proto = model(nodes, {}, ["y299"])
    tracemalloc.start()
    loaded = load(proto)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6
    assert loaded().shape == (512, 512)


@pytest.mark.parametrize("operator, attributes", [
    ("MaxPool", {"kernel_shape": [30000] * 2, "pads": [29999] * 4, "strides": [30000] * 2}),
    ("AveragePool", {"kernel_shape": [30000] * 2, "pads": [29999] * 4, "strides": [30000] * 2}),
    ("Conv", {"pads": [30000] * 4, "strides": [30000] * 2}),
    ("Conv", {"pads": [30000, 30000, 30001, 30000], "strides": [30000] * 2}),
    ("ConvTranspose", {"pads": [15000] * 4, "strides": [30000] * 2}),
])  # fmt: skip
def test_a_padding_that_the_result_does_not_need(operator, attributes):
    x = np.ones((1, 1, 2, 2), np.float32)
    inputs = [x] if operator.endswith("Pool") else [x, x[:, :, :1, :1]]
    with pytest.raises(ValueError, match=f"{operator}.*next to nothing is used"):
        load(one_node(operator, inputs, 11, **attributes))(*inputs)


ONE, PAIR = np.ones((2, 3), np.float32), np.ones((2, 1, 3), np.float32)


@pytest.mark.parametrize(
    "operator, inputs, attributes, words",
    [
        ("Add", [ONE, np.ones((2, 3), np.int64)], {}, "one type, got float32 and int64: is a Cast missing"),
        ("Max", [ONE, ONE, ONE.astype(np.float64)], {}, "one type, got float32 and float64"),
        ("PRelu", [ONE, PAIR], {}, "must not be larger than the input"),
        ("ReduceSum", [ONE, np.array(1, np.float32)], {}, "list of whole numbers"),
        ("Pad", [np.ones(3, int), np.array([1, 1]), np.array([np.nan], np.float32)], {}, "cannot be padded with nan"),
    ],
)
def test_operands_that_do_not_belong_together(operator, inputs, attributes, words):
    module = load(one_node(operator, inputs, 18, **attributes))
    with pytest.raises((TypeError, ValueError), match=words):
        module(*(pcn.tensor(x) for x in inputs))


@pytest.mark.parametrize("exponent", [np.inf, -np.inf, np.nan, 2.0, 0.5])
def test_any_exponent_is_a_number(exponent):
    x = np.array([0.5, 2.0], np.float32)
    y = load(one_node("Pow", [x, np.array([exponent], np.float32)], 15))(pcn.tensor(x), pcn.tensor([exponent]))
    np.testing.assert_allclose(y.data, np.power(x, np.float32(exponent)), rtol=1e-6)


def test_one_axis_may_be_a_number_and_nothing_may_be_resized():
    axes = np.array(1)
    assert load(one_node("ReduceSum", [ONE, axes], 18))(pcn.tensor(ONE), pcn.tensor(axes)).shape == (2, 1)
    empty = np.ones((0, 0), np.float32)
    inputs = [empty, None, None, np.array([0, 0])]
    module = load(one_node("Resize", inputs, 19, keep_aspect_ratio_policy="not_larger"))
    assert module(pcn.tensor(empty), pcn.tensor(inputs[3])).shape == (0, 0)


def test_weights_in_constant_nodes_are_parameters():
    weight = helper.make_node("Constant", [], ["w"], value=helper.make_tensor("t", TensorProto.FLOAT, (2, 3), range(6)))
    two = helper.make_node("Constant", [], ["two"], value_float=2.0)
    nodes = [weight, two, helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Mul", ["h", "two"], ["y"])]
    module = load(model(nodes, {"x": (np.float32, (1, 2))}, ["y"]))
    assert [name for name, _ in module.named_parameters()] == ["w"] and list(module.state_dict()) == ["w"]
    module(pcn.ones(1, 2)).sum().backward()
    np.testing.assert_array_equal(dict(module.named_parameters())["w"].grad.data, np.full((2, 3), 2))


def test_what_is_no_file_is_not_read(tmp_path):
    for path in ("/dev/zero", tmp_path):
        with pytest.raises(OSError, match=r"onnx.load: .*(no file|is a folder)"):
            pcn.onnx.load(path)
