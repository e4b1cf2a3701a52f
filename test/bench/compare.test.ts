/** Parts of `npm run bench -- compare pytorch` that need no PyTorch: the description of the network, and the line protocol. */
import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { describeNetwork, readData, type SetUp, writeSetUp } from '../../bench/compare/setup';
import { TimedProcess } from '../../bench/compare/timedProcess';
import { benchProgram } from '../../bench/program';
import type { ComparedStep } from '../../bench/step';
import { inception33, subInception } from '../../lib/models';
import { leakyTanh, relu } from '../../lib/ops/activations';

const options: ComparedStep = {
  model: 'subInception',
  width: 0.25,
  batch: 2,
  activation: leakyTanh(),
  precision: 'f32',
};
const processes: TimedProcess[] = [];
const removals: (() => void)[] = [];

afterEach(() => {
  for (const process of processes.splice(0)) process.kill();
  for (const remove of removals.splice(0)) remove();
});

function setUp(): SetUp {
  const { setup, remove } = writeSetUp(options, { threads: 1, compile: false });
  removals.push(remove);
  return setup;
}

/** Starts a process that answers line number n with the result of `body`, the body of a function. */
async function start(body: string): Promise<TimedProcess> {
  const script = `const answer = (line, n) => { ${body} };
    let n = 0;
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const reply = answer(line, n++);
      if (reply) console.log(JSON.stringify(reply));
    });`;
  const started = await TimedProcess.start(
    { name: 'the child', command: process.execPath, args: ['-e', script], remedy: 'none' },
    setUp(),
  );
  processes.push(started);
  return started;
}

test('a network is described from the names of its parameters', () => {
  const blocks = describeNetwork(subInception({ width: 0.25 }));
  expect(blocks.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    ...['3a a', '3b a', '3c b', '4a a', '4b a', '4c a', '4d a', '4e b', '5a a', '5b a'],
  ]);
  expect(blocks.flatMap((row) => (row.kind === 'a' && row.pool === 'max' ? row.name : []))).toEqual(['5b']);
  const stem = describeNetwork(inception33({ width: 0.25 })).slice(0, -blocks.length);
  expect(stem).toEqual(['conv1', 'conv2red', 'conv2'].map((name) => ({ kind: 'conv', name })));
});

test('both sides read the same numbers, which go when they are not needed', () => {
  const { setup, remove } = writeSetUp(options, { threads: 1, compile: false });
  const { weights, images, labels } = readData(setup);
  expect(weights.map(({ length }) => length)).toEqual(subInception({ width: 0.25 }).parameters.map(({ size }) => size));
  expect([images.length, labels.length]).toEqual([2 * 28 * 28 * 3, 2]);
  expect(images.every(Number.isFinite)).toBe(true);
  expect(labels.every((label) => label >= 0 && label < 100)).toBe(true);
  remove();
  expect(existsSync(setup.images)).toBe(false);
});

test('a process is asked for steps, and idle in between', async () => {
  const child = await start(`
    if (n === 0) return { ready: { batch: JSON.parse(line).batch } };
    const steps = Number(line.split(' ')[1]);
    const end = Date.now() + 300;
    while (Date.now() < end);
    return { milliseconds: Array(steps).fill(7), losses: Array(steps).fill(n) };`);
  expect(child.facts).toEqual({ batch: 2, allocator: "the system's malloc" });
  const before = child.cpuSeconds();
  expect(await child.run(3)).toEqual({ milliseconds: [7, 7, 7], losses: [1, 1, 1] });
  const after = child.cpuSeconds();
  // The process was busy; on a machine with other work it may have had only part of a processor.
  expect(after - before).toBeGreaterThan(0.03);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(child.cpuSeconds() - after).toBeLessThan(0.05);
  expect(child.peakRssBytes()).toBeGreaterThan(10e6);
  await child.finish();
});

test('an error that a process reports is passed on, and so is its end', async () => {
  await expect(start(`return { error: 'no such layer' };`)).rejects.toThrow('the child: no such layer');
  const child = await start(`if (n === 0) return { ready: {} }; console.error('out of luck'); process.exit(3);`);
  await expect(child.run(1)).rejects.toThrow('the child has ended: out of luck');
});

test("torchvision's networks are described by its names of their parameters", () => {
  const narrow = {
    width: 0.05,
    batch: 2,
    activation: relu(),
    precision: 'f32',
    size: 32,
    classes: 5,
    dropout: 0,
  } as const;
  for (const [model, names] of Object.entries({
    resnet18: ['conv1.weight', 'bn1.weight', 'bn1.bias', 'layer2.0.downsample.1.bias', 'fc.bias'],
    mobilenetV2: ['features.0.0.weight', 'features.2.conv.1.1.weight', 'features.18.1.bias', 'classifier.1.weight'],
  })) {
    const { setup, remove } = writeSetUp({ ...narrow, model }, { threads: 1, compile: false });
    removals.push(remove);
    expect(setup.torchNames).toHaveLength(setup.parameters.length);
    expect(setup.torchNames).toEqual(expect.arrayContaining(names));
    expect([setup.size, setup.classes, setup.network]).toEqual([32, 5, []]);
  }
});

test.each(['pytorch', 'networks'])(
  'compare %s starts without options, and says what to do without PyTorch',
  async (name) => {
    const before = process.env.SATURNN_PYTHON;
    process.env.SATURNN_PYTHON = '/no/such/python';
    try {
      const comparison = benchProgram().parseAsync(['compare', name], { from: 'user' });
      await expect(comparison).rejects.toThrow(/does not start.*SATURNN_PYTHON/);
    } finally {
      if (before === undefined) delete process.env.SATURNN_PYTHON;
      else process.env.SATURNN_PYTHON = before;
    }
  },
);
