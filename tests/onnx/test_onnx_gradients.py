"""Gradients through loaded models, and loaded networks that equal the same network in pcn.nn."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the onnx package: pip install 'pyconvnet[onnx]'")

from onnx import helper
from onnx_models import model, one_node

import pyconvnet as pcn
from pyconvnet.testing import check_grads

F = pcn.functional
RNG = np.random.default_rng(1)
X = RNG.standard_normal((2, 3, 5, 6)) + np.linspace(-2, 2, 180).reshape(2, 3, 5, 6)
W = RNG.standard_normal((4, 3, 2, 3))
V = RNG.uniform(0.5, 1.5, (4, 3))
ROIS = np.array([[0.3, 0.2, 4.1, 3.7], [1.2, 0.4, 3.9, 4.4]])

CASES = [
    # (operator, inputs, how many of them get a gradient, attributes)
    ("Conv", [X, W, V[:, 0]], 3, {"pads": [1, 0, 0, 2], "strides": [2, 1]}),
    ("Conv", [X[:, :, 0], W[:, :, 0]], 2, {"dilations": [2]}),
    ("ConvTranspose", [X[..., :3], W.transpose(1, 0, 2, 3), V[:, 0]], 3, {"strides": [2, 2], "pads": [1, 0, 0, 1]}),
    ("MaxPool", [X], 1, {"kernel_shape": [2, 3], "pads": [1, 0, 1, 1], "strides": [2, 2], "ceil_mode": 1}),
    ("AveragePool", [X], 1, {"kernel_shape": [2, 3], "pads": [1, 0, 1, 1], "strides": [2, 2], "ceil_mode": 1}),
    ("GlobalAveragePool", [X], 1, {}),
    ("GlobalMaxPool", [X], 1, {}),
    ("RoiAlign", [X, ROIS, np.array([1, 0])], 1, {"output_height": 2, "output_width": 2}),
    ("MaxRoiPool", [X, np.insert(ROIS, 0, 1, 1)], 1, {"pooled_shape": [2, 2]}),
    ("BatchNormalization", [X, *V[:2], RNG.standard_normal(3), V[3]], 3, {}),
    ("InstanceNormalization", [X, *V[:2]], 3, {}),
    ("LRN", [X], 1, {"size": 2, "alpha": 0.5}),
    ("PRelu", [X, V[0].reshape(3, 1, 1)], 2, {}),
    ("Clip", [X, np.array(-1.01), np.array(1.02)], 3, {}),
    ("Softmax", [X], 1, {"axis": 1}),
    ("LogSoftmax", [X], 1, {}),
    ("Gemm", [X[0, 0], W.reshape(12, 6), V[0, :1]], 3, {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("MatMul", [X, W.reshape(12, 6).T], 2, {}),
    ("Resize", [X, None, np.array([1, 1, 1.7, 0.6], np.float32)], 1, {"mode": "linear"}),
    ("Pad", [X, np.array([0, 0, 1, 2, 0, 0, 3, -1])], 1, {"mode": "reflect"}),
    ("Gather", [X, np.array([2, 0, 2])], 1, {"axis": 1}),
    ("Slice", [X, np.array([4]), np.array([-99]), np.array([2]), np.array([-2])], 1, {}),
    ("ReduceMax", [X], 1, {"axes": [1], "keepdims": 0}),
    ("ReduceMean", [X], 1, {"axes": [2, 3]}),
    ("Pow", [np.abs(X) + 0.1, np.array(1.5)], 2, {}),
    ("Max", [X, V[0].reshape(3, 1, 1)], 2, {}),
    ("Div", [X, V[0].reshape(3, 1, 1)], 2, {}),
    ("Elu", [X], 1, {"alpha": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize("operator, inputs, differentiable, attributes", CASES,
                         ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])  # fmt: skip
def test_gradients_of_an_operator(operator, inputs, differentiable, attributes):
    opset = 13 if operator not in ("Squeeze", "RoiAlign") else 16
    module = pcn.onnx.load(one_node(operator, inputs, opset, **attributes).SerializeToString())
    given = [x for x in inputs if x is not None]
    others = given[differentiable:]
    assert check_grads(lambda *tensors: module(*tensors, *others), *given[:differentiable]) == 2


def small_network(opset=9):
    """conv, batch norm, relu, depthwise conv with uneven pads, max-pool, flatten by an exporter's idiom, gemm."""
    weights = {
        "features.0.weight": RNG.standard_normal((6, 3, 3, 3)) * 0.3,
        "features.1.weight": RNG.uniform(0.5, 1.5, 6), "features.1.bias": RNG.standard_normal(6),
        "features.1.running_mean": RNG.standard_normal(6), "features.1.running_var": RNG.uniform(0.5, 1.5, 6),
        "features.1.num_batches_tracked": np.array(7, np.int64),
        "features.3.weight": RNG.standard_normal((6, 1, 3, 3)), "features.3.bias": RNG.standard_normal(6),
        "classifier.weight": RNG.standard_normal((5, 24)) * 0.2, "classifier.bias": RNG.standard_normal(5),
    }  # fmt: skip
    weights = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in weights.items()}
    n = helper.make_node
    norm = [f"features.1.{k}" for k in ("weight", "bias", "running_mean", "running_var")]
    nodes = [
        n("Conv", ["picture", "features.0.weight"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        n("BatchNormalization", ["a", *norm], ["b"]),
        n("Relu", ["b"], ["c"]),
        n("Conv", ["c", "features.3.weight", "features.3.bias"], ["d"], group=6, pads=[0, 0, 1, 1]),
        n("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 1, 1]),
        n("Shape", ["e"], ["shape"]),
        n("Constant", [], ["zero"], value=helper.make_tensor("", 7, [], [0])),
        n("Gather", ["shape", "zero"], ["batch"]),
        n("Constant", [], ["rest"], value=helper.make_tensor("", 7, [], [-1])),
        n("Unsqueeze", ["batch"], ["batch1"], axes=[0]),
        n("Unsqueeze", ["rest"], ["rest1"], axes=[0]),
        n("Concat", ["batch1", "rest1"], ["flat_shape"], axis=0),
        n("Reshape", ["e", "flat_shape"], ["flat"]),
        n("Gemm", ["flat", "classifier.weight", "classifier.bias"], ["scores"], transB=1),
    ]
    picture = (np.float32, ["batch", 3, 8, 8])
    return model(nodes, {"picture": picture}, ["scores"], weights, opset, as_inputs=opset < 11), weights


class Network(pcn.nn.Module):
    """The same network in pcn.nn."""

    def __init__(self):
        super().__init__()
        nn = pcn.nn
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6)
        )
        self.classifier = nn.Linear(24, 5)

    def forward(self, picture):
        for i in range(3):
            picture = self.features[i](picture)
        x = self.features[3](F.pad(picture, (0, 1, 0, 1)))
        return self.classifier(F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-np.inf), 2).flatten(1))


