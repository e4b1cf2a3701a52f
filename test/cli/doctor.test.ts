import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { saturnn } from './support';

test('doctor says what works, and each missing piece of what does not', async () => {
  const { code, stdout, stderr } = await saturnn(['doctor', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const report = JSON.parse(stdout);
  expect(report.node).toBe(process.versions.node);
  const [cpu, cuda] = report.backends;
  expect(cpu).toMatchObject({ backend: 'cpu', usable: true, missing: [] });
  expect(cpu.found.onednn).toMatch(/^2\./);
  expect(cpu.found.simd).toBeTypeOf('string');
  expect(cpu.found.precisions).toContain('f32');
  expect(cuda.backend).toBe('cuda');
  expect(cuda.usable || cuda.missing.length > 0).toBe(true);
  for (const { code: reason, message } of cuda.missing) {
    expect(reason).toMatch(/^ERR_/);
    expect(message.length).toBeGreaterThan(20);
  }
  expect(report.auto.device).toMatch(/^(cpu|cuda:0)$/);
  const text = await saturnn(['doctor']);
  expect(text.stdout).toMatch(/cpu: works/);
  expect(text.stdout).toContain(`--device auto uses ${report.auto.device}`);
});

test('doctor without any compiled part lists the paths that it tried', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'saturnn-'));
  try {
    const { code, stdout, stderr } = await saturnn(['doctor'], { env: { SATURNN_BINARY: empty } });
    expect(code).toBe(1);
    expect(stderr).toBe('');
    expect(stdout).toContain(join(empty, 'saturnn.node'));
    expect(stdout).toMatch(/cpu: not usable/);
    expect(stdout).toMatch(/no device works/);
  } finally {
    rmSync(empty, { recursive: true });
  }
});
