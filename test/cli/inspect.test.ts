import { expect, test } from 'vitest';
import { saturnn } from './support';

test.each([
  ['inception33', { convolutions: 69, longestPath: 33, parameters: 10345028, macs: 1645273088 }],
  ['subInception', { convolutions: 66, longestPath: 30, parameters: 10185956, macs: 1520811520 }],
  ['inceptionBn', { convolutions: 69, longestPath: 33, parameters: 11295240, macs: 2032600064 }],
])('inspect %s --json has the published totals, which are the sums of its layers', async (model, totals) => {
  // Counting needs no native library.
  const { code, stdout, stderr } = await saturnn(['inspect', model, '--json'], { env: { SATURNN_BINARY: '/nowhere' } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const summary = JSON.parse(stdout);
  expect(summary.totals).toEqual(totals);
  const sum = (key: string) => summary.layers.reduce((total: number, layer: never) => total + layer[key], 0);
  expect(sum('parameters')).toBe(totals.parameters);
  expect(sum('macs')).toBe(totals.macs);
  expect(Object.keys(summary.layers[0])).toEqual(['name', 'outputShape', 'parameters', 'macs']);
});

test('inspect prints a table', async () => {
  const { code, stdout } = await saturnn(['inspect', 'inception33', '--width', '0.25']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/3b\/d3x3b +28 x 28 x 32/);
  expect(stdout).toMatch(/69 convolutions, 33 on the longest path/);
});

test('inspect takes the size and the channels of the images', async () => {
  const words = ['inspect', 'subInception', '--width', '0.1', '--size', '48x65', '--channels', '1'];
  const { code, stdout } = await saturnn(words);
  expect(code).toBe(0);
  expect(stdout).toMatch(/3a\/pool +48 x 65 x 1/);
  expect(stdout).toMatch(/5b +12 x 17 x/);
});

test('inspect --lr-layers adds depth and rate', async () => {
  const words = ['inspect', 'inception33', '--width', '0.1', '--activation', 'sigmoid', '--lr-layers', 'gain'];
  const { code, stdout } = await saturnn(words);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^conv1 .* 33 +1$/m);
  expect(stdout).toMatch(/^5b\/3x3r .* 2 +weight 16, bias 1$/m);
  const refused = await saturnn(['inspect', 'inception33', '--lr-layers', 'lars']);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/--lr-layers.*"lars"/) });
});
