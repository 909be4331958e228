"""The contract as a table: every public name with a call that is right, for tests that make the call wrong."""

import numpy as np

import pyconvnet as pcn
from pyconvnet import nn, ops, optim
from pyconvnet.nn import functional as F


def floats(*shape, low=-1.0, high=1.0):
    """A float64 Tensor that requires a gradient, the same at every call."""
    values = np.random.default_rng(0).uniform(low, high, shape)
    return pcn.tensor(values, requires_grad=True)


def image():
    return floats(2, 4, 6, 6)


def classes():
    return pcn.tensor([0, 2, 1])


def boxes():
    return pcn.tensor([[0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 5.0, 5.0], [2.0, 0.0, 3.0, 6.0]])


def scores():
    return pcn.tensor([0.9, 0.8, 0.7])


def rois():
    return pcn.tensor(np.array([[0, 0.5, 0.5, 4, 4], [1, 1, 1, 5, 3]]))


def call(f, *args, **kwargs):
    """(function, positional arguments, keyword arguments)"""
    return lambda: (f, list(args_of(args)), {k: v() if callable(v) else v for k, v in kwargs.items()})


def args_of(args):
    return (a() if callable(a) else a for a in args)


CALLS = {
    # pcn
    "tensor": call(pcn.tensor, [1.0, 2.0]), "zeros": call(pcn.zeros, 2, 3), "ones": call(pcn.ones, 2, 3),
    "full": call(pcn.full, (2, 3), 1.5), "eye": call(lambda *a: pcn.eye(*a), 3),
    "arange": call(pcn.arange, 0, 5, 2), "linspace": call(lambda *a: pcn.linspace(*a), 0.0, 1.0, 5),
    "randn": call(pcn.randn, 2, 3), "rand": call(pcn.rand, 2, 3), "zeros_like": call(pcn.zeros_like, image),
    "ones_like": call(pcn.ones_like, image), "full_like": call(lambda *a: pcn.full_like(*a), image, 2.0),
    "cat": call(lambda a, b, dim: pcn.cat([a, b], dim), image, image, 1),
    "stack": call(lambda a, b, dim: pcn.stack([a, b], dim), image, image, 1),
    "where": call(pcn.where, np.array([True, False]), lambda: floats(2), lambda: floats(2)),
    "maximum": call(pcn.maximum, image, image), "minimum": call(pcn.minimum, image, image),
    "einsum": call(lambda *a: pcn.einsum(*a), "ij,jk->ik", lambda: floats(2, 3), lambda: floats(3, 2)),
    "tril": call(lambda *a: pcn.tril(*a), lambda: floats(3, 3), 0), "triu": call(lambda *a: pcn.triu(*a), lambda: floats(3, 3), 0),
    "manual_seed": call(pcn.manual_seed, 0), "set_num_threads": call(pcn.set_num_threads, 2),
    # functional
    "F.conv1d": call(lambda *a, **k: F.conv1d(*a, **k), lambda: floats(2, 4, 7), lambda: floats(6, 2, 3), lambda: floats(6), stride=1, padding=1, dilation=1, groups=2),
    "F.conv2d": call(F.conv2d, image, lambda: floats(6, 2, 3, 3), lambda: floats(6), stride=1, padding=1, dilation=1, groups=2),
    "F.conv_transpose2d": call(lambda *a, **k: F.conv_transpose2d(*a, **k), image, lambda: floats(4, 3, 3, 3), lambda: floats(6), stride=2, padding=1, output_padding=1, groups=2, dilation=1),
    "F.unfold": call(lambda *a, **k: F.unfold(*a, **k), image, 3, dilation=1, padding=1, stride=2),
    "F.fold": call(lambda *a, **k: F.fold(*a, **k), lambda: floats(2, 36, 16), (6, 6), 3, dilation=1, padding=0, stride=1),
    "F.max_pool1d": call(lambda *a, **k: F.max_pool1d(*a, **k), lambda: floats(2, 4, 6), 2, stride=2, padding=0, dilation=1, ceil_mode=False),
    "F.max_pool2d": call(F.max_pool2d, image, 2, stride=2, padding=0, dilation=1, ceil_mode=False),
    "F.avg_pool2d": call(lambda *a, **k: F.avg_pool2d(*a, **k), image, 2, stride=2, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None),
    "F.adaptive_avg_pool2d": call(lambda *a: F.adaptive_avg_pool2d(*a), image, 3),
    "F.adaptive_max_pool2d": call(lambda *a: F.adaptive_max_pool2d(*a), image, 3),
    "F.interpolate": call(lambda *a, **k: F.interpolate(*a, **k), image, size=(9, 9), scale_factor=None, mode="bilinear", align_corners=False),
    "F.grid_sample": call(lambda *a, **k: F.grid_sample(*a, **k), image, lambda: floats(2, 5, 5, 2), mode="bilinear", padding_mode="zeros", align_corners=False),
    "F.affine_grid": call(lambda *a, **k: F.affine_grid(*a, **k), lambda: floats(2, 2, 3), (2, 4, 5, 5), align_corners=False),
    "F.pad": call(lambda *a, **k: F.pad(*a, **k), image, (1, 2, 1, 0), mode="constant", value=0.0),
    "F.batch_norm": call(F.batch_norm, image, lambda: pcn.zeros(4, dtype="float64"), lambda: pcn.ones(4, dtype="float64"), lambda: floats(4), lambda: floats(4), training=True, momentum=0.1, eps=1e-5),
    "F.group_norm": call(lambda *a, **k: F.group_norm(*a, **k), image, 2, lambda: floats(4), lambda: floats(4), eps=1e-5),
    "F.instance_norm": call(lambda *a, **k: F.instance_norm(*a, **k), image, weight=lambda: floats(4), bias=lambda: floats(4), eps=1e-5),
    "F.layer_norm": call(lambda *a, **k: F.layer_norm(*a, **k), image, (6, 6), lambda: floats(6, 6), lambda: floats(6, 6), eps=1e-5),
    "F.local_response_norm": call(lambda *a, **k: F.local_response_norm(*a, **k), image, 3, alpha=1e-4, beta=0.75, k=1.0),
    "F.normalize": call(lambda *a, **k: F.normalize(*a, **k), image, p=2.0, dim=1, eps=1e-12),
    "F.linear": call(F.linear, lambda: floats(2, 3), lambda: floats(5, 3), lambda: floats(5)),
    "F.embedding": call(lambda *a, **k: F.embedding(*a, **k), classes, lambda: floats(4, 3), padding_idx=None),
    "F.one_hot": call(lambda *a: F.one_hot(*a), classes, 4),
    "F.dropout": call(lambda *a, **k: F.dropout(*a, **k), image, p=0.5, training=True),
    "F.relu": call(F.relu, image), "F.leaky_relu": call(F.leaky_relu, image, negative_slope=0.1),
    "F.elu": call(lambda *a, **k: F.elu(*a, **k), image, alpha=1.0), "F.gelu": call(lambda *a, **k: F.gelu(*a, **k), image, approximate="none"),
    "F.softplus": call(F.softplus, image, beta=1.0, threshold=20.0), "F.sigmoid": call(F.sigmoid, image), "F.tanh": call(F.tanh, image),
    "F.softmax": call(F.softmax, image, dim=1), "F.log_softmax": call(F.log_softmax, image, dim=1),
    "F.hardtanh": call(lambda *a, **k: F.hardtanh(*a, **k), image, min_val=-1.0, max_val=1.0),
    "F.cross_entropy": call(F.cross_entropy, lambda: floats(3, 4), classes, ignore_index=-100, reduction="mean", label_smoothing=0.1),
    "F.nll_loss": call(F.nll_loss, lambda: floats(3, 4), classes, ignore_index=-100, reduction="mean"),
    "F.binary_cross_entropy": call(lambda *a, **k: F.binary_cross_entropy(*a, **k), lambda: floats(3, low=0.1, high=0.9), lambda: floats(3, low=0, high=1).detach(), reduction="mean"),
    "F.binary_cross_entropy_with_logits": call(F.binary_cross_entropy_with_logits, lambda: floats(3), lambda: floats(3, low=0, high=1).detach(), reduction="mean"),
    "F.mse_loss": call(F.mse_loss, image, image, reduction="mean"),
    "F.l1_loss": call(lambda *a, **k: F.l1_loss(*a, **k), image, image, reduction="mean"),
    "F.smooth_l1_loss": call(lambda *a, **k: F.smooth_l1_loss(*a, **k), image, image, reduction="mean", beta=1.0),
    "F.huber_loss": call(lambda *a, **k: F.huber_loss(*a, **k), image, image, reduction="mean", delta=1.0),
    "F.multi_margin_loss": call(lambda *a, **k: F.multi_margin_loss(*a, **k), lambda: floats(3, 4), classes, p=1, margin=1.0, reduction="mean"),
    "F.hinge_embedding_loss": call(lambda *a, **k: F.hinge_embedding_loss(*a, **k), lambda: floats(3), np.array([1.0, -1.0, 1.0]), margin=1.0, reduction="mean"),
    "F.triplet_margin_loss": call(lambda *a, **k: F.triplet_margin_loss(*a, **k), lambda: floats(3, 4), lambda: floats(3, 4), lambda: floats(3, 4), margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"),
    "F.margin_ranking_loss": call(lambda *a, **k: F.margin_ranking_loss(*a, **k), lambda: floats(3), lambda: floats(3), np.array([1.0, -1.0, 1.0]), margin=0.5, reduction="mean"),
    "F.kl_div": call(lambda *a, **k: F.kl_div(*a, **k), lambda: floats(3, 4), lambda: floats(3, 4, low=0.1).detach(), reduction="batchmean", log_target=False),
    "F.cosine_similarity": call(lambda *a, **k: F.cosine_similarity(*a, **k), image, image, dim=1, eps=1e-8),
    "F.pairwise_distance": call(lambda *a, **k: F.pairwise_distance(*a, **k), lambda: floats(3, 4), lambda: floats(3, 4), p=2.0, eps=1e-6, keepdim=False),
    "F.pixel_shuffle": call(lambda *a: F.pixel_shuffle(*a), image, 2),
    # ops
    "ops.nms": call(ops.nms, boxes, scores, 0.5), "ops.batched_nms": call(ops.batched_nms, boxes, scores, classes, 0.5),
    "ops.box_iou": call(ops.box_iou, boxes, boxes), "ops.generalized_box_iou": call(ops.generalized_box_iou, boxes, boxes),
    "ops.box_convert": call(ops.box_convert, boxes, "xyxy", "cxcywh"), "ops.box_area": call(ops.box_area, boxes),
    "ops.clip_boxes_to_image": call(ops.clip_boxes_to_image, boxes, (4, 4)),
    "ops.remove_small_boxes": call(ops.remove_small_boxes, boxes, 1.0),
    "ops.masks_to_boxes": call(lambda *a: ops.masks_to_boxes(*a), np.ones((2, 4, 4), bool)),
    "ops.roi_pool": call(lambda *a, **k: ops.roi_pool(*a, **k), image, rois, output_size=2, spatial_scale=1.0),
    "ops.roi_align": call(lambda *a, **k: ops.roi_align(*a, **k), image, rois, output_size=2, spatial_scale=1.0, sampling_ratio=2, aligned=True),
    "ops.sigmoid_focal_loss": call(lambda *a, **k: ops.sigmoid_focal_loss(*a, **k), lambda: floats(3), lambda: floats(3, low=0, high=1).detach(), alpha=0.25, gamma=2.0, reduction="mean"),
    "ops.encode_boxes": call(lambda *a: ops.encode_boxes(*a), boxes, boxes), "ops.decode_boxes": call(lambda *a: ops.decode_boxes(*a), lambda: floats(3, 4), boxes),
    "ops.soft_nms": call(lambda *a: ops.soft_nms(*a), boxes, scores),
    # models
    "models.lenet": call(pcn.models.lenet, weights=None, progress=True, num_classes=3, in_channels=2),
    "models.resnet20": call(pcn.models.resnet20, weights=None, num_classes=3),
    "models.SqueezeNet": call(lambda *a: pcn.models.SqueezeNet(*a), "1_1", 3, 0.5),
    # optim
    "optim.clip_grad_norm_": call(lambda *a: optim.clip_grad_norm_(*a), image, 1.0),
}  # fmt: skip

OPTIMIZERS = {
    "SGD": dict(lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.1, nesterov=True, maximize=False),
    "Adam": dict(lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1, amsgrad=True, maximize=False),
    "AdamW": dict(lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1, amsgrad=True, maximize=False),
    "RMSprop": dict(lr=0.1, alpha=0.9, eps=1e-8, weight_decay=0.1, momentum=0.5, centered=True),
    "LBFGS": dict(lr=1.0, max_iter=3, max_eval=5, tolerance_grad=1e-7, tolerance_change=1e-9, history_size=3),
}
SCHEDULERS = {
    "LambdaLR": dict(lr_lambda=lambda step: 0.5), "StepLR": dict(step_size=2, gamma=0.5),
    "MultiStepLR": dict(milestones=[1, 3], gamma=0.5), "ExponentialLR": dict(gamma=0.5),
    "LinearLR": dict(start_factor=0.5, end_factor=1.0, total_iters=3), "CosineAnnealingLR": dict(T_max=5, eta_min=0.0),
    "OneCycleLR": dict(max_lr=1.0, total_steps=10),
}  # fmt: skip

METHODS = {  # method -> arguments after the tensor, which is 2 x 3 x 4
    "size": (0,), "numel": (), "dim": (), "item": (), "numpy": (), "tolist": (), "detach": (), "clone": (),
    "to": ("float32",), "float": (), "double": (), "int": (), "long": (), "bool": (), "requires_grad_": (True,),
    "reshape": ((6, 4),), "view": ((6, 4),), "flatten": (0, 1),
    "permute": (2, 0, 1), "transpose": (0, 1), "squeeze": (0,), "unsqueeze": (0,), "expand": (2, 3, 4),
    "repeat": (2, 1, 1), "split": (2, 1), "chunk": (2, 1), "unbind": (0,), "flip": ((0, 1),), "roll": (1, 0),
    "sum": (1,), "mean": (1,), "var": (1,), "std": (1,), "max": (1,), "min": (1,), "amax": (1,), "amin": (1,),
    "argmax": (1,), "argmin": (1,), "prod": (1,), "cumsum": (1,), "norm": (2, 1), "logsumexp": (1,), "exp": (),
    "log": (), "log1p": (), "expm1": (), "sqrt": (), "rsqrt": (), "square": (), "reciprocal": (), "sin": (), "cos": (),
    "tanh": (), "sigmoid": (), "relu": (), "abs": (), "sign": (), "floor": (), "round": (), "clamp": (-0.5, 0.5),
    "pow": (2,), "matmul": (np.ones((4, 2)),), "softmax": (1,), "log_softmax": (1,),
    "masked_fill": (np.ones((2, 3, 4), bool), 0.0), "gather": (1, np.zeros((2, 1, 4), np.int64)),
    "scatter_add": (1, np.zeros((2, 1, 4), np.int64), np.ones((2, 1, 4))), "index_select": (1, np.array([0, 2])),
    "take_along_dim": (np.zeros((2, 1, 4), np.int64), 1), "sort": (1,), "argsort": (1,), "topk": (2, 1), "any": (),
    "all": (), "isnan": (), "isfinite": (), "backward": (np.ones((2, 3, 4)),), "__getitem__": ((0, slice(1, 2)),),
}  # fmt: skip

NAMES = {  # what must exist besides the calls above
    "": "Tensor grad no_grad manual_seed set_num_threads get_num_threads show_config float32 float64 int64 bool_",
    "ops": "generate_anchors",
    "nn": "Module Sequential ModuleList Parameter init Conv1d Conv2d ConvTranspose2d Unfold Fold MaxPool1d MaxPool2d "
    "AvgPool2d AdaptiveAvgPool2d AdaptiveMaxPool2d Upsample ConstantPad2d ZeroPad2d ReflectionPad2d ReplicationPad2d "
    "CircularPad2d BatchNorm2d GroupNorm InstanceNorm2d LayerNorm LocalResponseNorm Linear Embedding Dropout ReLU "
    "LeakyReLU ELU GELU Softplus Sigmoid Tanh Softmax LogSoftmax Hardtanh CrossEntropyLoss NLLLoss BCELoss "
    "BCEWithLogitsLoss MSELoss L1Loss SmoothL1Loss HuberLoss MultiMarginLoss HingeEmbeddingLoss TripletMarginLoss "
    "MarginRankingLoss KLDivLoss CosineSimilarity PairwiseDistance PixelShuffle Flatten",
    "optim.lr_scheduler": "SequentialLR",
    "metrics": "detection_average_precision coco_summary roc_curve roc_auc equal_error_rate true_accept_rate mean_iou "
    "boundary_iou pck confusion_matrix expected_calibration_error",
    "testing": "check_grads", "io": "save load load_torch load_npz",
    "models": "lenet alexnet vgg16 vgg19 squeezenet1_0 squeezenet1_1 resnet18 resnet20 resnet34 resnet50",
    "data": "Dataset DataLoader VOCDetection COCODetection Cifar10 IdentityFolder ImageFolder",
    "onnx": "load",
}  # fmt: skip
__all__ = ["CALLS", "METHODS", "NAMES", "OPTIMIZERS", "SCHEDULERS", "floats", "nn"]
