"""Compares PyTorch's forward pass with saturnn's, with the weights of a model.safetensors, on real images.

    saturnn predict --weights RUN/model.safetensors --data FOLDER --limit 200 --out predictions.safetensors
    python3 test/pytorch/forward.py RUN/model.safetensors FOLDER/test.bin predictions.safetensors

Images: CIFAR-100's binary layout. Needs torch, safetensors and numpy. Ends with an error if a logit differs by more than
1e-4 of the largest one, or a probability by more than 1e-4.
"""

import json
import sys

import numpy
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.numpy import load_file

RECORD = 2 + 3 * 32 * 32
BOUND = 1e-4

# Block A has a pool of its kind, block B halves the image.
BLOCKS = (
    ("3a", "average"), ("3b", "average"), ("3c", None), ("4a", "average"), ("4b", "average"), ("4c", "average"),
    ("4d", "average"), ("4e", None), ("5a", "average"), ("5b", "max"),
)  # fmt: skip


def activation(text):
    kind, _, slope = text.partition(":")
    a = float(slope or 0)
    return {
        "sigmoid": torch.sigmoid,
        "scaledSigmoid": lambda x: 4 * torch.sigmoid(x) - 2,
        "tanh": torch.tanh,
        "leakyTanh": lambda x: torch.where(x < 0, a * torch.tanh(x), torch.tanh(x)),
        "relu": torch.relu,
        "leakyRelu": lambda x: F.leaky_relu(x, a),
    }[kind]


def forward(p, metadata, x):
    f = activation(metadata["activation"])

    def layer(name, x, stride=1):
        weight = p[f"{name}/weight"].permute(0, 3, 1, 2)
        return f(F.conv2d(x, weight, p[f"{name}/bias"], stride, weight.shape[2] // 2))

    if metadata["model"] == "inception33":
        x = layer("conv2", layer("conv2red", layer("conv1", x)))
    for name, pool in BLOCKS:
        stride = 1 if pool else 2
        wide = layer(f"{name}/3x3", layer(f"{name}/3x3r", x), stride)
        double = layer(f"{name}/d3x3b", layer(f"{name}/d3x3a", layer(f"{name}/d3x3r", x)), stride)
        if pool is None:
            x = torch.cat([wide, double, F.max_pool2d(x, 3, 2, ceil_mode=True)], 1)
            continue
        pooled = F.max_pool2d(x, 3, 1, 1) if pool == "max" else F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        x = torch.cat([layer(f"{name}/1x1", x), wide, double, layer(f"{name}/projection", pooled)], 1)
    return F.linear(x.mean((2, 3)), p["classifier/weight"], p["classifier/bias"])


def images(path, count, metadata):
    """Centre crops [N, 3, size, size], minus the mean, scaled."""
    records = numpy.fromfile(path, numpy.uint8).reshape(-1, RECORD)[:count]
    pixels = records[:, 2:].reshape(-1, 3, 32, 32).astype(numpy.float32)
    size = int(metadata["size"])
    begin = (32 - size) // 2
    mean = numpy.array(json.loads(metadata["mean"]), numpy.float32).reshape(json.loads(metadata["meanShape"]))
    mean = mean.transpose(2, 0, 1) if mean.ndim == 3 else mean[:, None, None]
    scale = numpy.array(json.loads(metadata["scale"]), numpy.float32)[:, None, None]
    crops = ((pixels - mean) * scale)[:, :, begin : begin + size, begin : begin + size]
    return torch.from_numpy(numpy.ascontiguousarray(crops)), records[:, 1]


def main(weights, data, predictions):
    with safe_open(weights, "pt") as file:
        metadata = file.metadata()
        p = {name: file.get_tensor(name) for name in file.keys()}
    ours = load_file(predictions)
    x, labels = images(data, len(ours["labels"]), metadata)
    if len(x) != len(ours["labels"]) or (labels != ours["labels"]).any():
        sys.exit("error: the predictions are not those of these images")
    with torch.inference_mode():
        logits = torch.cat([forward(p, metadata, part) for part in x.split(50)])
    probabilities = logits.softmax(1).numpy()
    logits = logits.numpy()
    scale = abs(logits).max()
    logit_error = abs(logits - ours["logits"]).max() / scale
    probability_error = abs(probabilities - ours["probabilities"]).max()
    same = int((logits.argmax(1) == ours["logits"].argmax(1)).sum())
    print(f"{metadata['model']}, width {metadata['width']}, {metadata['activation']}: {len(x)} images, torch {torch.__version__}")
    print(f"logits up to {scale:.3f}: largest difference {logit_error:.1e} of that; probabilities: {probability_error:.1e}")
    print(f"same guess: {same} of {len(x)}; accuracy {(logits.argmax(1) == labels).mean():.4f}")
    if not (logit_error <= BOUND and probability_error <= BOUND):
        sys.exit(f"error: more than {BOUND}")


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