@pytest.mark.parametrize("opset", [9, 12])
def test_a_loaded_network_is_the_network(opset):
    proto, weights = small_network(opset)
    loaded, own = pcn.onnx.load(proto.SerializeToString()), Network()
    own.load_state_dict({k: np.asarray(v) for k, v in weights.items()})
    own.eval()
    assert set(loaded.state_dict()) == set(own.state_dict())
    assert {n for n, _ in loaded.named_parameters()} == {n for n, _ in own.named_parameters()}
    x = RNG.standard_normal((4, 3, 8, 8)).astype(np.float32)
    inputs = [pcn.tensor(x, requires_grad=True) for _ in range(2)]
    losses = [(m(t) ** 2).sum() for m, t in zip((loaded, own), inputs)]
    for loss in losses:
        loss.backward()
    np.testing.assert_allclose(losses[0].item(), losses[1].item(), rtol=1e-6)
    np.testing.assert_allclose(inputs[0].grad.data, inputs[1].grad.data, rtol=1e-4, atol=1e-5)
    for name, p in own.named_parameters():
        np.testing.assert_allclose(dict(loaded.named_parameters())[name].grad.data, p.grad.data, rtol=1e-4, atol=1e-4)


def test_training_does_not_change_inference():
    loaded = pcn.onnx.load(small_network()[0].SerializeToString())
    x = RNG.standard_normal((2, 3, 8, 8)).astype(np.float32)
    before = loaded(x)
    state = {k: v.data.copy() for k, v in loaded.state_dict().items()}
    np.testing.assert_array_equal(loaded.train()(x).data, before.data)
    assert all(np.array_equal(v.data, state[k]) for k, v in loaded.state_dict().items())


def test_state_can_be_saved_and_loaded(tmp_path):
    proto, _ = small_network()
    one, other = (pcn.onnx.load(proto.SerializeToString()) for _ in range(2))
    x = RNG.standard_normal((2, 3, 8, 8)).astype(np.float32)
    for p in one.parameters():
        p.data += 0.1
    pcn.io.save(one.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(pcn.io.load(tmp_path / "state.safetensors"))
    np.testing.assert_array_equal(one(x).data, other(x).data)


def test_double_precision_and_gradient_checks_of_a_whole_network():
    loaded = pcn.onnx.load(small_network()[0].SerializeToString()).double()
    assert check_grads(loaded, RNG.standard_normal((1, 3, 8, 8)), order=1) == 1
    with pytest.raises(TypeError, match="graph input 'picture' is float32"):
        loaded(np.zeros((1, 3, 8, 8), np.float32))


def test_weights_that_are_transposed_first_are_trained():
    n = helper.make_node
    nodes = [n("Transpose", ["w"], ["wt"]), n("MatMul", ["x", "wt"], ["xw"]), n("Add", ["xw", "b"], ["y"])]
    weights = {"w": np.ones((4, 3), np.float32), "b": np.zeros(4, np.float32), "unused": np.ones(2, np.float32)}
    loaded = pcn.onnx.load(model(nodes, {"x": (np.float32, [None, 3])}, ["y"], weights).SerializeToString())
    assert {name for name, _ in loaded.named_parameters()} == {"w", "b"}
    assert {name for name, _ in loaded.named_buffers()} == {"unused"}


def test_shape_arithmetic_of_constants_is_done_while_loading():
    loaded = pcn.onnx.load(small_network()[0].SerializeToString())
    left = [step.node.operator for step in loaded.steps]
    assert "Constant" not in left and left.count("Unsqueeze") == 1
