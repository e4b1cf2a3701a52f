/** Every program of examples/ runs and does what it says. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../lib/runtime/locate';
import { temporaryFolder } from './temporary';

const root = packageRoot();
const folder = temporaryFolder();
const run = (file: string, ...args: string[]) =>
  execFileSync(process.execPath, [join(root, 'examples', file), ...args], { encoding: 'utf8', cwd: folder });

const checked: string[] = [];
function example(file: string, check: (output: string) => void, ...args: string[]): void {
  checked.push(file);
  test(file, () => check(run(file, ...args)));
}

/** Returns the numbers that a pattern captures in a program's output. */
const numbers = (output: string, pattern: RegExp) => [...output.matchAll(pattern)].map(([, value]) => Number(value));

example(
  'train.js',
  (output) => {
    const losses = numbers(output, /^epoch \d: loss ([\d.]+), train [\d.]+ %, test [\d.]+ %$/gm);
    expect(losses.length).toBe(3);
    expect(losses[2]).toBeLessThan(losses[0] as number);
    expect(existsSync(join(folder, 'model.safetensors'))).toBe(true);
  },
  folder,
);

checked.push('predict.js');
test('predict.js', () => {
  // predict.js needs the file that train.js writes.
  if (!existsSync(join(folder, 'model.safetensors'))) run('train.js', folder);
  const picture = join(folder, 'grey.ppm');
  writeFileSync(picture, Buffer.concat([Buffer.from('P6\n32 32\n255\n'), Buffer.alloc(32 * 32 * 3, 128)]));
  const output = run('predict.js', join(folder, 'model.safetensors'), picture);
  const shares = numbers(output, /^class \d: ([\d.]+) %$/gm);
  expect(shares.length).toBe(5);
  expect(shares).toEqual([...shares].sort((a, b) => b - a));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThan(100.5);
});

example(
  'fine-tune.js',
  (output) => {
    const accuracies = numbers(output, /^\d+ classes.*: accuracy ([\d.]+) %, [\d.]+ s$/gm);
    expect(accuracies.length).toBe(4);
    // Two images of each of five classes.
    expect(accuracies[3]).toBeGreaterThan(45);
    expect(output).toMatch(/^fine-tuned from tuned\.safetensors, and that from base\.safetensors$/m);
  },
  folder,
);

example(
  'pytorch.js',
  (output) => {
    expect(output).toMatch(/^block\.bn\.running_mean \[16\] is block\/runningMean$/m);
    expect(numbers(output, /^\w+: ([\d.]+) %$/gm).reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
  },
  join(root, 'test/pytorch/fixtures/weights.safetensors'),
);

example(
  'draw-pictures.js',
  (output) => {
    expect(output).toMatch(/^60 pictures of each of circle, .*triangle are in photos$/m);
    expect(readdirSync(join(folder, 'photos', 'ring')).length).toBe(60);
  },
  'photos',
);

example('abort.mjs', (output) => {
  expect(output).toMatch(/^stopped at step \d+: enough for today$/m);
  expect(output).toMatch(/^same weights as without the break: true$/m);
});

example('network.js', (output) => {
  expect(numbers(output, /^epoch \d: test accuracy ([\d.]+)$/gm).at(-1)).toBeGreaterThan(0.12);
});

example('worker.js', (output) => {
  expect(numbers(output, /^epoch \d: loss ([\d.]+)$/gm).length).toBe(2);
  expect(numbers(output, /^the main thread was free (\d+) times$/gm)[0]).toBeGreaterThan(10);
});

example(
  'curves.js',
  (output) => {
    const [report, figure] = output.trim().split('\n') as [string, string];
    expect(readFileSync(report, 'utf8')).toContain('tanh and leaky tanh');
    expect(readFileSync(figure, 'utf8')).toMatch(/^<svg /);
  },
  folder,
);

example(
  'row.js',
  (output) => {
    expect(output).toMatch(/^leakyTanh:0\.25: train [\d.]+ %, test [\d.]+ %, also in the paper$/m);
    expect(output).toMatch(/^leakyTanh:0\.4: train [\d.]+ %, test [\d.]+ %$/m);
    expect(output).toMatch(/^elu:1: train/m);
    expect(existsSync(output.trim().split('\n').at(-1) as string)).toBe(true);
  },
  join(folder, 'row'),
);

test('every example is tested, and in the list', () => {
  const files = readdirSync(join(root, 'examples')).filter((name) => /\.m?js$/.test(name));
  expect(checked.sort()).toEqual(files.sort());
  const list = readFileSync(join(root, 'examples/README.md'), 'utf8');
  for (const file of files) expect(list).toContain(`[${file}](${file})`);
});
