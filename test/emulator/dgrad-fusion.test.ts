/**
 * Data gradients that are fused with the derivative of the preceding activation, on the emulated GPU. The backend uses
 * such a plan only if timing has chosen it, so these tests write a file of choices that says so.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemText } from '../../bench/cudnnPlans/tasks';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { optimize } from '../../lib/compile/optimize';
import { encodeActivation } from '../../lib/ops/activation';
import { elu, gelu, hardSwish, relu6, silu } from '../../lib/ops/activations';
import { conv2d, conv2dDgradActivationOp } from '../../lib/ops/convolution';
import { type Device, openDevice, type Precision } from '../../lib/runtime/device';
import { input, type Node } from '../../lib/tensor/tensor';
import { caseTable } from '../cases';
import type { Case } from '../cases/problem';
import { checkOp } from '../check';
import { deal, TestRandom, testSeed } from '../random';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const dtypes: Readonly<Partial<Record<Precision, string>>> = { bf16: 'bf16', fp16: 'f16', tf32: 'f32' };

/** The kinds that native/activations.def lets no convolution of cuDNN take in. */
const unfused = [elu(), relu6(), gelu(), silu(), hardSwish()].map((activation) => encodeActivation(activation).kind);

/**
 * Returns the fused node of a case; undefined if cuDNN cannot fuse it, because its channels need padding, its activation is one of
 * those, or the convolution is depthwise.
 */
function fusibleNode({ build }: Case): Node | undefined {
  const { nodes } = optimize(build(new TestRandom(testSeed)).graph);
  const node = nodes.find(({ op }) => op === conv2dDgradActivationOp);
  const channels = node?.outputs[0]?.shape[3] ?? 0;
  if (node && (node.attributes.groups ?? 1) > 1 && node.inputs[1]?.shape[3] === 1) return undefined;
  return node && channels % 8 === 0 && !unfused.includes(node.attributes.activation ?? -1) ? node : undefined;
}

/** Names of such a task as in native/cuda/convolution/conv_task.cc, without and with a bias gradient. Weights have the dtype of images. */
function tasksOf({ inputs, attributes }: Node, dtype: string): string[] {
  const { activation, slope = 0 } = attributes;
  const [dy = [], weight = [], y = []] = inputs.map((tensor) => tensor?.shape ?? []);
  const problem = problemText(y, weight, dy, attributes);
  const named = `activation${activation}:${Math.fround(slope).toFixed(6)}`;
  return ['', ' bias'].map(
    (bias) => `tensorCores deterministic ${2 ** 30} dgrad ${dtype} ${dtype} ${problem}${bias} ${named}`,
  );
}

const cases = (caseTable.convolution ?? []).flatMap((testCase) => {
  const node = fusibleNode(testCase);
  return node ? [{ testCase, node }] : [];
});

describe.skipIf(!isEmulated)(isEmulated ? 'fused data gradients' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const base = mkdtempSync(join(tmpdir(), 'saturnn-fusion-'));
  let device: Device;

  /** Lets the backend time a convolution. @returns name and first line of the file of choices that it writes */
  async function emptyFile(): Promise<{ name: string; header: string }> {
    process.env.XDG_CACHE_HOME = join(base, 'timed');
    using timing = openDevice('cuda');
    const y = conv2d(input('x', [1, 2, 2, 8]), input('w', [8, 1, 1, 8], { image: false }));
    (await compile(Graph.from({ outputs: { y } }), { device: timing })).dispose();
    const folder = join(base, 'timed/saturnn/tuning');
    const [name] = readdirSync(folder) as [string];
    const [header] = readFileSync(join(folder, name), 'utf8').split('\n') as [string];
    return { name, header };
  }

  beforeAll(async () => {
    const { name, header } = await emptyFile();
    const tasks = cases.flatMap(({ node }) => Object.values(dtypes).flatMap((dtype) => tasksOf(node, dtype)));
    const lines = [...new Set(tasks)].map((task) => `${task}\tfused 76:`);
    process.env.XDG_CACHE_HOME = join(base, 'given');
    const folder = join(base, 'given/saturnn/tuning');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), [header, ...lines, ''].join('\n'));
    device = openDevice('cuda');
  });
  afterAll(() => {
    device.dispose();
    rmSync(base, { recursive: true, force: true });
  });

  test('every activation that is fused has cases', () => {
    expect(new Set(cases.map(({ node }) => node.attributes.activation)).size).toBe(6);
  });

  // Precisions differ only in conversions when loading and storing, so each case runs in one of them.
  const precisions = Object.keys(dtypes) as Precision[];
  const dealt = deal(cases, precisions.length);
  describe.each(precisions)('%s', (precision) => {
    const chosen = dealt[precisions.indexOf(precision)] ?? [];
    test.each(chosen.map(({ testCase }) => [testCase.name, testCase] as const))('%s', async (name, testCase) => {
      const { implementations } = await checkOp(testCase, { device, mode: 'fused', precision, replayed: true });
      const fused = 'conv2dDgradActivation: cudnn:engine76+fused';
      expect(implementations).toContain(name.includes('no bias') ? fused : `${fused}+saturnn:channelSum`);
    });
  });
});
