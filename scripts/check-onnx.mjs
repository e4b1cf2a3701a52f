// `npm run check:onnx`: exports many networks to ONNX, and has them checked and computed by Python's onnx and onnxruntime: bench/onnx.ts.
import { startIfMain } from './stage.mjs';
import { runBench } from './typescript.mjs';

await startIfMain(import.meta.url, (args) => runBench('onnx', args));
