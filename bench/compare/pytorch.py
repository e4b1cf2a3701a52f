"""Times the training step of a saturnn network in PyTorch, on request: PyTorch's side of `npm run bench -- compare pytorch`.

Line protocol. Input: the set-up as one line of JSON (SetUp of bench/compare/setup.ts), then lines "run N", each of which asks for
N steps, or "train ORDER" with an Order of bench/compare/training.ts in JSON, for a whole training of a network of torchvision's. The
process ends when its input ends. Output: one line of JSON for each line of input. The first is {"ready": facts about this process}, the
others are {"milliseconds": [...], "losses": [...]} with one number per step, or {"trainLoss": ..., "testAccuracy": ..., "seconds": ...};
any may be {"error": text} instead. Between requests the process waits for input and does nothing.
"""

import json
import platform
import sys
import time
import warnings
from pathlib import Path

# In place of this file's own folder: torchvision tries to import a package `pytorch`, which must not be this file.
sys.path[0] = str(Path(__file__).resolve().parents[2] / "test" / "pytorch")


def reply(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def parameters_of(setup, numpy, to_torch):
    """Reads the file of weights. Returns tensors by the names of the parameters."""
    flat = numpy.fromfile(setup["weights"], "<f4")
    p, begin = {}, 0
    for name, shape in setup["parameters"]:
        size = int(numpy.prod(shape))
        p[name] = to_torch(flat[begin : begin + size].reshape(shape))
        begin += size
    return p


def torchvision_models(torch):
    """Imports torchvision's networks, which need none of its compiled operators.

    Those are missing where its wheel was made for another build of PyTorch; then two of them must be declared before the import.
    """
    try:
        from torchvision import models
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in ["nms", "qnms"]:
            torch.library.define(f"torchvision::{name}", "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        from torchvision import models
    return models


def torchvision_network(setup, p, torch):
    """Returns torchvision's network in training mode, with the parameters p."""
    models = torchvision_models(torch)
    if setup["model"] == "resnet18":
        module = models.resnet18(num_classes=setup["classes"])
    else:
        module = models.mobilenet_v2(num_classes=setup["classes"], dropout=setup["dropout"])
    missing, unexpected = module.load_state_dict(dict(zip(setup["torchNames"], p.values())), strict=False)
    # Running statistics begin as saturnn's do, and are no parameters.
    missing = [name for name in missing if "running_" not in name and "num_batches" not in name]
    if missing or unexpected:
        raise ValueError(f"torchvision's network has other weights: {missing}, {unexpected}")
    return module.train()


class Step:
    """A training step on the same batch every time: forward, loss, backward, SGD."""

    def __init__(self, setup, torch, numpy, network):
        self.torch = torch
        p = parameters_of(setup, numpy, network.to_torch)
        last = torch.channels_last if setup["channelsLast"] else torch.contiguous_format
        shape = (setup["batch"], setup["size"], setup["size"], 3)
        images = torch.from_numpy(numpy.fromfile(setup["images"], "<f4").reshape(shape))
        self.images = images.permute(0, 3, 1, 2).contiguous(memory_format=last)
        self.labels = torch.from_numpy(numpy.fromfile(setup["labels"], "<i4").astype(numpy.int64))
        if setup["torchNames"] is None:
            self.p = {k: (v.to(memory_format=last) if v.ndim == 4 else v).requires_grad_() for k, v in p.items()}
            activation = network.activation_function(setup["activation"], setup["slope"])
            self.forward = lambda p, x: network.forward(setup["network"], p, x, activation)
        else:
            self.module = torchvision_network(setup, p, torch).to(memory_format=last)
            of_module = dict(self.module.named_parameters())
            self.p = {k: of_module[name] for k, name in zip(p, setup["torchNames"])}
            self.forward = lambda _, x: self.module(x)
        self.optimizer = torch.optim.SGD(
            network.parameter_groups(self.p, setup["weightDecay"]),
            lr=setup["learningRate"],
            momentum=setup["momentum"],
            foreach=True,
        )
        self.bf16 = setup["precision"] == "bf16"

    def __call__(self):
        torch = self.torch
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            logits = self.forward(self.p, self.images)
        loss = torch.nn.functional.cross_entropy(logits.float(), self.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def compile(self):
        """Compiles the forward pass and tries it, with its backward pass, without changing parameters.

        Returns None, or why torch.compile does not work here; the step then stays in eager mode.
        """
        torch = self.torch
        eager = self.forward
        try:
            self.forward = torch.compile(eager)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
                logits = self.forward(self.p, self.images)
            torch.nn.functional.cross_entropy(logits.float(), self.labels).backward()
            return None
        except Exception as error:  # Any failure (e.g. no C++ compiler) is acceptable, because eager mode works.
            self.forward = eager
            return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        finally:
            self.optimizer.zero_grad(set_to_none=True)


def train(setup, order, torch, numpy, network):
    """Trains a network of torchvision's as saturnn does, but for the order of the images and what dropout drops."""
    step = Step({**setup, "weights": order["weights"], "weightDecay": order["weightDecay"]}, torch, numpy, network)
    mean, scale = (torch.tensor(order[name], dtype=torch.float32) for name in ("mean", "scale"))

    def images_of(path):
        pixels = torch.from_numpy(numpy.fromfile(path, "u1").reshape(-1, setup["size"], setup["size"], 3))
        return ((pixels - mean) * scale).permute(0, 3, 1, 2)

    def labels_of(path):
        return torch.from_numpy(numpy.fromfile(path, "<i4").astype(numpy.int64))

    images, labels = images_of(order["images"]), labels_of(order["labels"])
    batch, count = setup["batch"], len(labels)
    torch.manual_seed(order["seed"])
    begin = time.perf_counter()
    losses = []
    for i, rate in enumerate(order["rates"]):
        first = i * batch % count
        if first == 0:
            permutation = torch.randperm(count)
        rows = permutation[first : first + batch]
        step.images = images[rows].contiguous(memory_format=torch.channels_last)
        step.labels = labels[rows]
        for group in step.optimizer.param_groups:
            group["lr"] = rate
        losses.append(step())
    test_images, test_labels = images_of(order["testImages"]), labels_of(order["testLabels"])
    step.module.eval()
    with torch.no_grad():
        correct = sum(
            (step.module(x).argmax(1) == y).sum().item()
            for x, y in zip(test_images.split(batch), test_labels.split(batch))
        )
    seconds = time.perf_counter() - begin
    last = losses[-(count // batch) :]
    return {"trainLoss": sum(last) / len(last), "testAccuracy": correct / len(test_labels), "seconds": seconds}


def main():
    setup = json.loads(sys.stdin.readline())
    try:
        import numpy
        import torch
    except ImportError as error:
        remedy = "set SATURNN_PYTHON to a Python with torch and numpy"
        reply({"error": f"{sys.executable} cannot import PyTorch ({error}). Remedy: {remedy}."})
        return 1
    import network

    warnings.filterwarnings("ignore")
    torch.set_num_threads(setup["threads"])
    step = Step(setup, torch, numpy, network)
    problem = step.compile() if setup["compile"] else None
    mode = "eager" if problem or not setup["compile"] else "torch.compile"
    facts = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "mode": mode + (", bf16 autocast" if step.bf16 else "") + (", channels_last" if setup["channelsLast"] else ""),
        "threads": torch.get_num_threads(),
    }
    if problem:
        facts["compileFailed"] = problem
    reply({"ready": facts})
    for line in sys.stdin:
        request, argument = line.split(" ", 1)
        if request == "train":
            reply(train(setup, json.loads(argument), torch, numpy, network))
            continue
        milliseconds, losses = [], []
        for _ in range(int(argument)):
            begin = time.perf_counter()
            losses.append(step())
            milliseconds.append(1000 * (time.perf_counter() - begin))
        reply({"milliseconds": milliseconds, "losses": losses})
    return 0


sys.exit(main())
