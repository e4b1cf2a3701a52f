"""Writes ONNX's own test cases of backends for `npm run check:onnx-ops`, as one file of JSON and one of numbers.

Usage: python3 cases.py DIR SEED OPERATOR,OPERATOR,..., with the package onnx.
DIR/cases.json lists every case: those of single nodes, which the package makes when it is asked for them, and those of networks
exported by PyTorch, which are files in it. A case all of whose nodes are among the OPERATORS comes with its nodes, and with places in
DIR/numbers.bin for its arrays; of the others, the list has the names of the operators. SEED is that of the random numbers.
"""

import json
import math
import pathlib
import sys
import warnings

import numpy
import onnx
import onnx.numpy_helper

kinds = ["node", "simple", "pytorch-operator", "pytorch-converted"]


class Writer:
    """Appends arrays to a file and describes their places."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.offset = 0

    def describe(self, value):
        """Returns the place of an array, or None for a value that is no tensor of numbers."""
        if isinstance(value, onnx.TensorProto):
            value = onnx.numpy_helper.to_array(value)
        if isinstance(value, (numpy.generic, int, float)):
            value = numpy.asarray(value)
        if not isinstance(value, numpy.ndarray) or value.dtype == object or value.dtype.kind in "SU":
            return None
        data = numpy.ascontiguousarray(value).tobytes()
        self.file.write(data + b"\0" * (-len(data) % 8))
        place = {"dtype": value.dtype.name, "shape": list(value.shape), "offset": self.offset, "bytes": len(data)}
        self.offset += len(data) + -len(data) % 8
        return place

    def attribute(self, attribute):
        """Returns an attribute as a JSON value; an array is {"array": its place}, and anything else that JSON lacks is None."""
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, onnx.TensorProto):
            return {"array": self.describe(value)}
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, (int, float)):
            return value if math.isfinite(value) else None
        if hasattr(value, "__iter__"):
            values = [item.decode() if isinstance(item, bytes) else item for item in value]
            return values if all(isinstance(item, (int, float, str)) for item in values) else None
        return None


def tensors_in(folder, name):
    """Reads input_0.pb, input_1.pb, ... of a folder, or output_0.pb, ... Sequences are None."""
    found = sorted(folder.glob(f"{name}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [tensor_of(path.read_bytes()) for path in found]


def tensor_of(data):
    """Returns a tensor from its bytes; None for what is none."""
    try:
        tensor = onnx.TensorProto.FromString(data)
        return tensor if tensor.data_type else None
    except Exception:
        return None


def data_of(case):
    """Returns a case's model and its sets of inputs and outputs."""
    if case.model is not None:
        return case.model, case.data_sets
    folder = pathlib.Path(case.model_dir)
    sets = [(tensors_in(data, "input"), tensors_in(data, "output")) for data in sorted(folder.glob("test_data_set_*"))]
    return onnx.load(folder / "model.onnx"), sets


def about(case, kind, operators, writer):
    """Returns the description of a case."""
    model, sets = data_of(case)
    graph = model.graph
    named = {"name": case.name, "kind": kind, "operators": sorted({node.op_type for node in graph.node})}
    if not set(named["operators"]) <= operators:
        return named
    initializers = {tensor.name: writer.describe(tensor) for tensor in graph.initializer}
    names = [value.name for value in graph.input]
    # Older files list what is initialized among the inputs.
    if any(len(inputs) < len(names) for inputs, _ in sets):
        names = [name for name in names if name not in initializers]
    return {
        **named,
        "relative": case.rtol,
        "absolute": case.atol,
        "version": max([item.version for item in model.opset_import if item.domain in ("", "ai.onnx")], default=0),
        "nodes": [
            {
                "operator": node.op_type,
                "inputs": list(node.input),
                "outputs": list(node.output),
                "attributes": {item.name: writer.attribute(item) for item in node.attribute},
            }
            for node in graph.node
        ],
        "initializers": initializers,
        "sets": [
            {
                "inputs": {name: writer.describe(value) for name, value in zip(names, inputs)},
                "outputs": {value.name: writer.describe(array) for value, array in zip(graph.output, outputs)},
            }
            for inputs, outputs in sets
        ],
    }


def main():
    folder, seed, operators = pathlib.Path(sys.argv[1]), int(sys.argv[2]), set(sys.argv[3].split(","))
    warnings.filterwarnings("ignore")
    numpy.random.seed(seed)
    # The cases of nodes draw their numbers when they are imported.
    from onnx.backend.test.loader import load_model_tests

    writer = Writer(folder / "numbers.bin")
    cases = [about(case, kind, operators, writer) for kind in kinds for case in load_model_tests(kind=kind)]
    writer.file.close()
    (folder / "cases.json").write_text(json.dumps({"onnx": onnx.__version__, "cases": cases}))
    return 0


sys.exit(main())
