// `npm run setup:onnx`: installs onnxruntime, with which the tests compute what exported networks compute, into scripts/onnx. It is no
// dependency of saturnn because it takes 440 MB.
import { stage, startIfMain } from './stage.mjs';
import { toolsIn } from './tools.mjs';

await startIfMain(import.meta.url, () => stage('onnxruntime', toolsIn('onnx').install));
