import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { prepareFolder, writeAtomically } from '../../lib/files/durable';
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../lib/files/safetensors';
import { usualDType } from '../../lib/files/tensorTypes';
import type { EpochEvent } from '../../lib/optim/metric';
import { renderReport, renderSvg, trainingCharts } from '../../lib/train/curves';
import type { StepEvent } from '../../lib/train/events';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

const epochs: EpochEvent[] = [1, 2, 3].map((epoch) => ({
  event: 'epoch',
  epoch,
  step: 10 * epoch,
  complete: true,
  trainLoss: 4 - epoch,
  trainAccuracy: epoch / 10,
  testLoss: epoch === 2 ? Number.NaN : 4.5 - epoch,
  testAccuracy: epoch / 12,
  testTop5: epoch / 6,
  learningRate: 0.01,
  imagesPerSecond: 100,
}));

const steps: StepEvent[] = Array.from({ length: 450 }, (_, index) => ({
  event: 'step',
  step: index + 1,
  epoch: 1 + Math.floor(index / 150),
  loss: index % 2,
  accuracy: index / 900,
  gradientNorm: 1,
  learningRate: 0.01,
  imagesPerSecond: 100,
}));

describe('files', () => {
  test('are written whole or not at all', () => {
    writeAtomically(path('a.txt'), 'one');
    writeAtomically(path('a.txt'), [Buffer.from('t'), Buffer.from('wo')]);
    expect(readFileSync(path('a.txt'), 'utf8')).toBe('two');
    mkdirSync(path('taken'));
    expect(() => writeAtomically(path('taken'), 'x')).toThrow(/Cannot write .*taken/);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('folders that cannot be written are found at once', () => {
    const made = prepareFolder(path('new/and/deep'));
    expect(readdirSync(made)).toEqual([]);
    writeFileSync(path('file'), '');
    for (const bad of [path('file'), path('file/below'), '/proc/saturnn']) {
      expect(() => prepareFolder(bad), bad).toThrow(/Cannot write/);
    }
  });
});

/** Returns tensors as they are read: each says its dtype. */
const withDTypes = (tensors: ReadonlyMap<string, NamedTensor>) =>
  new Map([...tensors].map(([name, tensor]) => [name, { dtype: usualDType(tensor.data), ...tensor }]));

describe('safetensors', () => {
  const tensors = new Map([
    ['a/weight', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, Number.NaN, 6) }],
    ['b/ä', { shape: [1], data: Float32Array.of(1e-45) }],
  ]);

  test('come back as they were', () => {
    writeSafetensors(path('m.safetensors'), { tensors, metadata: { model: 'small' } });
    const read = readSafetensors(path('m.safetensors'));
    expect(read.metadata).toEqual({ model: 'small' });
    expect(read.tensors).toEqual(withDTypes(tensors));
    // The layout of the format: length of the header, header padded with spaces, numbers.
    const bytes = readFileSync(path('m.safetensors'));
    const length = Number(bytes.readBigUInt64LE());
    expect((8 + length) % 8).toBe(0);
    expect(bytes.length).toBe(8 + length + 28);
    expect(JSON.parse(bytes.toString('utf8', 8, 8 + length))['a/weight']).toEqual({
      dtype: 'F32',
      shape: [2, 3],
      data_offsets: [0, 24],
    });
  });

  test('are read by Python', ({ skip }) => {
    const script =
      'import sys\nfrom safetensors.numpy import load_file\nt = load_file(sys.argv[1])\nprint(sorted(t), t["a/weight"].shape, t["a/weight"][0, 2])';
    const python = process.env.PYTHON ?? 'python3';
    try {
      execFileSync(python, ['-c', 'import safetensors.numpy'], { stdio: 'ignore' });
    } catch {
      return skip('NOT RUN: no Python with safetensors and numpy (set PYTHON)');
    }
    writeSafetensors(path('p.safetensors'), { tensors, metadata: {} });
    const output = execFileSync(python, ['-c', script, path('p.safetensors')], { encoding: 'utf8' });
    expect(output.trim()).toBe("['a/weight', 'b/ä'] (2, 3) 3.5");
  });

  test('hold every kind of numbers, bit for bit, tensors without elements, and every name', () => {
    const all = new Map<string, NamedTensor>([
      ['F32', { shape: [2], data: Float32Array.of(-0, Number.NaN) }],
      ['U8', { shape: [3], data: Uint8Array.of(1, 2, 255) }],
      ['I64', { shape: [1], data: BigInt64Array.of(-(2n ** 63n)) }],
      ['I32', { shape: [1, 1], data: Int32Array.of(-1) }],
      ['BF16', { shape: [2], data: Uint16Array.of(0x3f80, 0xffff) }],
      ['F64', { shape: [2], data: Float64Array.of(1e300, Number.NaN) }],
      ['U64', { shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) }],
      ['U32', { shape: [1], data: Uint32Array.of(2 ** 32 - 1) }],
      ['I16', { shape: [1], data: Int16Array.of(-(2 ** 15)) }],
      ['I8', { shape: [2], data: Int8Array.of(-128, 127) }],
      ['F16', { shape: [1], data: Uint16Array.of(0x3c00), dtype: 'F16' }],
      ['U16', { shape: [1], data: Uint16Array.of(65535), dtype: 'U16' }],
      ['BOOL', { shape: [2], data: Uint8Array.of(0, 1), dtype: 'BOOL' }],
      ['F8_E4M3', { shape: [2], data: Uint8Array.of(0x38, 0xff), dtype: 'F8_E4M3' }],
      ['nothing', { shape: [0, 5], data: new Float32Array(0) }],
      ['one', { shape: [], data: Float32Array.of(7) }],
      ['__proto__', { shape: [1], data: Uint8Array.of(9) }],
    ]);
    writeSafetensors(path('all'), { tensors: all, metadata: {} });
    const read = readSafetensors(path('all'));
    expect(read.tensors).toEqual(withDTypes(all));
    for (const [name, { dtype }] of all) if (dtype) expect(read.tensors.get(name)!.dtype).toBe(dtype);
    expect([...read.tensors.keys()]).toEqual([...all.keys()]);
    // PyTorch needs every tensor at a multiple of its element's size.
    const bytes = readFileSync(path('all'));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())));
    for (const [name, { data }] of all) {
      if (name !== '__proto__') expect(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT, name).toBe(0);
    }
    expect(() =>
      writeSafetensors(path('x'), {
        tensors: new Map([['a', { shape: [1], data: new DataView(new ArrayBuffer(8)) as never }]]),
        metadata: {},
      }),
    ).toThrow(/typed array of a known dtype/);
    const wrong = (dtype: string) => () =>
      writeSafetensors(path('x'), {
        tensors: new Map([['a', { shape: [1], data: new Float32Array(1), dtype: dtype as never }]]),
        metadata: {},
      });
    expect(wrong('F16')).toThrow('Expected an array for F16 for data of "a" but received Float32Array');
    expect(wrong('F12')).toThrow(/Expected F64, F32, .* for dtype of "a" but received "F12"/);
  });

  test('that are broken are refused with the reason', () => {
    const broken = (bytes: Buffer) => {
      writeFileSync(path('broken'), bytes);
      return () => readSafetensors(path('broken'));
    };
    const withHeader = (header: unknown, data = 0) => {
      const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([length, json, Buffer.alloc(data)]);
    };
    expect(broken(Buffer.alloc(3))).toThrow(/3 bytes, and the header's length alone takes 8/);
    expect(broken(Buffer.alloc(8, 0xff))).toThrow(/header would have/);
    expect(broken(withHeader('{"a":'))).toThrow(/not JSON/);
    expect(broken(withHeader({ a: { dtype: 'F4', shape: [4], data_offsets: [0, 2] } }, 2))).toThrow(/dtype "F4"/);
    expect(broken(withHeader('[]'))).toThrow(/not a JSON object/);
    expect(broken(Buffer.from(withHeader('{"ä":1}').toString('latin1').replace('Ã¤', 'ää'), 'latin1'))).toThrow(/JSON/);
    expect(broken(withHeader({ __metadata__: { a: 1 } }))).toThrow(/metadata/);
    const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: 'F32', shape, data_offsets });
    expect(broken(withHeader({ a: f32([2], [0, 8]) }, 4))).toThrow(/"a" has F32 \[2\] in bytes \[0, 8\] of 4/);
    expect(broken(withHeader({ a: f32([3], [0, 8]) }, 8))).toThrow(/F32 \[3\] in bytes/);
    for (const shape of [[-2], [1.5], ['2'], 2, null, [2 ** 53, 2 ** 53], [1e308, 1e308, 0.5]]) {
      expect(broken(withHeader({ a: f32(shape, [0, 8]) }, 8)), String(shape)).toThrow(/"a" has F32/);
    }
    for (const offsets of [[8, 0], [-8, 0], [0, 8, 8], [0], '08', { 0: 0, 1: 8 }, [0, null]]) {
      expect(broken(withHeader({ a: f32([2], offsets) }, 8)), String(offsets)).toThrow(/"a" has F32/);
    }
    expect(broken(withHeader({ a: f32([1], [4, 8]) }, 8))).toThrow(/begins at byte 4 of the data, expected 0/);
    expect(broken(withHeader({ a: f32([2], [0, 8]), b: f32([1], [4, 8]) }, 8))).toThrow(/"b" begins at byte 4/);
    expect(broken(withHeader({ a: f32([1], [0, 4]) }, 8))).toThrow(/tensors have 4 bytes, but 8 follow/);
    expect(broken(withHeader({ a: null }))).toThrow(/dtype nothing/);
    expect(() => readSafetensors(path('nowhere'))).toThrow(
      expect.objectContaining({ code: 'ERR_DATA', message: expect.stringMatching(/Cannot read .*nowhere: ENOENT/) }),
    );
    expect(() =>
      writeSafetensors(path('x'), {
        tensors: new Map([['a', { shape: [3], data: new Float32Array(2) }]]),
        metadata: {},
      }),
    ).toThrow(/data of "a"/);
    expect(existsSync(path('x'))).toBe(false);
  });
});

