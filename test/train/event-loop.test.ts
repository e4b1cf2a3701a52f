/** Training must not block the main thread, must work in a worker, and must not prevent the process from ending. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { inception33 } from '../../lib/models';
import { Trainer } from '../../lib/train/trainer';
import { cpu, smallData } from './support';

const fixture = (name: string) => join(__dirname, 'fixtures', name);
const start = (workerData: { endless?: boolean }) => new Worker(fixture('worker.cjs'), { workerData });

test('while a step of the full-width network runs, a 10 ms interval fires', { timeout: 300_000 }, async () => {
  const trainer = new Trainer({ model: inception33(), ...smallData(100, 8), device: cpu(), batch: 32 });
  try {
    // The first step takes longer, because it compiles.
    for await (const _ of trainer.fit({ steps: 1 }));
    let ticks = 0;
    const interval = setInterval(() => ticks++, 10);
    const step = await trainer.fit({ steps: 1 }).next();
    clearInterval(interval);
    expect(step.value).toMatchObject({ event: 'step', step: 2 });
    expect(ticks).toBeGreaterThanOrEqual(20);
  } finally {
    trainer.dispose();
  }
});

test('training works in worker threads, two at a time', async () => {
  const workers = [start({}), start({})];
  const [first, second] = (await Promise.all(workers.map((worker) => once(worker, 'message')))).map(([event]) => event);
  expect(first).toMatchObject({ event: 'epoch', epoch: 1 });
  // The same seed gives the same bits, even if another worker trains at the same time.
  expect(second.trainLoss).toBe(first.trainLoss);
  expect(second.testLoss).toBe(first.testLoss);
  for (const worker of workers) await worker.terminate();
});

test('a worker can be terminated in the middle of a step', async () => {
  const worker = start({ endless: true });
  await once(worker, 'message');
  await worker.terminate();
});

async function run(mode: string): Promise<{ code: number | null; signal: string | null; output: string }> {
  const child = spawn(process.execPath, [fixture('exit.cjs'), mode], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    output += data;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, output };
}

test('the process exits cleanly in the middle of a step', async () => {
  expect(await run('exit')).toEqual({ code: 7, signal: null, output: 'stepping\n' });
});

test('the process ends by itself after training, without dispose', async () => {
  expect(await run('natural')).toEqual({ code: 0, signal: null, output: 'stepping\ntrained\n' });
});

test('an uncaught error ends the process as usual, even during a step', async () => {
  const { code, signal, output } = await run('throw');
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(output).toContain('Error: on purpose');
});
