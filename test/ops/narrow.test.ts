/**
 * Checks the variants of saturnn's own kernels that are compiled for processors with narrower vectors. The rest of the
 * suite runs only the variant for this processor. SATURNN_CPU_ISA is read when a device is opened; oneDNN ignores it.
 */
import { describe, expect, test } from 'vitest';
import { type Device, openDevice } from '../../lib/runtime/device';
import { caseTable } from '../cases';
import { checkOp } from '../check';
import { deal } from '../random';

const own = [
  'activation',
  'randomizedRelu',
  'classification',
  'channels',
  'normalization',
  'dropout',
  'data',
  'update',
  'scaling',
];
const files = [...own, 'pooling'];

/** Number of threads for each variant. They differ, because openDevice returns the same device for equal options. */
const threads = { baseline: 1, avx2: 2 } as const;

function open(isa: keyof typeof threads): Device | null {
  process.env.SATURNN_CPU_ISA = isa;
  try {
    return openDevice('cpu', { threads: threads[isa] });
  } catch (error) {
    if (/SATURNN_CPU_ISA/.test((error as Error).message)) return null;
    throw error;
  } finally {
    delete process.env.SATURNN_CPU_ISA;
  }
}

const isas = ['baseline', 'avx2'] as const;

describe.each(isas)('%s', (isa) => {
  const device = open(isa);
  if (!device) {
    test.skip(`NOT RUN: this processor has no ${isa}`, () => {});
    return;
  }

  test('is what runs', () => expect(device.info.simd).toBe(isa));

  // Both variants are compiled from the same source, so each case runs with only one of them.
  test.each(files)('%s', async (file) => {
    const cases = deal(caseTable[file] ?? [], isas.length)[isas.indexOf(isa)] ?? [];
    expect(cases).not.toEqual([]);
    for (const one of cases) await checkOp(one, { device, mode: 'plain' });
  });
});
