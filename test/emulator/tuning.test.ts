/**
 * Choosing convolutions by timing, on the emulated GPU. Which plan is chosen means little there, but the choices are
 * stored, read and replaced in the same way as on a real GPU.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { defaultPasses } from '../../lib/compile/optimize';
import { halveImages } from '../../lib/compile/passes/halveImages';
import { activate } from '../../lib/ops/activation';
import { elu, leakyTanh } from '../../lib/ops/activations';
import { conv2d, conv2dWgrad } from '../../lib/ops/convolution';
import { openDevice } from '../../lib/runtime/device';
import { input } from '../../lib/tensor/tensor';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const shape = { batch: 2, size: 6, inputs: 8, outputs: 16 };

/** Makes a graph of a convolution that is used with and without an activation, and of its weight gradient. */
function network(activation = leakyTanh()): Graph {
  const x = input('x', [shape.batch, shape.size, shape.size, shape.inputs]);
  const w = input('w', [shape.outputs, 3, 3, shape.inputs], { image: false });
  const bias = input('bias', [shape.outputs]);
  const pre = conv2d(x, w, { padding: 1, bias });
  const again = conv2d(x, w, { padding: 1, bias });
  const { dweight } = conv2dWgrad(x, pre, w.shape, pre.node.attributes);
  const y = activate(again, activation);
  const z = activate(conv2d(x, w, { padding: 1, bias }), activation);
  return Graph.from({ outputs: { y, z, dweight } });
}

describe.skipIf(!isEmulated)(isEmulated ? 'choices made by timing' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const base = mkdtempSync(join(tmpdir(), 'saturnn-tuning-'));
  const before = process.env.XDG_CACHE_HOME;
  let count = 0;
  let folder = '';
  beforeEach(() => {
    // Each test has its own folder, because a process reads the choices of a folder only once.
    process.env.XDG_CACHE_HOME = join(base, String(count++));
    folder = join(process.env.XDG_CACHE_HOME, 'saturnn/tuning');
  });
  afterAll(() => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
    rmSync(base, { recursive: true, force: true });
  });

  async function implementations(graph: Graph, { half = false, autotune = true, plain = false } = {}) {
    using device = openDevice('cuda');
    const stored = half ? halveImages(graph, 'bf16') : graph;
    const plan = await compile(stored, { device, passes: plain ? [] : defaultPasses, autotune });
    plan.dispose();
    return plan.kernels.filter(({ op }) => op.startsWith('conv2d')).map(({ implementation }) => implementation);
  }

  const file = () => {
    const files = readdirSync(folder);
    expect(files).toHaveLength(1);
    return join(folder, files[0] as string);
  };
  const lines = () => readFileSync(file(), 'utf8').trimEnd().split('\n');

  /** Prepares a folder with choices as if another process had written them; `change` edits the lines of the file. */
  async function folderWith(change: (lines: string[]) => string[]): Promise<void> {
    await implementations(network());
    const [name, text] = [file().slice(folder.length + 1), change(lines()).join('\n')];
    process.env.XDG_CACHE_HOME = join(base, String(count++));
    folder = join(process.env.XDG_CACHE_HOME, 'saturnn/tuning');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), text);
  }

  test('one line per different convolution, under a line that says where it was chosen', async () => {
    const names = await implementations(network());
    const [header, ...choices] = lines();
    expect(header).toMatch(/^saturnn tuning 1: Emulated GPU, cuDNN \d+, ABI \d+$/);
    expect(choices).toHaveLength(3); // bias alone, bias and activation, weight gradient
    for (const choice of choices) expect(choice).toMatch(/^strict deterministic \d+ .*\tplain \d+:/);
    expect(names.filter((name) => /^cudnn:engine[15](\+|$)/.test(name))).toEqual(names); // strict f32, deterministic
  });

  test('choices in a file are used without timing', async () => {
    for (const engine of [1, 5]) {
      await folderWith((all) => all.map((line) => line.replace(/plain \d+:.*/, `plain ${engine}:`)));
      const names = await implementations(network());
      expect(names.filter((name) => !name.startsWith(`cudnn:engine${engine}`))).toEqual([]);
    }
  });

  test('a choice that does not exist, or that the policy forbids, is made again', async () => {
    for (const bad of ['plain 99:', 'plain 66:', 'fused 75:', 'plain', 'plain 1:2', '']) {
      await folderWith((all) => all.map((line) => line.replace(/plain \d+:.*/, bad)));
      const names = await implementations(network());
      expect(names.filter((name) => /^cudnn:engine[15](\+|$)/.test(name))).toEqual(names);
      expect(lines().filter((line) => /\tplain [15]:/.test(line))).toHaveLength(3);
    }
  });

  test('a file that is broken, or of another program or cuDNN, is replaced', async () => {
    const broken = [
      () => ['\u0000\u0001', 'rubbish'],
      () => [],
      (all: string[]) => ['saturnn tuning 1: another GPU', ...all.slice(1)],
    ];
    for (const change of broken) {
      await folderWith(change);
      expect(await implementations(network())).toHaveLength(4);
      expect(lines()).toHaveLength(4);
      expect(lines()[0]).toContain('Emulated GPU');
    }
  });

  test('without autotune nothing is written, and a folder that cannot be made is no error', async () => {
    await implementations(network(), { autotune: false });
    expect(() => readdirSync(folder)).toThrow('ENOENT');
    process.env.XDG_CACHE_HOME = '/dev/null';
    expect(await implementations(network())).toHaveLength(4);
  });

  test('in bf16 convolutions are fused or take two kernels; elu and plain plans are never fused', async () => {
    const convolutions = (names: string[]) => names.filter((name) => name.startsWith('cudnn:'));
    const fused = convolutions(await implementations(network(), { half: true, autotune: false }));
    expect(fused.filter((name) => name === 'cudnn:engine76+fused' || name === 'cudnn:engine75+fused')).toHaveLength(3);
    const timed = convolutions(await implementations(network(), { half: true }));
    expect(timed.filter((name) => /\+fused$|\+saturnn:channelMap$/.test(name))).toHaveLength(3);
    const slow = convolutions(await implementations(network(elu()), { half: true, autotune: false }));
    expect(slow.filter((name) => name.endsWith('+saturnn:channelMap'))).toHaveLength(2);
    const plain = convolutions(await implementations(network(), { half: true, autotune: false, plain: true }));
    expect(plain.filter((name) => name.includes('+fused'))).toEqual([]);
    // Four conversions: weights to halves, for three forward passes, and the weight gradient to f32.
    expect(plain.filter((name) => name.includes('+saturnn:convertRows'))).toHaveLength(4);
  });
});
