"""Records files of weights as PyTorch and the safetensors package write them: test/weights/pytorch.test.ts converts them.

Run by hand, where PyTorch and safetensors are installed:  python3 test/pytorch/record_weights.py
Writes fixtures/weights.safetensors (a small network), fixtures/dtypes.safetensors (a tensor of each dtype) and fixtures/weights.json:
logits in float64 of that network and of saturnn's subInception, whose weights come from the generator of record.py, and the
numbers of each dtype.
"""

import json
import pathlib

import safetensors
import torch
from safetensors.torch import save_file
from torch import nn

from network import activation_function
from record import Generator

FOLDER = pathlib.Path(__file__).parent / "fixtures"
BATCH, SIZE = 4, 12
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class ConvBn(nn.Module):
    """A convolution and its batch normalisation in one module, as in torchvision's Inception."""

    def __init__(self, inputs, outputs, kernel, stride=1, activation=torch.relu):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.activation = activation

    def forward(self, x):
        return self.activation(self.bn(self.conv(x)))


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, (3, 1), stride=2, padding=(1, 0))
        self.block = ConvBn(12, 16, 1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.block(torch.relu(self.conv2(x)))
        return self.fc(x.mean((2, 3)))


class Block(nn.Module):
    """An inception block of saturnn, with 16 channels in every branch: kind "average" or "max" keeps the size, "b" halves it."""

    def __init__(self, inputs, kind, make):
        super().__init__()
        self.kind = kind
        stride = 2 if kind == "b" else 1
        parts = {
            "3x3r": make(inputs, 16, 1),
            "3x3": make(16, 16, 3, stride),
            "d3x3r": make(inputs, 16, 1),
            "d3x3a": make(16, 16, 3),
            "d3x3b": make(16, 16, 3, stride),
        }
        if kind != "b":
            parts |= {"1x1": make(inputs, 16, 1), "projection": make(inputs, 16, 1)}
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        part = dict(self.named_children())
        three = part["3x3"](part["3x3r"](x))
        double = part["d3x3b"](part["d3x3a"](part["d3x3r"](x)))
        if self.kind == "b":
            return torch.cat([three, double, nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)], 1)
        if self.kind == "average":
            pooled = nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        else:
            pooled = nn.functional.max_pool2d(x, 3, 1, 1)
        return torch.cat([part["1x1"](x), three, double, part["projection"](pooled)], 1)


class SubInception(nn.Module):
    def __init__(self, classes):
        super().__init__()
        activation = activation_function("leakyTanh", 0.25)

        def make(inputs, outputs, kernel, stride=1):
            return ConvBn(inputs, outputs, kernel, stride, activation)

        kinds = {"3a": "average", "3b": "average", "3c": "b", "4a": "average", "4b": "average"}
        kinds |= {"4c": "average", "4d": "average", "4e": "b", "5a": "average", "5b": "max"}
        channels = 3
        for name, kind in kinds.items():
            self.add_module(name, Block(channels, kind, make))
            channels = channels + 32 if kind == "b" else 64
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        for name, block in self.named_children():
            x = block(x) if name != "classifier" else block(x.mean((2, 3)))
        return x


def draw(model, seed):
    """Gives every weight values that are not those of a new one, in the order of the state_dict."""
    generator = Generator(seed)
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
            continue
        fan_in = tensor[0].numel() if tensor.ndim > 1 else 12
        values = torch.from_numpy(generator.uniform((6 / fan_in) ** 0.5, tensor.numel())).reshape(tensor.shape)
        state[name] = values.abs() + 0.5 if name.endswith("running_var") else values
    model.load_state_dict(state)
    return model.eval()


def logits(model, images):
    with torch.no_grad():
        return model.double()(images.double().permute(0, 3, 1, 2)).tolist()


def small():
    model = draw(Small(), 3)
    save_file(model.state_dict(), FOLDER / "weights.safetensors", metadata={"format": "pt"})
    images = Generator(4).uniform(1.7, BATCH * SIZE * SIZE * 3).reshape(BATCH, SIZE, SIZE, 3)
    return logits(model, torch.from_numpy(images))


def sub_inception():
    model = draw(SubInception(7), 5)
    shapes = [[name, list(tensor.shape)] for name, tensor in model.state_dict().items()]
    generator = Generator(6)
    bytes_ = torch.tensor([generator.integer() >> 24 for _ in range(BATCH * SIZE * SIZE * 3)])
    images = bytes_.reshape(BATCH, SIZE, SIZE, 3).double() / 255
    images = (images - torch.tensor(MEAN, dtype=torch.float64)) / torch.tensor(STD, dtype=torch.float64)
    return {"shapes": shapes, "mean": MEAN, "std": STD, "logits": logits(model, images)}


def dtypes():
    floats = torch.tensor([0, 1, -2.5, 0.1, 1e-6, 65504])
    kinds = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    tensors = {name: floats.to(dtype) for name, dtype in kinds.items()}
    tensors |= {
        "I64": torch.tensor([-(2**53) + 1, 3]),
        "I32": torch.tensor([-(2**31), 2**24], dtype=torch.int32),
        "I16": torch.tensor([-(2**15), 2**15 - 1], dtype=torch.int16),
        "I8": torch.tensor([-128, 127], dtype=torch.int8),
        "U8": torch.tensor([0, 255], dtype=torch.uint8),
        "BOOL": torch.tensor([True, False, True]),
    }
    save_file(tensors, FOLDER / "dtypes.safetensors")
    return {name: tensor.double().tolist() for name, tensor in tensors.items()}


def main():
    torch.use_deterministic_algorithms(True)
    record = {
        "torch": torch.__version__,
        "safetensors": safetensors.__version__,
        "small": small(),
        "subInception": sub_inception(),
        "dtypes": dtypes(),
    }
    (FOLDER / "weights.json").write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
