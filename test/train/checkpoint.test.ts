import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { constantRate, type Schedule } from '../../lib/optim/schedule';
import { EarlyStopping } from '../../lib/train/callbacks';
import { decodeCheckpoint, encodeCheckpoint, readCheckpoint } from '../../lib/train/checkpoint';
import type { StepEvent, TrainEvent } from '../../lib/train/events';
import { headerLength } from '../../lib/train/safetensors';
import { type FitOptions, Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { cpu, smallData, smallModel, snapshot } from './support';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

const trainers: Trainer[] = [];
afterEach(() => {
  for (const trainer of trainers.splice(0)) trainer.dispose();
});

/** A rate that differs in every step, and remembers what it was told. */
function fallingRate(): Schedule {
  let factor = 1;
  return {
    name: 'falling',
    at: (step, { totalSteps }) => (factor * 0.05 * (totalSteps - step)) / totalSteps,
    observe: ({ testLoss }) => {
      factor *= testLoss > 4.6 ? 0.9 : 0.95;
    },
    save: () => factor,
    restore: (saved) => {
      factor = saved as number;
    },
  };
}

function small(options: Partial<TrainerOptions> = {}): Trainer {
  const schedule = options.learningRate === undefined ? fallingRate() : undefined;
  const trainer = new Trainer({ model: smallModel(), ...smallData(), device: cpu(), batch: 16, schedule, ...options });
  trainers.push(trainer);
  return trainer;
}

async function run(trainer: Trainer, options: FitOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.fit(options)) events.push(event);
  return events;
}

/** What must not depend on how often a run was interrupted: all but timings, and how steps were grouped. */
function lasting(events: readonly TrainEvent[]): unknown[] {
  return events
    .filter(({ event }) => event === 'epoch' || event === 'end')
    .map((event) => ({ ...event, imagesPerSecond: 0, seconds: 0 }));
}

describe('a resumed run', () => {
  // Seven steps are an epoch.
  test.each([1, 3, 6, 7, 10, 14, 19])(
    'that was cut at step %i equals an uninterrupted one, bit for bit',
    async (cut) => {
      const whole = small();
      const expected = await run(whole, { totalSteps: 20 });

      // Cut between native calls, as an interruption does; not by the end of a fit(), which a schedule sees coming.
      const abort = new AbortController();
      const onStep = ({ step }: StepEvent) => {
        if (step === cut) abort.abort();
      };
      const interrupted = small({ callbacks: [{ name: 'cut', everySteps: cut, onStep }] });
      const before: TrainEvent[] = [];
      const cutOff = async () => {
        for await (const event of interrupted.fit({ totalSteps: 20, signal: abort.signal })) before.push(event);
      };
      await expect(cutOff()).rejects.toMatchObject({ name: 'AbortError' });
      expect(interrupted.step).toBe(cut);
      await interrupted.save(path('cut'));

      const resumed = small();
      await resumed.restore(path('cut'));
      expect(resumed.step).toBe(cut);
      const after = await run(resumed, { totalSteps: 20 });
      expect(lasting([...before, ...after])).toEqual(lasting(expected));
      expect((await snapshot(resumed.state)).equals(await snapshot(whole.state))).toBe(true);
    },
  );
});
