/** What an exported file holds, as a reader sees it that was made from the whole onnx.proto by others. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ExportOnnxOptions, exportOnnx } from '../../lib';
import { readSafetensors, writeSafetensors } from '../../lib/files/safetensors';
import { Linear } from '../../lib/layers';
import { functionalModel, type Model } from '../../lib/models';
import { OnnxGraph } from '../../lib/onnx/builder';
import { differenceOf } from '../../lib/onnx/check';
import { translations, untranslated } from '../../lib/onnx/ops';
import { paddingBehind } from '../../lib/onnx/ops/layers';
import { ops } from '../../lib/ops';
import { activate } from '../../lib/ops/activation';
import { gelu, relu } from '../../lib/ops/activations';
import { add } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { dropout } from '../../lib/ops/dropout';
import { globalAveragePool } from '../../lib/ops/pooling';
import { constant, type Tensor } from '../../lib/tensor/tensor';
import { version } from '../../lib/version';
import { branchedModel } from '../models/networks';
import { TestRandom } from '../random';
import { temporaryFolder } from '../temporary';
import { findPackages, type Saved, saveDrawn } from './support';

const folder = temporaryFolder();
const [from, out] = [join(folder, 'model.safetensors'), join(folder, 'net.onnx')];

/** Exports a network with drawn weights, and reads the file again. */
async function exported(model: Model, options: ExportOnnxOptions = {}, saved: Saved = {}) {
  saveDrawn(from, model, new TestRandom(1), saved);
  const report = await exportOnnx(from, out, { check: false, ...options });
  const bytes = readFileSync(out);
  expect(bytes.length).toBe(report.bytes);
  const [{ fromBinary }, { ModelProtoSchema }] = await Promise.all([import('@bufbuild/protobuf'), import('onnx-buf')]);
  const file = fromBinary(ModelProtoSchema, bytes);
  return { report, file, graph: file.graph! };
}

type Graph = Awaited<ReturnType<typeof exported>>['graph'];

const shapesOf = (values: Graph['input']) =>
  values.map(({ name, type }) => {
    const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
    return [name, tensor?.elemType, ...(tensor?.shape?.dim ?? []).map(({ value }) => value.value)];
  });

const operatorsOf = ({ node }: Graph) => node.map(({ opType }) => opType);

/** Numbers of types in a file. */
const [float, byte, half] = [1, 2, 10];

const head = (inputs: number) => new Linear({ name: 'head', inputs, outputs: 2 });

/** Makes a network that ends with a linear layer of the features that a function computes. */
function networkOf(features: (x: Tensor) => Tensor, count: number): Model {
  const last = head(count);
  return functionalModel({
    ...{ parameters: last.parameters, inputShape: [4, 5, 3], classes: 2 },
    forward: (x) => last.forward(globalAveragePool(features(x))),
  });
}

