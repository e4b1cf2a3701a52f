/** Compares the estimates of `saturnn estimate` with a real run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Estimate } from '../../lib/measure/estimate';
import { openDevice } from '../../lib/runtime/device';
import { saturnn } from './support';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-estimate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const network = ['--model', 'subInception', '--width', '0.25', '--device', 'cpu', '--limit', '64'];

async function estimates(...args: string[]): Promise<Estimate[]> {
  const { stdout, stderr, code } = await saturnn(['estimate', ...network, ...args, '--steps', '1', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return (JSON.parse(stdout) as { estimates: Estimate[] }).estimates;
}

/** Returns the largest resident memory of a short training, including its checkpoint, curves and report. */
async function trained(...args: string[]): Promise<number> {
  const env = { NODE_OPTIONS: `--require ${join(__dirname, 'fixtures', 'peak.cjs')}` };
  const out = join(folder, args.join(''));
  const { stderr, code } = await saturnn(['train', ...network, ...args, '--steps', '3', '--out', out], { env });
  expect(code).toBe(0);
  return Number(/peak (\d+) bytes/.exec(stderr)?.[1]);
}

const runs = ['--batch 32', '--batch 8 --precision bf16', '--batch 32 --data-mode streaming'];
const canHalve = openDevice('cpu').precisions.includes('bf16');

for (const run of runs) {
  test.skipIf(run.includes('bf16') && !canHalve)(`the peak of a run is foreseen to 12%: ${run}`, async () => {
    const args = run.split(' ');
    const [estimate] = await estimates(...args);
    const measured = await trained(...args);
    expect(Math.abs(estimate!.memory.peakBytes / measured - 1)).toBeLessThan(0.12);
  });
}

test('several batch sizes: arenas grow, the state does not, and an epoch is all of its steps', async () => {
  const [small, large] = await estimates('--batch', '4,16');
  expect([small?.batch, large?.batch]).toEqual([4, 16]);
  expect(large!.memory.stateBytes).toBe(small!.memory.stateBytes);
  expect(large!.memory.dataBytes).toBe(2 * 64 * 32 * 32 * 3);
  expect(large!.memory.trainingBytes).toBeGreaterThan(2 * small!.memory.trainingBytes);
  const { time } = large!;
  expect(time).toMatchObject({ stepsPerEpoch: 4, evaluationSteps: 4, measuredSteps: 1 });
  expect(time.epochSeconds).toBeCloseTo((4 * time.stepMilliseconds + 4 * time.evaluationMilliseconds!) / 1000, 9);
});

test('without a test set nothing is evaluated, and with a validation set the text says so', async () => {
  const [none] = await estimates('--batch', '4', '--no-test');
  const { memory, time } = none!;
  expect(memory).toMatchObject({ evaluationBytes: 0, dataBytes: 64 * 32 * 32 * 3 });
  expect(time).toMatchObject({ evaluationSteps: 0, evaluationMilliseconds: null });
  expect(time.epochSeconds).toBeCloseTo((16 * time.stepMilliseconds) / 1000, 9);
  // What is frozen needs neither gradients nor activations that are kept.
  const [frozen] = await estimates('--batch', '4', '--no-test', '--freeze', '3*,4*,5*');
  expect(frozen!.memory.stateBytes).toBeLessThan(memory.stateBytes / 2);
  expect(frozen!.memory.trainingBytes).toBeLessThan(memory.trainingBytes / 2);
  const validated = ['estimate', ...network, '--limit', '400', '--batch', '4', '--steps', '1', '--validation', '0.25'];
  const { stdout } = await saturnn(validated);
  expect(stdout).toContain('an epoch is 300 images and the 100 of the validation set.\n');
});

test('as a table; a batch size that is none is refused', async () => {
  const { stdout } = await saturnn(['estimate', ...network, '--batch', '2,4', '--steps', '1']);
  expect(stdout).toMatch(/^MB at batch +2 +4$/m);
  expect(stdout).toMatch(/^peak, resident +\d+ +\d+$/m);
  expect(stdout).toMatch(/^ +4 +[\d.]+ +[\d.]+ +16 +[\d.]+ s$/m);
  const { code, stderr } = await saturnn(['estimate', ...network, '--batch', '2,x']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/--batch <n,...>.*an integer from 1 to 65536/);
});
