/**
 * Our own kernels as they are compiled for processors with narrower vectors than this one's: other loops, of which the
 * rest of the suite would see nothing. SATURNN_CPU_ISA is read when a device is opened; oneDNN takes no notice of it.
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
  'moments',
  'normalization',
  'data',
  'update',
];
const files = [...own, 'pooling'];

/** Each its own number of threads, or openDevice would take the two for one device. */
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

  // One source, compiled twice: a case takes one of them.
  test.each(files)('%s', async (file) => {
    const cases = deal(caseTable[file] ?? [], isas.length)[isas.indexOf(isa)] ?? [];
    expect(cases).not.toEqual([]);
    for (const one of cases) expect((await checkOp(one, { device, mode: 'plain' })).missing).toEqual([]);
  });
});
