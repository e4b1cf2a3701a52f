"""Records scikit-learn's metrics of drawn predictions: test/evaluation/scikit-learn.test.ts compares saturnn's with them.

Run by hand:  pip install --no-deps --target DIR scikit-learn numpy scipy joblib threadpoolctl narwhals
              PYTHONPATH=DIR python3 test/evaluation/record.py
The predictions come from a generator that test/evaluation/draw.ts has too, so that they need not be stored. They are quotients of
integers, which both languages round to the same doubles. Writes fixtures/scikit-learn.json.
"""

import json
import pathlib
import warnings

import numpy
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    brier_score_loss,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

# Name, seed, images, classes, classes that labels are drawn from, how much the label's own class stands out, bins.
CASES = [
    ("five classes", 1, 400, 5, 5, 3, 15),
    ("two classes", 2, 300, 2, 2, 1, 10),
    ("a hundred classes, some of which never occur", 3, 300, 100, 90, 20, 15),
    ("classes without images or guesses", 4, 60, 8, 3, 12, 5),
    ("sure guesses", 5, 200, 4, 4, 200, 15),
    ("one image", 6, 1, 3, 3, 1, 15),
]


class Generator:
    """xorshift32."""

    def __init__(self, seed):
        self.state = seed

    def integer(self):
        x = self.state
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self.state = x
        return x


def draw(seed, count, classes, present, strength):
    """Returns labels [count] and probabilities [count, classes]."""
    generator = Generator(seed)
    labels = []
    weights = []
    for _ in range(count):
        label = (generator.integer() >> 8) % present
        # Squares make a few classes stand out, as in the guesses of a network.
        row = [1 + ((generator.integer() >> 8) % 1000) ** 2 for _ in range(classes)]
        row[label] *= 1 + (generator.integer() >> 8) % (2 * strength)
        labels.append(label)
        weights.append(row)
    rows = numpy.array(weights, numpy.float64)
    return numpy.array(labels), rows / rows.sum(axis=1, keepdims=True)


def record(name, seed, count, classes, present, strength, bins):
    labels, probabilities = draw(seed, count, classes, present, strength)
    everything = list(range(classes))
    guesses = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    right = (guesses == labels).astype(int)

    scores = precision_recall_fscore_support(labels, guesses, labels=everything, zero_division=0)
    # Without `labels`, scikit-learn averages over the classes that occur as a label or as a guess.
    averages = {
        kind: precision_recall_fscore_support(labels, guesses, average=kind, zero_division=0)[:3]
        for kind in ("macro", "weighted")
    }

    # Counts as calibration_curve() makes them: it returns the bins with images only.
    edges = numpy.linspace(0, 1, bins + 1)
    counts = numpy.bincount(numpy.searchsorted(edges[1:-1], confidence), minlength=bins)
    if count > 1:
        accuracies, confidences = calibration_curve(right, confidence, n_bins=bins)
    else:
        accuracies, confidences = right.astype(float), confidence
    ece = float((counts[counts > 0] / count * numpy.abs(accuracies - confidences)).sum())

    top = [
        float(top_k_accuracy_score(labels, probabilities if classes > 2 else probabilities[:, 1], k=k, labels=everything))
        if k < classes
        else 1.0
        for k in range(1, min(10, classes) + 1)
    ]
    losses = -numpy.log(probabilities[numpy.arange(count), labels])
    mistakes = [int(index) for index in numpy.argsort(-losses, kind="stable") if not right[index]]
    return {
        **{"name": name, "seed": seed, "count": count, "classes": classes},
        **{"present": present, "strength": strength, "bins": bins},
        "loss": float(log_loss(labels, probabilities, labels=everything)),
        "topK": top,
        "confusion": confusion_matrix(labels, guesses, labels=everything).flatten().tolist(),
        **{key: [float(one) for one in values] for key, values in zip(("precision", "recall", "f1"), scores)},
        "support": scores[3].tolist(),
        **{kind: [float(one) for one in values] for kind, values in averages.items()},
        "counts": counts.tolist(),
        "accuracies": accuracies.tolist(),
        "confidences": confidences.tolist(),
        "ece": ece,
        "brier": float(brier_score_loss(labels, probabilities, labels=everything, scale_by_half=False)),
        "mistakes": mistakes[:20],
    }


warnings.simplefilter("ignore", UndefinedMetricWarning)
folder = pathlib.Path(__file__).parent / "fixtures"
result = {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "cases": [record(*case) for case in CASES]}
(folder / "scikit-learn.json").write_text(json.dumps(result) + "\n")
