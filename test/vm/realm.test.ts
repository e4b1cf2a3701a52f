/**
 * saturnn within a `vm` context, as in Jest: this file runs in one (pool vmForks), where the addon's arrays and errors are of
 * another realm, and it gives saturnn arrays of a third.
 */
import { join } from 'node:path';
import { types } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import {
  add,
  compile,
  constant,
  createModel,
  Dataset,
  evaluate,
  Graph,
  input,
  openDevice,
  Parameter,
  parseSafetensors,
  SaturnnError,
  Sgd,
  State,
  Trainer,
  tanh,
} from '../../lib';
import { encodeSafetensors } from '../../lib/files/safetensors';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
const device = openDevice('cpu', { threads: 1 });
afterAll(() => device.dispose());

const elsewhere = createContext({});
/** Evaluates an expression in another realm. */
const foreign = <T>(code: string): T => runInContext(`(${code})`, elsewhere) as T;

const four = (value: number) => new Float32Array(4).fill(value);

describe('arrays of another realm', () => {
  it('are taken as inputs, constants, resident data and weights, and results are of this one', async () => {
    const floats = foreign<Float32Array>('new Float32Array([2, 2, 2, 2])');
    expect(floats instanceof Float32Array).toBe(false);
    const sum = await evaluate(add(input('x', [4]), constant(floats)), { device, inputs: { x: floats } });
    expect(sum).toEqual(four(4));
    expect(sum instanceof Float32Array).toBe(true);

    const parameter = new Parameter({ name: 'a', shape: [4], decay: true, initialize: () => floats });
    const state = new State([parameter], { seed: 0 });
    const plan = await compile(Graph.from({ outputs: { y: add(parameter, input('x', [4])) } }), { device });
    const { outputs } = await plan.run({ x: device.upload(floats) });
    expect(outputs.y).toEqual(four(4));
    expect(outputs.y instanceof Float32Array).toBe(true);
    await state.write(parameter, foreign<Float32Array>('new Float32Array([7, 7, 7, 7])'));
    const read = await state.read(parameter);
    expect(read).toEqual(four(7));
    expect(read instanceof Float32Array).toBe(true);
    await state.writeArena('parameters', foreign('new Uint8Array(64)'));
    expect(await state.read(parameter)).toEqual(four(0));
    plan.dispose();
    state.dispose();
  });

  it('are taken as a data set, options, and tensors of a file', async () => {
    const options = foreign<Parameters<typeof Dataset.from>[0]>(
      '{ images: new Uint8Array(4 * 32 * 32 * 3).map((_, i) => i), labels: new Int32Array([0, 1, 2, 1]), shape: [32, 32, 3], classes: 3 }',
    );
    const train = Dataset.from(options);
    const target = new Uint8Array(train.images.length);
    await train.read(foreign('new Int32Array([0, 1, 2, 3])'), target);
    expect(target[5]).toBe(5);
    const groups = foreign<[]>('[{ match: /weight/, learningRate: 2 }]');
    const model = createModel('subInception', { activation: tanh(), classes: 3, width: 0.05 });
    const trainer = new Trainer({
      model,
      train,
      test: train,
      device,
      batch: 2,
      seed: 1,
      optimizer: new Sgd({ groups }),
    });
    expect((await trainer.predict(options.images as Uint8Array, { count: 4 })).count).toBe(4);
    await trainer.fit({ steps: 1 });
    const path = join(folder, 'a.checkpoint');
    await trainer.save(path);
    await trainer.restore(path);
    await trainer.saveWeights(join(folder, 'a.safetensors'));
    expect((await trainer.evaluate('test')).loss).toBeGreaterThan(0);
    trainer.dispose();
    const tensors = new Map([['t', { shape: [2], data: foreign<Int32Array>('new Int32Array([1, 2])') }]]);
    const bytes = Buffer.concat(encodeSafetensors({ tensors, metadata: {} }));
    expect(parseSafetensors(bytes, 'memory').tensors.get('t')!.data).toEqual(Int32Array.of(1, 2));
  });

  it('of kinds that fit exactly, or as numbers always do, are converted', async () => {
    const pixels = foreign<Uint8ClampedArray>('new Uint8ClampedArray([0, 255, 300, 7])');
    expect(await evaluate(constant(pixels), { device })).toEqual(Uint8Array.of(0, 255, 255, 7));
    const doubles = new Float64Array([0.1, -0, 3.4e38, Number.POSITIVE_INFINITY]);
    expect(await evaluate(constant(doubles), { device })).toEqual(Float32Array.from(doubles));
  });

  it.each([
    ['new Float64Array([0, 1e39])', 'Expected a number that fits in float32 for data[1] but received 1e+39'],
    ['new Int16Array(4)', 'Expected a Float32Array, Int32Array or Uint8Array for data but received Int16Array'],
    ['new Uint32Array(4)', 'received Uint32Array'],
    ['new BigInt64Array(4)', 'received BigInt64Array'],
    ['new DataView(new ArrayBuffer(4))', 'received DataView'],
  ])('are refused where something would be lost: %s', (code, message) => {
    expect(() => constant(foreign(code))).toThrow(message);
  });
});

describe('errors of the addon', () => {
  it('are SaturnnErrors of this realm', async () => {
    const plan = await compile(Graph.from({ outputs: { y: add(input('x', [4]), constant([1, 1, 1, 1])) } }), {
      device,
    });
    plan.dispose();
    const error = await plan.run({ x: four(1) }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SaturnnError);
    expect(error).toMatchObject({ code: 'ERR_DISPOSED' });
    const { cause } = error as SaturnnError;
    expect(types.isNativeError(cause)).toBe(true);
    expect(() => openDevice('cuda:999')).toThrow(SaturnnError);
  });
});
