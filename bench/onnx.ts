/**
 * `npm run check:onnx [-- --count 200] [--seed N] [--out DIR]`: exports the built-in models in full size, a network with every kind of layer, and
 * drawn networks of the public ops, in f32 and f16, with bytes and with floats as input. Python's onnx checks every file, and its onnxruntime
 * computes logits, which are compared with saturnn's. SATURNN_PYTHON names a Python that has onnx and onnxruntime.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertWeights, createModel, exportOnnx, loadModel, loadPredictor, type Model } from '../lib';
import { imageBytes } from '../lib/data/source';
import { checkLimits } from '../lib/onnx/check';
import { normalizedImage, pictureShape } from '../lib/onnx/images';
import { packageRoot } from '../lib/runtime/locate';
import { branchedModel, builtInNames, drawnModel, everyActivation } from '../test/models/networks';
import { saveDrawn } from '../test/onnx/support';
import { TestRandom } from '../test/random';

/** A network, and the files that are made of it. */
interface Case {
  readonly name: string;
  readonly model: () => Model;
  readonly forms: readonly Form[];
}

interface Form {
  readonly floatInput: boolean;
  readonly dtype: 'f32' | 'f16';
  /** Whether the weights are bf16 in the model file. */
  readonly fromBf16?: boolean;
}

const bytes: Form = { floatInput: false, dtype: 'f32' };
const floats: Form = { floatInput: true, dtype: 'f32' };
const halves: Form = { floatInput: false, dtype: 'f16' };
const everyForm = [bytes, floats, halves, { ...bytes, fromBf16: true }];

function casesOf(count: number, seed: number): Case[] {
  const classes = 10;
  return [
    ...builtInNames.map((name) => ({ name, model: () => createModel(name, { classes }), forms: everyForm })),
    { name: 'branched', model: () => branchedModel(), forms: everyForm },
    ...everyActivation.map((activation, index) => ({
      name: `activation${index}-${activation.kind}`,
      model: () => createModel('subInception', { width: 0.02, size: 8, classes, activation }),
      forms: [bytes, halves],
    })),
    ...Array.from({ length: count }, (_, stream) => ({
      name: `drawn${stream}`,
      model: () => drawnModel(new TestRandom(seed, stream)),
      forms: [stream % 2 === 0 ? bytes : floats],
    })),
  ];
}

/** Images that each file is given. */
const images = 3;

/** Writes the files of a case, with an input and the logits that saturnn computes of it. */
async function write(folder: string, { name, model, forms }: Case, random: TestRandom): Promise<void> {
  const trained = join(folder, 'trained.safetensors');
  saveDrawn(trained, model(), random);
  for (const { floatInput, dtype, fromBf16 = false } of forms) {
    const from = fromBf16 ? join(folder, 'bf16.safetensors') : trained;
    if (fromBf16) convertWeights(trained, from, { to: 'saturnn', dtype: 'bf16' });
    const file = join(folder, [name, dtype, floatInput ? 'floats' : 'bytes', ...(fromBf16 ? ['bf16'] : [])].join('.'));
    const { input } = await exportOnnx(from, `${file}.onnx`, { floatInput, dtype, check: false });
    const loaded = await loadModel(from);
    const size = imageBytes({ shape: pictureShape(loaded.model, loaded.statistics) });
    const pixels = Uint8Array.from({ length: images * size }, () => random.integer(256));
    using predictor = await loadPredictor(from, { device: 'cpu', batch: images });
    const { logits } = await predictor.predict(pixels, { count: images });
    const given = floatInput
      ? Buffer.concat(
          Array.from({ length: images }, (_, index) => {
            const image = normalizedImage(
              pixels.subarray(index * size, (index + 1) * size),
              loaded.model,
              loaded.statistics,
            );
            return Buffer.from(image.buffer, image.byteOffset, image.byteLength);
          }),
        )
      : pixels;
    writeFileSync(`${file}.input`, given);
    writeFileSync(`${file}.logits`, new Uint8Array(logits.buffer));
    const shape = [images, ...input.shape.slice(1)];
    writeFileSync(`${file}.json`, JSON.stringify({ shape, dtype: input.dtype, limit: checkLimits[dtype] }));
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { count: { type: 'string', default: '200' }, seed: { type: 'string' }, out: { type: 'string' } },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const folder = values.out ?? mkdtempSync(join(tmpdir(), 'saturnn-onnx-'));
  mkdirSync(folder, { recursive: true });
  const cases = casesOf(Number(values.count), seed);
  process.stdout.write(`seed ${seed}: ${cases.length} networks\n`);
  for (const [index, one] of cases.entries()) {
    await write(folder, one, new TestRandom(seed, 2 ** 20 + index)).catch((error: Error) => {
      throw new Error(`${one.name} of seed ${seed}: ${error.message}`, { cause: error });
    });
  }
  const python = process.env.SATURNN_PYTHON ?? 'python3';
  const script = join(packageRoot(), 'bench', 'compare', 'onnx_files.py');
  const { status, error } = spawnSync(python, [script, folder], { stdio: 'inherit' });
  if (error) throw error;
  if (values.out === undefined) rmSync(folder, { recursive: true });
  return status ?? 1;
}

void main().then((status) => {
  process.exitCode = status;
});
