/**
 * Streamed images on the emulated GPU: they are uploaded while the call before runs, and nothing else changes. The emulator runs a
 * stream as late as it can, so a step that does not wait for its images finds NaN or those of an earlier call.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { DataMode } from '../../lib/data/source';
import { estimate } from '../../lib/measure/estimate';
import { Sgd } from '../../lib/optim/sgd';
import { openDevice } from '../../lib/runtime/device';
import { LandingPair } from '../../lib/runtime/landings';
import type { NativeBuffer } from '../../lib/runtime/native';
import { Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { until } from '../native/support';
import { smallData, snapshot } from '../train/support';
import { tinyModel } from '../train/tinyModel';
import { isEmulated, notEmulated, useEmulatedGpu } from './support';

const data = smallData(7, 2);
const batch = 1;

/** Returns a list to which each upload from now on adds its landing. */
function uploadsFromNow(): NativeBuffer[] {
  const { upload } = LandingPair.prototype;
  const landings: NativeBuffer[] = [];
  vi.spyOn(LandingPair.prototype, 'upload').mockImplementation(async function (this: LandingPair, data) {
    const landed = await upload.call(this, data);
    landings.push(landed.native);
    return landed;
  });
  return landings;
}

describe.skipIf(!isEmulated)(isEmulated ? 'streamed images on the emulated GPU' : notEmulated, () => {
  if (!isEmulated) return;
  useEmulatedGpu();
  const device = openDevice('cuda');

  const trainerOf = (options: Partial<TrainerOptions> = {}) =>
    new Trainer({ model: tinyModel(), ...data, device, batch, autotune: false, ...options });
  /** A callback that divides an epoch of 7 steps into calls of two steps. */
  const shortCalls = { callbacks: [{ name: 'short calls', everySteps: 2, onStep: () => {} }] };

  /** The weights after two epochs without an interruption. */
  let weights: Buffer;

  afterEach(async () => {
    await until(() => device.native.memory.bytes === 0);
    expect(device.native.memory).toMatchObject({ buffers: 0, pinnedBytes: 0 });
    vi.restoreAllMocks();
    Reflect.deleteProperty(process.env, 'SATURNN_EMULATOR_PINNED');
    Reflect.deleteProperty(process.env, 'SATURNN_EMULATOR_MEMORY');
  });

  const trained = async (mode: DataMode) => {
    using trainer = trainerOf({ data: mode, ...shortCalls });
    const seen: unknown[] = [];
    for await (const event of trainer.fit({ epochs: 2 })) {
      const { imagesPerSecond: _, seconds: __, ...rest } = event as unknown as Record<string, unknown>;
      seen.push(rest);
    }
    const { loss, confusion } = await trainer.evaluate('train');
    const memory = device.native.memory;
    return { seen, loss, confusion, state: await snapshot(trainer.state), memory };
  };

  test('give the events, losses and weights of resident ones, bit for bit, through two landings in turn', async () => {
    const { memory: _, ...resident } = await trained('resident');
    const uploads = uploadsFromNow();
    const { memory, ...streamed } = await trained('streaming');
    expect(streamed).toEqual(resident);
    // Epochs have 4 calls. Evaluations of 2 and 7 steps have at least one, and use the same landings.
    expect(uploads.length).toBeGreaterThan(2 * 5);
    expect(new Set(uploads).size).toBe(2);
    expect(uploads.every((landing, call) => call === 0 || landing !== uploads[call - 1])).toBe(true);
    const call = 7 * batch * 32 * 32 * 3;
    expect(memory).toMatchObject({ buffers: 2, bufferBytes: 2 * call, pinnedBytes: 2 * call });
    weights = streamed.state;
    const options = {
      model: tinyModel(),
      ...data,
      device,
      batch,
      data: 'streaming',
      steps: 1,
      optimizer: new Sgd(),
    } as const;
    const { memory: estimated } = await estimate(
      { ...options, precision: 'f32', autotune: false, deterministic: true },
      null,
    );
    expect(estimated.dataBytes).toBe((memory.bufferBytes * 5) / 2);
  });

  test('a step that is not finite is named as for resident images, and wrote nothing', async () => {
    const failure = async (mode: DataMode) => {
      using trainer = trainerOf({ data: mode, ...shortCalls, learningRate: 1e6 });
      const error = await trainer.fit({ epochs: 3 }).then(null, (error: Error) => error);
      return { error: String(error), step: trainer.step, state: await snapshot(trainer.state) };
    };
    const resident = await failure('resident');
    expect(resident.error).toMatch(/Training stopped at step/);
    expect(await failure('streaming')).toEqual(resident);
  });

  test('after an abort in the middle of an epoch, training goes on as if there had been none', async () => {
    using trainer = trainerOf({ data: 'streaming', ...shortCalls });
    const abort = new AbortController();
    const stopping = async () => {
      for await (const event of trainer.fit({ epochs: 2, signal: abort.signal })) {
        if (event.event === 'step' && event.step === 4) abort.abort(new Error('enough'));
      }
    };
    await expect(stopping()).rejects.toThrow('enough');
    // A loop that is left with the next images on their way.
    for await (const event of trainer.fit({ totalEpochs: 2 })) if (event.event === 'step') break;
    await trainer.fit({ totalEpochs: 2 });
    expect((await snapshot(trainer.state)).equals(weights)).toBe(true);
  });

  test('dispose() in the middle of a call frees everything', async () => {
    const trainer = trainerOf({ data: 'streaming', ...shortCalls });
    const events = trainer.fit({ epochs: 2 });
    await events.next();
    await events.next();
    const next = events.next();
    trainer.dispose();
    await expect(next).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  test.each([
    ['ERR_OUT_OF_MEMORY', 'SATURNN_EMULATOR_PINNED', /the host cannot pin \d+ bytes/],
    ['ERR_CUDA_OOM', 'SATURNN_EMULATOR_MEMORY', /GPU 0 .* has \d+ MiB free/],
  ])('%s if there is no memory for them; then training goes on', async (code, variable, message) => {
    using trainer = trainerOf({ data: 'streaming', ...shortCalls });
    // Everything but the landings is there.
    await trainer.fit({ steps: 1 });
    process.env[variable] = '1000';
    await expect(trainer.fit({ epochs: 1 })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    Reflect.deleteProperty(process.env, variable);
    const { steps } = await trainer.fit({ epochs: 1 });
    expect(steps).toBe(7);
  });
});
