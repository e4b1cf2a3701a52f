"""Records ten steps of PyTorch's optimizers on a tiny network, and its learning-rate schedules: test/optim/pytorch.test.ts
compares saturnn with them.

Run by hand, where PyTorch is installed:  python3 test/pytorch/record_optimizers.py
Weights and batches come from the generator of record.py. Everything is computed in float64 from float32 values.
Writes fixtures/optimizers.json.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

from record import Generator

BATCH, INPUTS, HIDDEN, CLASSES, STEPS = 6, 7, 16, 5, 10
SHAPES = {
    "first/weight": (HIDDEN, INPUTS),
    "first/bias": (HIDDEN,),
    "second/weight": (CLASSES, HIDDEN),
    "second/bias": (CLASSES,),
}

CASES = {
    "sgd": {"rate": 0.1, "decay": 0.01},
    "nesterov": {"rate": 0.1, "decay": 0.01},
    "nesterov without decay": {"rate": 0.1, "decay": 0},
    "adam": {"rate": 0.02, "decay": 0},
    "adam with decay": {"rate": 0.02, "decay": 0.1},
    "adamw": {"rate": 0.02, "decay": 0.1},
    "sgd, clipped": {"rate": 0.1, "decay": 0.01, "clip": 0.3},
    "adamw, clipped": {"rate": 0.02, "decay": 0.1, "clip": 0.3},
    "sgd, smoothed": {"rate": 0.1, "decay": 0.01, "smoothing": 0.1},
    "sgd with groups": {"rate": 0.1, "decay": 0.01, "bias_rate": 2},
    "adamw with groups": {"rate": 0.02, "decay": 0.1, "bias_rate": 2},
}


def make(name, groups, rate):
    if name.startswith("adamw"):
        return torch.optim.AdamW(groups, lr=rate)
    if name.startswith("adam"):
        return torch.optim.Adam(groups, lr=rate)
    return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=name.startswith("nesterov"))


def draw(generator, bound, shape):
    count = torch.Size(shape).numel()
    return torch.tensor(generator.uniform(bound, count), dtype=torch.float64).reshape(shape)


def run(name, rate, decay, clip=None, smoothing=0.0, bias_rate=1):
    weights, data = Generator(3), Generator(4)
    p = {key: draw(weights, 0.7, shape).requires_grad_() for key, shape in SHAPES.items()}
    groups = [
        {"params": [v for k, v in p.items() if k.endswith("weight")], "weight_decay": decay},
        {"params": [v for k, v in p.items() if k.endswith("bias")], "weight_decay": 0, "lr": rate * bias_rate},
    ]
    optimizer = make(name, groups, rate)
    losses, norms = [], []
    for _ in range(STEPS):
        x = draw(data, 1.7, (BATCH, INPUTS))
        labels = torch.tensor([data.integer() % CLASSES for _ in range(BATCH)])
        hidden = torch.tanh(F.linear(x, p["first/weight"], p["first/bias"]))
        logits = F.linear(hidden, p["second/weight"], p["second/bias"])
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        optimizer.zero_grad()
        loss.backward()
        limit = float("inf") if clip is None else clip
        norms.append(torch.nn.utils.clip_grad_norm_(list(p.values()), limit).item())
        optimizer.step()
        losses.append(loss.item())
    return {
        "losses": losses,
        "norms": norms,
        "parameters": {key: value.detach().flatten().tolist() for key, value in p.items()},
    }


METRICS = [1, 0.8, 0.79999, 0.9, 0.81, 0.7, 0.75, 0.71, 0.7, 0.72, float("nan"), 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]


def schedules():
    def rates(make_scheduler, steps, arguments=lambda step: ()):
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=0.4)
        scheduler = make_scheduler(optimizer)
        found = []
        for step in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step(*arguments(step))
        return found

    lr = torch.optim.lr_scheduler
    return {
        "step": rates(lambda o: lr.MultiStepLR(o, [3, 7, 8], 0.3), 12),
        "cosine": rates(lambda o: lr.CosineAnnealingLR(o, 20, 0.01), 20),
        "onecycle": rates(lambda o: lr.OneCycleLR(o, 0.4, total_steps=20, cycle_momentum=False), 20),
        "onecycle 0.45, 25, 100": rates(
            lambda o: lr.OneCycleLR(o, 0.4, total_steps=20, pct_start=0.45, final_div_factor=100), 20
        ),
        # The metric of an epoch decides on the rate of the next.
        "plateau": rates(
            lambda o: lr.ReduceLROnPlateau(o, factor=0.5, patience=2, min_lr=0.06),
            len(METRICS),
            lambda step: (METRICS[step],),
        ),
    }


def main():
    torch.use_deterministic_algorithms(True)
    record = {
        "torch": torch.__version__,
        "cases": {name: run(name, **options) for name, options in CASES.items()},
        # JSON has no NaN.
        "metrics": [None if value != value else value for value in METRICS],
        "schedules": schedules(),
    }
    path = pathlib.Path(__file__).parent / "fixtures" / "optimizers.json"
    path.write_text(json.dumps(record) + "\n")
    for name, case in record["cases"].items():
        print(f"{name}: losses {case['losses'][0]:.4f} ... {case['losses'][-1]:.4f}, norms {max(case['norms']):.3f}")


if __name__ == "__main__":
    main()
