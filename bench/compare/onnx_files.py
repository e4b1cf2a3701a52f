"""Checks the ONNX files of a folder: `npm run check:onnx` writes them, each with an input and the logits that saturnn computes.

Usage: python3 onnx_files.py DIR, with the packages onnx and onnxruntime.
Every file must pass onnx.checker with the inference of all shapes, and onnxruntime must compute the same logits. Prints the largest
differences, and exits with 1 if a file fails.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

kinds = {"u8": numpy.uint8, "f32": numpy.float32}


def difference_of(file):
    """Returns the largest difference, divided by the largest logit if that is above 1, and the names of the operators."""
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    about = json.loads(file.with_suffix(".json").read_text())
    given = numpy.fromfile(file.with_suffix(".input"), kinds[about["dtype"]]).reshape(about["shape"])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
    logits, probabilities = session.run(["logits", "probabilities"], {"images": given})
    expected = numpy.fromfile(file.with_suffix(".logits"), numpy.float32).reshape(logits.shape)
    shifted = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    if abs(shifted / shifted.sum(axis=1, keepdims=True) - probabilities).max() > 1e-5:
        raise ValueError("the probabilities are not the softmax of the logits")
    difference = float(abs(expected - logits).max() / max(1, abs(expected).max()))
    if not difference <= about["limit"]:
        raise ValueError(f"the logits differ by {difference:.1e}")
    return difference, {node.op_type for node in model.graph.node}


def main():
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
    largest, operators, failed = {}, set(), 0
    for file in files:
        name, dtype, *form = file.stem.split(".")
        kind = "drawn networks" if name.startswith("drawn") else "activations" if name.startswith("activation") else name
        try:
            difference, used = difference_of(file)
        except Exception as error:
            failed += 1
            print(f"FAILED {file.name}: {error}")
            continue
        operators |= used
        key = (kind, dtype, "from bf16" if "bf16" in form else "floats" if "floats" in form else "bytes")
        count, most = largest.get(key, (0, 0))
        largest[key] = (count + 1, max(most, difference))
    for (kind, dtype, form), (count, most) in sorted(largest.items()):
        print(f"{kind:16} {dtype} {form:9} {count:4} files, largest difference {most:.1e}")
    print(f"operators: {', '.join(sorted(operators))}")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: {len(files) - failed} passed, {failed} failed")
    return 1 if failed or not files else 0


sys.exit(main())