describe('an exported file', () => {
  test('has names, weights, types, shapes, operators of one version, and the texts of the model file', async () => {
    const classNames = Array.from({ length: 10 }, (_, index) => `class ${index}`);
    const model = branchedModel();
    const { report, file, graph } = await exported(model, {}, { classNames });
    expect(report).toMatchObject({
      ...{ opset: 17, nodes: graph.node.length, check: null },
      input: { name: 'images', dtype: 'u8', shape: ['N', 8, 8, 3] },
    });
    expect(file).toMatchObject({ irVersion: 8n, producerName: 'saturnn', producerVersion: version });
    expect(file.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 17n]]);
    expect(shapesOf(graph.input)).toEqual([['images', byte, 'N', 8n, 8n, 3n]]);
    expect(shapesOf(graph.output)).toEqual([
      ['logits', float, 'N', 10n],
      ['probabilities', float, 'N', 10n],
    ]);

    const { tensors, metadata } = readSafetensors(from);
    const { graph: _, ...texts } = metadata;
    expect(Object.fromEntries(file.metadataProps.map(({ key, value }) => [key, value]))).toEqual(texts);
    expect(JSON.parse(texts.classNames!)).toEqual(classNames);

    const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    for (const { name, size } of [...model.parameters, ...(model.buffers ?? [])]) {
      const { dims, dataType, rawData } = initializers.get(name)!;
      expect([name, dataType, Number(dims.reduce((product, dim) => product * dim, 1n))]).toEqual([name, float, size]);
      expect(rawData.length).toBe(4 * size);
    }
    // [outputs, height, width, inputs] has become [outputs, inputs, height, width].
    const { dims, rawData } = initializers.get('stem/weight')!;
    expect(dims).toEqual([16n, 3n, 3n, 3n]);
    const values = new DataView(rawData.buffer, rawData.byteOffset);
    const own = tensors.get('stem/weight')!.data as Float32Array;
    expect(values.getFloat32(4 * (27 * 2 + 9 * 1 + 3 * 0 + 2), true)).toBe(own[27 * 2 + 9 * 0 + 3 * 2 + 1]);

    expect(graph.node.map(({ name }) => name)).toContain('stem/Conv');
    const names = [...graph.node.map(({ name }) => name), ...graph.initializer.map(({ name }) => name)];
    expect(new Set(names).size).toBe(names.length);
  });

  test('names nothing before it is made', async () => {
    const { graph } = await exported(branchedModel());
    const known = new Set(['images', ...graph.initializer.map(({ name }) => name)]);
    for (const { input, output } of graph.node) {
      expect(input.filter((name) => !known.has(name))).toEqual([]);
      for (const name of output) known.add(name);
    }
    expect([...known]).toEqual(expect.arrayContaining(['logits', 'probabilities']));
  });

  test('takes floats, which it does not change', async () => {
    const { report, graph } = await exported(
      networkOf((x) => x, 3),
      { floatInput: true },
      { imageShape: [9, 9, 3] },
    );
    expect(report.input).toEqual({ name: 'images', dtype: 'f32', shape: ['N', 3, 4, 5] });
    expect(shapesOf(graph.input)).toEqual([['images', float, 'N', 3n, 4n, 5n]]);
    expect(operatorsOf(graph)).toEqual(['GlobalAveragePool', 'Flatten', 'Gemm', 'Softmax']);
  });

  test('crops larger pictures before it computes, and changes the order of dimensions once', async () => {
    const { graph } = await exported(
      networkOf((x) => x, 3),
      {},
      { imageShape: [9, 8, 3] },
    );
    expect(shapesOf(graph.input)).toEqual([['images', byte, 'N', 9n, 8n, 3n]]);
    expect(operatorsOf(graph).slice(0, 5)).toEqual(['Slice', 'Cast', 'Transpose', 'Sub', 'Mul']);
  });

  test('holds halves: half the bytes, and the same input and outputs', async () => {
    const { graph: whole } = await exported(branchedModel());
    const { graph } = await exported(branchedModel(), { dtype: 'f16' });
    const weightBytes = ({ initializer }: Graph) =>
      initializer.reduce((sum, { name, rawData }) => sum + (name.startsWith('stem/') ? rawData.length : 0), 0);
    expect(weightBytes(graph)).toBe(weightBytes(whole) / 2);
    expect(shapesOf(graph.output).map(([, type]) => type)).toEqual([float, float]);
    const kinds = new Map(graph.initializer.map(({ name, dataType }) => [name, dataType]));
    expect([kinds.get('stem/weight'), kinds.get('mean')]).toEqual([half, float]);
    const large = new OnnxGraph('f16');
    expect(() => large.constant('w', [1], Float32Array.of(7e4))).toThrow('"w" holds 70000, more than f16 can');
  });

  test('adds biases in the convolution before an activation, unless something else reads its result', async () => {
    const weights = constant(new Float32Array(9), [3, 1, 1, 3]);
    const bias = constant([1, 2, 3]);
    const one = await exported(
      networkOf((x) => activate(conv2d(x, weights), gelu(), { bias }), 3),
      { floatInput: true },
    );
    expect(operatorsOf(one.graph).slice(0, 2)).toEqual(['Conv', 'Div']);
    expect(one.graph.node[0]!.input).toHaveLength(3);
    const two = await exported(
      networkOf((x) => {
        const y = conv2d(x, weights);
        return add(y, activate(y, relu(), { bias }));
      }, 3),
      { floatInput: true },
    );
    expect(operatorsOf(two.graph).slice(0, 4)).toEqual(['Conv', 'Add', 'Relu', 'Add']);
  });

  test('is not made of random numbers', async () => {
    const counter = constant(Int32Array.of(1, 2));
    const model = networkOf((x) => dropout(x, counter, { rate: 0.5, stream: 1, name: 'mask' }), 3);
    saveDrawn(from, model, new TestRandom(1));
    const absent = join(folder, 'absent.onnx');
    await expect(exportOnnx(from, absent, { check: false })).rejects.toMatchObject({
      code: 'ERR_EXPORT',
      message: expect.stringMatching(/op dropout of "mask"/),
    });
    expect(existsSync(absent)).toBe(false);
  });

  test('is not made where a check is asked for that cannot be', async () => {
    saveDrawn(from, branchedModel(), new TestRandom(1));
    const absent = join(folder, 'absent.onnx');
    const refused = (message: RegExp) => ({ code: 'ERR_PACKAGE', message: expect.stringMatching(message) });
    const missing =
      /^ONNX files are checked by the package onnxruntime-node, which is not installed\. Remedy: `npm install onn/;
    await expect(exportOnnx(from, absent, { check: true })).rejects.toMatchObject(refused(missing));
    const broken = join(folder, 'broken');
    mkdirSync(join(broken, 'onnxruntime-node'), { recursive: true });
    writeFileSync(join(broken, 'onnxruntime-node', 'index.js'), "throw new Error('of another system')");
    findPackages(broken);
    await expect(exportOnnx(from, absent)).rejects.toMatchObject(
      refused(/does not load \(of another system\)\. Remedy/),
    );
    findPackages('');
    expect(existsSync(absent)).toBe(false);
  });

  test('is not made of a file that holds no network', async () => {
    await expect(exportOnnx(join(folder, 'none'), out)).rejects.toMatchObject({ code: 'ERR_DATA' });
    saveDrawn(from, branchedModel(), new TestRandom(1));
    const { tensors, metadata } = readSafetensors(from);
    for (const [name, text, message] of [
      ['mean', '[1,2]', /^2 means of shape \[3\] and 3 scales do not fit images of 8x8x3$/],
      ['scale', '[1]', /^3 means of shape \[3\] and 1 scales do not fit/],
      ['imageShape', '[8,7,3]', /^the network reads images of 8x8x3, and the training's have 8x7x3$/],
    ] as const) {
      writeSafetensors(from, { tensors, metadata: { ...metadata, [name]: text } });
      await expect(exportOnnx(from, out, { check: false })).rejects.toMatchObject({
        ...{ code: 'ERR_DATA', message: expect.stringMatching(message) },
      });
    }
    await expect(exportOnnx(from, out, { dtype: 'bf16' as never })).rejects.toMatchObject({
      message: 'Expected "f32" or "f16" for dtype but received "bf16"',
    });
  });
});

test('every op that a model file may hold has a translation, or is for training', () => {
  const saved = ops.flatMap((op) => (op.saved ? [op.name] : []));
  expect([...translations.keys(), ...untranslated].sort()).toEqual(saved.sort());
});

test('paddings give as many whole windows as poolings have', () => {
  // 28 -> 14 with kernel 3, stride 2, rounded up: one column is added. Without rounding, 13 windows leave one out.
  expect(paddingBehind(28, 14, { kernel: 3, stride: 2, pad: 0 })).toBe(1);
  expect(paddingBehind(28, 13, { kernel: 3, stride: 2, pad: 0 })).toBe(0);
  expect(paddingBehind(28, 28, { kernel: 3, stride: 1, pad: 1 })).toBe(1);
});

test('differences are relative to the largest logit, and what is not finite differs', () => {
  expect(differenceOf([0.5, -0.25], [0.5, 0.25])).toBe(0.5);
  expect(differenceOf([8, -16], [8, -12])).toBe(0.25);
  expect(differenceOf([Number.NaN], [Number.NaN])).toBe(Number.POSITIVE_INFINITY);
  expect(differenceOf([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
});
