"""Times the training step of a saturnn network in PyTorch on a GPU, in the ways in which PyTorch is usually run there.

Input: one line of JSON, SetUp of bench/compare/setup.ts with two more fields: "ways", a list of [way, precision, batch], and
"rounds", the number of measurements. Output: one line of JSON with the versions, then one per way as soon as it is measured:
{"way", "precision", "batch", "milliseconds" (median of a step), "samples", "loss" (of the first step), "peakBytes", "seconds"
(all the time it took)}, or with "error": text in place of the results. If there is no PyTorch or no GPU, the only line is
{"absent": reason}. The caller kills the process when its time is over.

Ways: "eager" is PyTorch without torch.compile. "compile" is torch.compile with mode max-autotune, which puts the forward and the
backward pass into CUDA graphs. "graph" is max-autotune-no-cudagraphs, with the whole step including the optimizer captured by
this script as one CUDA graph.
"""

import json
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "test" / "pytorch"))

WARM_UP_STEPS = 8
ROUND_SECONDS = 0.3


def reply(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Step:
    """A training step in channels_last, on the same batch every time: forward, loss, backward, SGD with momentum."""

    def __init__(self, setup, torch, numpy, network, precision, batch):
        self.torch = torch
        self.precision = precision
        device, last = "cuda", torch.channels_last
        flat = numpy.fromfile(setup["weights"], "<f4")
        self.p, begin = {}, 0
        for name, shape in setup["parameters"]:
            size = int(numpy.prod(shape))
            value = network.to_torch(flat[begin : begin + size].reshape(shape)).to(device)
            value = value.to(memory_format=last) if value.ndim == 4 else value
            self.p[name] = value.clone(memory_format=torch.preserve_format).requires_grad_()
            begin += size
        size = setup["size"]
        generator = torch.Generator(device).manual_seed(1)
        images = torch.randn((batch, 3, size, size), device=device, generator=generator)
        self.images = images.contiguous(memory_format=last)
        self.labels = torch.arange(batch, device=device) % 100
        activation = network.activation_function(setup["activation"], setup["slope"])
        groups = network.parameter_groups(self.p, setup["weightDecay"])
        rates = {"lr": setup["learningRate"], "momentum": setup["momentum"]}
        self.optimizer = torch.optim.SGD(groups, fused=True, **rates)

        def loss_of(p, x, labels):
            return torch.nn.functional.cross_entropy(network.forward(setup["network"], p, x, activation).float(), labels)

        self.loss_of = loss_of

    def autocast(self):
        half = {"bf16": self.torch.bfloat16, "fp16": self.torch.float16}.get(self.precision)
        return self.torch.autocast("cuda", dtype=half or self.torch.bfloat16, enabled=half is not None)

    def __call__(self):
        with self.autocast():
            loss = self.loss_of(self.p, self.images, self.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss

    def compile(self, mode):
        self.loss_of = self.torch.compile(self.loss_of, mode=mode)

    def capture(self):
        """Captures the step as one CUDA graph. Returns a function that replays it."""
        torch = self.torch
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self()
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self()
        return graph.replay


def milliseconds_of(run, torch, steps):
    """Duration of one call of `run` on the GPU, averaged over `steps` calls."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(steps):
        run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / steps


def measure(setup, torch, numpy, network, way, precision, batch):
    """Measures one way. Returns the fields of its line of output that hold results."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    step = Step(setup, torch, numpy, network, precision, batch)
    with torch.no_grad(), step.autocast():
        loss = step.loss_of(step.p, step.images, step.labels).item()
    run = step
    if way == "compile":
        step.compile("max-autotune")

        def run():
            torch.compiler.cudagraph_mark_step_begin()
            return step()

    elif way == "graph":
        step.compile("max-autotune-no-cudagraphs")
        run = step.capture()
    for _ in range(WARM_UP_STEPS):
        run()
    torch.cuda.synchronize()
    steps = max(1, int(1000 * ROUND_SECONDS / milliseconds_of(run, torch, 3)))
    samples = [milliseconds_of(run, torch, steps) for _ in range(setup["rounds"])]
    last = step.loss_of(step.p, step.images, step.labels) if way == "eager" else None
    if last is not None and not torch.isfinite(last).item():
        raise RuntimeError("the loss is not finite, so the time means nothing")
    return {
        "milliseconds": statistics.median(samples),
        "samples": samples,
        "loss": loss,
        "peakBytes": torch.cuda.max_memory_allocated(),
    }


def main():
    setup = json.loads(sys.stdin.readline())
    try:
        import numpy
        import torch
    except ImportError as error:
        reply({"absent": f"{sys.executable} cannot import PyTorch ({error})"})
        return 0
    if not torch.cuda.is_available():
        reply({"absent": f"PyTorch {torch.__version__} of {sys.executable} sees no GPU"})
        return 0
    import network

    warnings.filterwarnings("ignore")
    torch.backends.cudnn.benchmark = True
    versions = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    reply({**versions, "python": platform.python_version(), "gpu": torch.cuda.get_device_name()})
    for way, precision, batch in setup["ways"]:
        row = {"way": way, "precision": precision, "batch": batch}
        began = time.perf_counter()
        try:
            row.update(measure(setup, torch, numpy, network, way, precision, batch))
        except Exception as error:  # A way may fail (e.g. for want of memory or a compiler); the others still run.
            lines = str(error).strip().splitlines() or [""]
            row["error"] = f"{type(error).__name__}: {lines[0]}"
        torch._dynamo.reset()
        reply({**row, "seconds": time.perf_counter() - began})
    return 0


if __name__ == "__main__":
    sys.exit(main())
