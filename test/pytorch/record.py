"""Records ten SGD steps of a small Inception in PyTorch: test/train/pytorch.test.ts compares saturnn with them.

Run by hand, where PyTorch is installed:  python3 test/pytorch/record.py
Weights and batches come from a generator that test/pytorch/network.ts has too, so that no weights need to be stored.
Writes fixtures/losses.json (float64 and float32: their difference is the noise floor) and fixtures/gradients.f32 (the
first step's, from float64, parameters in order, each in saturnn's layout).
"""

import json
import math
import pathlib

import numpy
import torch
import torch.nn.functional as F

from network import activation_function, forward, parameter_groups, to_saturnn, to_torch

SLOPE = 0.25
BATCH, SIZE, CLASSES, STEPS = 8, 12, 10, 10
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.05, 0.9, 1e-4


class Generator:
    """xorshift32: 24 bits of each state make a number in [0, 1)."""

    def __init__(self, seed):
        self.state = seed

    def integer(self):
        x = self.state
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self.state = x
        return x

    def uniform(self, bound, count):
        values = [((self.integer() >> 8) / 2**24 * 2 - 1) * bound for _ in range(count)]
        return numpy.array(values, numpy.float64).astype(numpy.float32)


def conv(name, inputs, outputs, kernel):
    return [(f"{name}/weight", (outputs, kernel, kernel, inputs)), (f"{name}/bias", (outputs,))]


def block_a(name, inputs):
    return (
        conv(f"{name}/1x1", inputs, 16, 1)
        + conv(f"{name}/3x3r", inputs, 16, 1)
        + conv(f"{name}/3x3", 16, 16, 3)
        + conv(f"{name}/d3x3r", inputs, 16, 1)
        + conv(f"{name}/d3x3a", 16, 16, 3)
        + conv(f"{name}/d3x3b", 16, 16, 3)
        + conv(f"{name}/projection", inputs, 16, 1)
    )


def block_b(name, inputs):
    return (
        conv(f"{name}/3x3r", inputs, 16, 1)
        + conv(f"{name}/3x3", 16, 16, 3)
        + conv(f"{name}/d3x3r", inputs, 16, 1)
        + conv(f"{name}/d3x3a", 16, 16, 3)
        + conv(f"{name}/d3x3b", 16, 16, 3)
    )


PARAMETERS = (
    conv("conv1", 3, 16, 3)
    + conv("conv2red", 16, 16, 1)
    + conv("conv2", 16, 32, 3)
    + block_a("a1", 32)
    + block_b("b", 64)
    + block_a("a2", 96)
    + [("classifier/weight", (CLASSES, 64)), ("classifier/bias", (CLASSES,))]
)


def draw(generator, name, shape):
    """Weights with variance 2 / fan in, biases that are not zero, in saturnn's layout [O, KH, KW, I]."""
    fan_in = math.prod(shape[1:])
    bound = math.sqrt(6 / fan_in) if name.endswith("weight") else 0.1
    return generator.uniform(bound, math.prod(shape)).reshape(shape)


NETWORK = [
    {"kind": "conv", "name": "conv1"},
    {"kind": "conv", "name": "conv2red"},
    {"kind": "conv", "name": "conv2"},
    {"kind": "a", "name": "a1", "pool": "average"},
    {"kind": "b", "name": "b"},
    {"kind": "a", "name": "a2", "pool": "max"},
]


def run(dtype):
    weights, data = Generator(1), Generator(2)
    p = {name: to_torch(draw(weights, name, shape), dtype).requires_grad_() for name, shape in PARAMETERS}
    activation = activation_function("leakyTanh", SLOPE)
    optimizer = torch.optim.SGD(parameter_groups(p, WEIGHT_DECAY), lr=LEARNING_RATE, momentum=MOMENTUM)
    losses, gradients = [], None
    for _ in range(STEPS):
        images = data.uniform(1.7, BATCH * SIZE * SIZE * 3).reshape(BATCH, SIZE, SIZE, 3)
        labels = torch.tensor([data.integer() % CLASSES for _ in range(BATCH)])
        x = torch.tensor(images, dtype=dtype).permute(0, 3, 1, 2)
        loss = F.cross_entropy(forward(NETWORK, p, x, activation), labels)
        optimizer.zero_grad()
        loss.backward()
        if gradients is None:
            gradients = [to_saturnn(v.grad) for v in p.values()]
        optimizer.step()
        losses.append(loss.item())
    return losses, gradients


def main():
    torch.use_deterministic_algorithms(True)
    folder = pathlib.Path(__file__).parent / "fixtures"
    folder.mkdir(exist_ok=True)
    losses, gradients = run(torch.float64)
    losses32, gradients32 = run(torch.float32)
    flat = numpy.concatenate([g.ravel() for g in gradients])
    flat32 = numpy.concatenate([g.ravel() for g in gradients32])
    flat.astype("<f4").tofile(folder / "gradients.f32")
    record = {
        "torch": torch.__version__,
        "parameters": [[name, list(shape)] for name, shape in PARAMETERS],
        "losses": losses,
        "losses32": losses32,
    }
    (folder / "losses.json").write_text(json.dumps(record) + "\n")
    loss_noise = max(abs(a - b) / abs(a) for a, b in zip(losses, losses32))
    worst = max(
        numpy.linalg.norm(a - b) / numpy.linalg.norm(a) for a, b in zip(gradients, gradients32)
    )
    print(f"losses {losses[0]:.4f} ... {losses[-1]:.4f}, {flat.size} parameters")
    print(f"float32 against float64: losses {loss_noise:.1e}, gradients {numpy.linalg.norm(flat - flat32) / numpy.linalg.norm(flat):.1e}, worst tensor {worst:.1e}")


if __name__ == "__main__":
    main()
