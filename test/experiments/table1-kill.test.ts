/** table1, killed at random moments and started again each time, ends with the same table as one that was not killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { TestRandom, testSeed } from '../random';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
const random = new TestRandom(testSeed);

const args = ['table1', '--preset', 'smoke', '--limit', '16', '--test-limit', '8', '--batch', '8', '--epochs', '2'];
const settings = ['--activations', 'relu,tanh', '--lr', '0.05', '--checkpoint-minutes', '0.0001'];

/** Runs table1. @returns whether it ended by itself */
async function run(out: string, killedAfter = Number.POSITIVE_INFINITY): Promise<boolean> {
  const main = join(packageRoot(), 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, ...args, ...settings, '--out', out], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  if (killedAfter < Number.POSITIVE_INFINITY) {
    await Promise.race([ended, sleep(killedAfter)]);
    child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  if (signal !== 'SIGKILL') expect(code).toBe(0);
  return signal !== 'SIGKILL';
}

/** Reads the table without durations, which may differ. */
function tableOf(out: string) {
  const timings = ['imagesPerSecond', 'seconds', 'out', 'report', 'versions'];
  const text = readFileSync(join(out, 'table.json'), 'utf8');
  return JSON.parse(text, (key, value) => (timings.includes(key) ? undefined : value));
}

const weightsOf = (out: string, name: string) => readFileSync(join(out, 'runs', `${name}-seed0`, 'model.safetensors'));

test('a table that is killed and gone on with is the table of one that was not', async () => {
  const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')];
  const started = performance.now();
  expect(await run(whole)).toBe(true);
  const duration = performance.now() - started;
  let kills = 0;
  while (kills < 2 && !(await run(killed, duration * (0.2 + 0.6 * random.uniform())))) kills++;
  await run(killed);
  expect(kills).toBeGreaterThan(0);
  expect(tableOf(killed)).toEqual(tableOf(whole));
  expect(tableOf(whole).rows[0].runs[0].epochs).toHaveLength(2);
  const names = readdirSync(killed, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  for (const name of ['relu', 'tanh']) expect(weightsOf(killed, name).equals(weightsOf(whole, name)), name).toBe(true);
});