describe('curves', () => {
  test('are a vector image that follows light and dark', () => {
    const svg = renderSvg('a <title>', { epochs, steps });
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain('a &lt;title&gt;');
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).toContain('currentColor');
    expect(svg).not.toContain('#010203');
    // The drawing has its own background, because its scheme may differ from that of the page around it. It loads nothing.
    expect(svg.match(/<rect[^>]*>/g)).toEqual([expect.stringContaining('class="paper"')]);
    expect(svg.replaceAll(/xmlns(:xlink)?="[^"]*"/g, '')).not.toMatch(/https?:/);
  });

  const many = Array.from({ length: 12 }, (_, index) => ({ ...epochs[index % 3]!, epoch: index + 1 }));

  test('are accuracy and loss by epoch', () => {
    const charts = trainingCharts({ epochs: many, steps });
    expect(charts.map(({ title, x }) => [title, x.label])).toEqual([
      ['Accuracy', 'epoch'],
      ['Loss', 'epoch'],
    ]);
    const values = charts.flatMap(({ series }) => series.map(({ points }) => points));
    expect(values.map((points) => points.slice(0, 3).map(([, y]) => Number(y.toPrecision(5))))).toEqual([
      [10, 20, 30],
      [8.3333, 16.667, 25],
      [3, 2, 1],
      [3.5, Number.NaN, 1.5],
    ]);
    expect(values.every((points) => points.length === 12 && points.every(([x], index) => x === index + 1))).toBe(true);
  });

  test('are over steps in a run of few epochs: the training set has a line even after one epoch', () => {
    const [accuracy, loss] = trainingCharts({ epochs: epochs.slice(0, 1), steps });
    expect([accuracy!.x.label, loss!.x.label]).toEqual(['step', 'step']);
    const [train, test] = loss!.series.map(({ points }) => points);
    // 450 step events are 150 means of three.
    expect(train).toHaveLength(150);
    expect(train![0]).toEqual([3, 1 / 3]);
    expect(train!.at(-1)).toEqual([450, 2 / 3]);
    expect(test).toEqual([[10, 3.5]]);
    // The loss is not held to an axis that begins at 0.
    expect(loss!.y.min).toBeUndefined();
  });

  test('are in a page that loads nothing', () => {
    const settings = { lr: 0.01, out: undefined, device: { name: '<cpu>', memory: undefined }, patience: null };
    const whole = renderReport('small </script><b>', { epochs, steps }, settings);
    const scripts = [...whole.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, source]) => source ?? '');
    // The first script is the charting library, the second the few lines that use it.
    expect(scripts.map((source) => source.length > 100_000)).toEqual([true, false]);
    for (const source of scripts) expect(() => new Function(source)).not.toThrow();
    const page = scripts.reduce((text, source) => text.replace(source, () => ''), whole);
    expect(page).toContain('small &lt;/script&gt;&lt;b&gt;');
    expect(page).toContain('&lt;cpu&gt;');
    expect(page).not.toContain('undefined');
    // A setting without a value is left out; null is a value.
    expect(page).not.toMatch(/>(out|memory)</);
    expect(page).toMatch(/>patience<.*>none</);
    // The run's name is its title, and is not repeated in each heading.
    expect(page.match(/small &lt;/g)).toHaveLength(2);
    expect(page).toContain('After epoch 3 (step 30): test accuracy 25.00 %, train accuracy 30.00 %.');
    expect(page).toMatch(/<td[^>]*>30.00 %<\/td>/);
    expect(page).not.toMatch(/<(script|link|img|iframe)[^>]*(src|href)=(?!"data:)/);
  });
});
