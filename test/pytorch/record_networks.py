"""Records the logits of torchvision's ResNet-18 and MobileNetV2, of the ResNet for CIFAR and of LeNet: test/weights/networks.test.ts
compares saturnn's with them.

Run by hand, where torchvision and safetensors are installed:  python3 test/pytorch/record_networks.py
Weights are a formula of the tensor and the element, which test/weights/formula.ts has too, so that no weights need to be stored. Writes
fixtures/networks.json: names and shapes of the tensors, logits in float64, and counts of parameters.

python3 test/pytorch/record_networks.py --files FOLDER  writes torchvision's two networks with 10 classes and the first weights that PyTorch
gives them, as FOLDER/resnet18.safetensors and FOLDER/mobilenetV2.safetensors, for `saturnn convert`, instead.
"""

import json
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchvision.models import mobilenet_v2, resnet18
from torchvision.models.resnet import BasicBlock, ResNet

from record import Generator
from record_weights import MEAN, STD, logits

FOLDER = pathlib.Path(__file__).parent / "fixtures"
BATCH, CLASSES = 2, 10


class NarrowResnet18(ResNet):
    """torchvision's ResNet-18 with a quarter of the channels, so that the test is quick."""

    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2], CLASSES)
        self.conv1 = nn.Conv2d(3, 16, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.fc = nn.Linear(128, CLASSES)

    def _make_layer(self, block, planes, *others, **named):
        if planes == 64:
            self.inplanes = 16
        return super()._make_layer(block, planes // 4, *others, **named)


class CifarBlock(nn.Module):
    """The block of the ResNet for CIFAR, with shortcuts of option A: every second pixel, and zeros for further channels."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.further = stride, outputs - inputs

    def forward(self, x):
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.further))
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + shortcut)


class CifarResnet(nn.Module):
    """He et al. 2015, section 4.2, with n blocks per stage: 6n + 2 layers."""

    def __init__(self, n):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        before = 16
        for stage, channels in enumerate([16, 32, 64]):
            blocks = []
            for index in range(n):
                blocks.append(CifarBlock(before, channels, 2 if stage > 0 and index == 0 else 1))
                before = channels
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class LeNet(nn.Module):
    """LeNet-5 with full connections in C3, average pools without weights and a linear classifier."""

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, CLASSES)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.c3(x)), 2)
        x = torch.tanh(self.f6(torch.tanh(self.c5(x)).flatten(1)))
        return self.output(x)


def uniform(tensor, count):
    """Numbers of -1 to 1 that depend on the index of the tensor and of the element: a hash of 32 bits, of which 24 are used."""
    x = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32((tensor + 1) * 0x9E3779B9 % 2**32)
    for shift, factor in [(16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)]:
        x = (x ^ (x >> numpy.uint32(shift))) * numpy.uint32(factor)
    return (x >> numpy.uint32(8)).astype(numpy.float64) / 2**23 - 1


def weighted(model):
    """Gives all weights the values of the formula: He's variance for weights, factors and variances of 0.5 to 1.5, biases below 0.2."""
    state = model.state_dict()
    for index, (name, tensor) in enumerate(state.items()):
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
            continue
        values = uniform(index, tensor.numel())
        if tensor.ndim > 1:
            values *= (6 / tensor[0].numel()) ** 0.5
        elif name.endswith(("weight", "running_var")):
            values = 1 + values / 2
        else:
            values *= 0.2
        state[name] = torch.from_numpy(values.astype(numpy.float32)).reshape(tensor.shape)
    model.load_state_dict(state)
    return model.eval()


def record(model, size, channels, width=1):
    """Records the tensors of a network, and its logits of drawn images as test/weights/networks.test.ts makes them."""
    generator = Generator(6)
    shape = [BATCH, *size, channels]
    pixels = [generator.integer() >> 24 for _ in range(numpy.prod(shape))]
    images = torch.tensor(pixels).reshape(shape).double() / 255
    mean, std = MEAN[:channels], STD[:channels]
    images = (images - torch.tensor(mean, dtype=torch.float64)) / torch.tensor(std, dtype=torch.float64)
    tensors = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    values = logits(weighted(model), images)
    images = {"size": size, "channels": channels, "mean": mean, "std": std}
    return {"width": width, **images, "tensors": tensors, "logits": values}


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def write_files(folder):
    torch.manual_seed(0)
    for name, make in {"resnet18": resnet18, "mobilenetV2": mobilenet_v2}.items():
        save_file(make(num_classes=CLASSES).state_dict(), pathlib.Path(folder) / f"{name}.safetensors", {"format": "pt"})


def main():
    result = {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "parameters": {
            "resnet18": {"1": parameters(resnet18())},
            "mobilenetV2": {f"{width}": parameters(mobilenet_v2(width_mult=width)) for width in [0.1, 0.35, 0.5, 0.75, 1, 1.4]},
        },
        "networks": {
            # Odd sides, so that the padding of every stride matters.
            "resnet18": record(NarrowResnet18(), [37, 50], 3, 0.25),
            "mobilenetV2": record(mobilenet_v2(num_classes=CLASSES, width_mult=0.25), [37, 50], 3, 0.25),
            "cifarResnet20": record(CifarResnet(3), [15, 18], 3),
            "lenet": record(LeNet(), [28, 28], 1),
        },
    }
    (FOLDER / "networks.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    write_files(sys.argv[2]) if sys.argv[1:2] == ["--files"] else main()
