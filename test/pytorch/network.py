"""saturnn's networks in PyTorch, as functions of named parameters: record.py records one, bench/compare/pytorch.py times them.

A network is a list of layers, each {"kind", "name"}: "conv" (padded so that the image keeps its size), "a" with its "pool"
("average" or "max"), "b"; a global average pool and the linear layer "classifier" follow. All sizes are those of the
parameters `p`, a dict by saturnn's names: convolutions in PyTorch's layout [O, I, KH, KW].
"""

import torch
import torch.nn.functional as F


def activation_function(kind, slope):
    """Returns a function for an activation, in as few PyTorch kernels as possible, because it is timed."""
    return {
        "sigmoid": torch.sigmoid,
        "scaledSigmoid": lambda x: 2 * torch.tanh(x / 2),
        "tanh": torch.tanh,
        "leakyTanh": lambda x: F.leaky_relu(torch.tanh(x), slope),
        "relu": torch.relu,
        "leakyRelu": lambda x: F.leaky_relu(x, slope),
        "elu": lambda x: F.elu(x, slope),
    }[kind]


def to_torch(values, dtype=torch.float32):
    """Converts a parameter from saturnn's layout, [O, KH, KW, I] or [O, I] or [O], to PyTorch's."""
    tensor = torch.as_tensor(values).to(dtype)
    return tensor.permute(0, 3, 1, 2).contiguous() if tensor.ndim == 4 else tensor


def to_saturnn(tensor):
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).contiguous().numpy()


def parameter_groups(p, weight_decay):
    """Groups parameters for the optimizer: weights with weight decay, biases and those of normalisations without."""
    return [
        {"params": [v for k, v in p.items() if k.endswith("weight")], "weight_decay": weight_decay},
        {"params": [v for k, v in p.items() if not k.endswith("weight")], "weight_decay": 0},
    ]


def forward(network, p, x, activation):
    """Computes logits [N, classes] from images [N, C, H, W]."""

    def conv(name, x, stride=1):
        weight = p[f"{name}/weight"]
        return activation(F.conv2d(x, weight, p[f"{name}/bias"], stride, weight.shape[2] // 2))

    def block_a(name, x, pool):
        # The padding is not counted in the mean.
        average = pool == "average"
        pooled = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) if average else F.max_pool2d(x, 3, 1, 1)
        return torch.cat(
            [
                conv(f"{name}/1x1", x),
                conv(f"{name}/3x3", conv(f"{name}/3x3r", x)),
                conv(f"{name}/d3x3b", conv(f"{name}/d3x3a", conv(f"{name}/d3x3r", x))),
                conv(f"{name}/projection", pooled),
            ],
            1,
        )

    def block_b(name, x):
        return torch.cat(
            [
                conv(f"{name}/3x3", conv(f"{name}/3x3r", x), 2),
                conv(f"{name}/d3x3b", conv(f"{name}/d3x3a", conv(f"{name}/d3x3r", x)), 2),
                # The last window is clipped at the edge.
                F.max_pool2d(x, 3, 2, ceil_mode=True),
            ],
            1,
        )

    for layer in network:
        kind, name = layer["kind"], layer["name"]
        x = conv(name, x) if kind == "conv" else block_b(name, x) if kind == "b" else block_a(name, x, layer["pool"])
    return F.linear(x.mean((2, 3)), p["classifier/weight"], p["classifier/bias"])
