// `npm run check:onnx-ops`: runs the test cases of the Python package onnx through saturnn's ops: bench/onnxOperators/main.ts.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => runBench('onnxOperators/main', args));
