/**
 * cuDNN has a strict-f32 plan for every convolution of inception33, forward and backward, on an H200: asked of the real
 * cuDNN with a description of that GPU, so neither a GPU nor a driver is needed. Only cuBLASLt (540 MB) is a stand-in.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Graph } from '../../lib/graph/graph';
import { binaryFolders } from '../../lib/locate';
import { inception33 } from '../../lib/models';
import { conv2dOp } from '../../lib/ops/conv2d';
import { input, type Tensor } from '../../lib/tensor';
import { compileFake } from '../fakes/build';

const program = join(binaryFolders()[0] as string, 'tests/cudnn_plans');
const cudnn = cudnnFolder();
const reason = existsSync(program) ? 'no cuDNN in CUDNN_ROOT, CUDNN_PATH or the cache' : `${program} was not built`;
const runs = existsSync(program) && cudnn !== undefined;
if (!runs) console.warn(`Not run: cuDNN's plans, because ${reason}.`);

/** Where the headers came from, which is where CMake looked. */
function cudnnFolder(): string | undefined {
  const { CUDNN_ROOT, CUDNN_PATH, XDG_CACHE_HOME } = process.env;
  const cache = join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'saturnn/cudnn');
  const roots = [CUDNN_ROOT, CUDNN_PATH, cache].filter((root): root is string => Boolean(root));
  const folders = roots.flatMap((root) => [join(root, 'lib'), join(root, 'nvidia/cudnn/lib')]);
  return folders.find((folder) => existsSync(join(folder, 'libcudnn.so.9')));
}

interface PlanLine {
  engine?: string;
  workspace?: number;
  problem?: string;
}

/** Lines of 13 numbers, as native/cuda/plan_check.cc reads them. */
function convolutions(batch: number, width: number): string[] {
  const model = inception33({ width });
  const logits = model.forward(input('images', [batch, ...model.inputShape]));
  const nodes = Graph.from({ outputs: { logits } }).nodes.filter((node) => node.op === conv2dOp);
  return nodes.map((node) => {
    const shape = (tensor?: Tensor | null) => tensor?.shape ?? [];
    const [x, weight, y] = [shape(node.inputs[0]), shape(node.inputs[1]), shape(node.outputs[0])];
    const { strideH, strideW, padH, padW } = node.attributes;
    return [...x, ...weight.slice(0, 3), ...y.slice(1, 3), strideH, strideW, padH, padW].join(' ');
  });
}

describe.skipIf(!runs)("cuDNN's plans without a GPU", () => {
  const stand = mkdtempSync(join(tmpdir(), 'saturnn-fakes-'));
  afterAll(() => rmSync(stand, { recursive: true, force: true }));

  it.each([
    [128, 1],
    [3, 0.25],
  ])('batch %d, width %d', (batch, width) => {
    compileFake(stand, 'libcublasLt.so.13', 'cublaslt.c');
    const problems = convolutions(batch, width);
    expect(problems).toHaveLength(69);
    const description = join(__dirname, '../fakes/h200.json');
    const child = spawnSync(program, [description, cudnn as string, stand], {
      input: problems.join('\n'),
      encoding: 'utf8',
    });
    expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
      signal: null,
      status: 0,
      stderr: '',
    });
    const plans: PlanLine[] = child.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(plans).toHaveLength(3 * problems.length);
    expect(plans.filter((plan) => plan.problem)).toEqual([]);
    for (const plan of plans) {
      expect(plan.engine).toMatch(/^cudnn:engine\d+$/);
      expect(plan.workspace).toBeLessThan(256 * 2 ** 20);
    }
  });
});
