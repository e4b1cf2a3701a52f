"""Records one batch normalisation of PyTorch, forward and backward: test/layers/batch-norm.test.ts compares saturnn with it.

Run by hand, where PyTorch is installed:  python3 test/pytorch/record_batch_norm.py
Computed in float64 from inputs rounded to float32; images are written in saturnn's order, [N, H, W, C]. Writes
fixtures/batch-norm.json.
"""

import json
import pathlib

import torch

BATCH, HEIGHT, WIDTH, CHANNELS = 3, 4, 2, 4
EPSILON = 1e-5


def draw(*shape):
    return torch.randn(shape, dtype=torch.float32).double()


def listed(tensor):
    tensor = tensor.detach()
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).flatten().tolist()


def run(layer, x, dy):
    x = x.clone().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    y.backward(dy)
    return {
        "y": listed(y),
        "dx": listed(x.grad),
        "dscale": listed(layer.weight.grad),
        "dshift": listed(layer.bias.grad),
        "runningMean": listed(layer.running_mean),
        "runningVariance": listed(layer.running_var),
    }


def main():
    torch.manual_seed(1)
    # A channel far from 0, one of large values.
    offset = torch.tensor([0, 100, -3, 0]).double().reshape(1, CHANNELS, 1, 1)
    size = torch.tensor([1, 1, 0.1, 30]).reshape(1, CHANNELS, 1, 1)
    x = (draw(BATCH, CHANNELS, HEIGHT, WIDTH) * size + offset).float().double()
    dy = draw(BATCH, CHANNELS, HEIGHT, WIDTH)
    layer = torch.nn.BatchNorm2d(CHANNELS, eps=EPSILON, momentum=0.1).double()
    with torch.no_grad():
        layer.weight.copy_(draw(CHANNELS))
        layer.bias.copy_(draw(CHANNELS))
    record = {
        "torch": torch.__version__,
        "shape": [BATCH, HEIGHT, WIDTH, CHANNELS],
        "x": listed(x),
        "dy": listed(dy),
        "scale": listed(layer.weight),
        "shift": listed(layer.bias),
        "training": run(layer, x, dy),
        "inference": run(layer.eval(), x, dy),
    }
    path = pathlib.Path(__file__).parent / "fixtures" / "batch-norm.json"
    path.write_text(json.dumps(record) + "\n")


main()
