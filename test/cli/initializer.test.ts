/** `train --init`: the meaning of each value, and its effect on the weights. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readSafetensors } from '../../lib/files/safetensors';
import { parseInitialization } from '../../lib/initial/initialization';
import { type Initializer, msra, orthonormal, xavier } from '../../lib/layers/initializers';
import { leakyRelu } from '../../lib/ops/activations';
import { Philox } from '../../lib/random';
import { saturnn } from './support';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-'));
afterAll(() => rmSync(folder, { recursive: true }));

const draw = (initializer: Initializer | undefined) => initializer?.([8, 3, 3, 16], new Philox(1, 2));

test.each<[string, Initializer | undefined]>([
  ['default', undefined],
  ['lsuv', undefined],
  ['lsuv:0.01', undefined],
  ['xavier', xavier()],
  ['xavier:gaussian', xavier({ distribution: 'gaussian' })],
  ['xavier:out', xavier({ factor: 'out' })],
  ['xavier:channels', xavier({ fanOut: 'channels' })],
  ['xavier:channels,out,gaussian', xavier({ factor: 'out', distribution: 'gaussian', fanOut: 'channels' })],
  ['xavier:gaussian,in,16', xavier({ factor: 'in', distribution: 'gaussian', magnitude: 16 })],
  ['gain', xavier({ factor: 'in', distribution: 'gaussian', magnitude: 1 })],
  ['gain:centred', xavier({ factor: 'in', distribution: 'gaussian', magnitude: 1 })],
  ['msra', msra({ slope: 0.5 })],
  ['msra:avg,channels', msra({ slope: 0.5, factor: 'avg', fanOut: 'channels' })],
  ['orthonormal', orthonormal()],
  ['orthonormal:1.5', orthonormal({ gain: 1.5 })],
])('--init %s', (text, expected) => {
  const { initializer, text: kept } = parseInitialization(text);
  expect(kept).toBe(text);
  expect(draw(initializer(leakyRelu(0.5)))).toEqual(draw(expected));
});

test.each([
  ['lecun', /Expected one of default, xavier, msra, orthonormal, lsuv/],
  ['toString', /Expected one of/],
  ['default:1', /default has no options.*"1"/],
  ['xavier:normal', /uniform, gaussian, in, out, avg, kernel, channels but received "normal"/],
  ['xavier:', /received ""/],
  ['xavier:1,2', /positive number but received "1,2"/],
  ['xavier:0', /positive number but received "0"/],
  ['gain:2', /gain or gain:centred but received "gain:2"/],
  ['xavier:in,out', /one option of each kind/],
  ['msra:gaussian', /in, out, avg, kernel, channels but received "gaussian"/],
  ['orthonormal:0', /positive number but received "0"/],
  ['orthonormal:1,2', /positive number but received "1,2"/],
  ['lsuv:', /positive number but received ""/],
  ['lsuv:2', /1e-5 to 1 for tolerance|0\.00001 to 1 for tolerance/],
])('--init %s is refused', (text, message) => {
  expect(() => parseInitialization(text)).toThrow(message);
});

describe('saturnn train', () => {
  const weightsAfterOneStep = async (init: string) => {
    const out = join(folder, init.replaceAll(/[:,]/g, '-'));
    const small = ['train', '--device', 'cpu', '--width', '0.1', '--batch', '8', '--limit', '20', '--steps', '1'];
    const run = await saturnn([...small, '--lr', '1e-9', '--init', init, '--out', out]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).init).toBe(init);
    const values = readSafetensors(join(out, 'model.safetensors')).tensors.get('3a/3x3/weight')?.data as Float32Array;
    const rows = 16;
    const length = values.length / rows;
    const product = (i: number, j: number) => {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += (values[i * length + k] as number) * (values[j * length + k] as number);
      return sum;
    };
    return { stdout: run.stdout, norm: product(3, 3), cosine: product(3, 4) / product(3, 3) };
  };

  test('--init lsuv: orthogonal weights whose norm the data decide', { timeout: 240_000 }, async () => {
    const { stdout, norm, cosine } = await weightsAfterOneStep('lsuv');
    expect(stdout).toMatch(/^LSUV: 70 layers, variance [\d.]+ to [\d.]+ before, 1\.00 to 1\.00 after\n/);
    expect(Math.abs(cosine)).toBeLessThan(1e-4);
    expect(norm).toBeGreaterThan(1.2);
  });

  test('--init orthonormal:1.5', { timeout: 240_000 }, async () => {
    const { norm, cosine } = await weightsAfterOneStep('orthonormal:1.5');
    expect(Math.abs(cosine)).toBeLessThan(1e-4);
    expect(norm).toBeCloseTo(2.25, 4);
  });
});
