/** --precision bf16: a run reports it, and a processor without bf16 gives an error that says what it lacks. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDevice } from '../../lib/runtime/device';
import { saturnn } from './support';

test.runIf(openDevice('cpu').precisions.includes('bf16'))(
  'train --precision bf16 trains, and is recorded',
  async () => {
    const out = mkdtempSync(join(tmpdir(), 'saturnn-'));
    try {
      const options = '--device cpu --precision bf16 --width 0.1 --limit 40 --batch 16 --steps 3 --json';
      const { code, stdout, stderr } = await saturnn(['train', ...options.split(' '), '--out', out]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/"event":"end","steps":3/);
      expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({ precision: 'bf16' });
    } finally {
      rmSync(out, { recursive: true });
    }
  },
);

test('doctor and train say what a processor without AVX-512 lacks for bf16', async () => {
  const env = { SATURNN_CPU_ISA: 'baseline' };
  const { stdout } = await saturnn(['doctor'], { env });
  const need = /bf16 needs a processor with AVX-512 F, BW, DQ and VL; this one is used as baseline by saturnn/;
  expect(stdout).toMatch(/ {2}precisions: f32\n/);
  expect(stdout).toMatch(need);
  const refused = await saturnn(['train', '--device', 'cpu', '--precision', 'bf16'], { env });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/cpu computes in f32, not in bf16: /);
  expect(refused.stderr).toMatch(need);
});
