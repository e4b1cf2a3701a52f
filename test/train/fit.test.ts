/** The two ways to use fit(): a loop over its events, and an await; and what ends a fit() that nobody reads on. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDevice } from '../../lib/runtime/device';
import type { TrainEvent } from '../../lib/train/events';
import type { Trainer } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { snapshot, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();

const small = trainersWith(() => ({ model: tinyModel() }));

async function run(trainer: Trainer, steps: number): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.fit({ steps })) events.push(event);
  return events;
}

test('an awaited fit() trains to its end, as a loop does, and gives the end event', async () => {
  const [awaited, looped] = [small(), small()];
  const end = await awaited.fit({ epochs: 2 });
  expect(end).toMatchObject({ event: 'end', steps: 6, epochs: 2 });
  const events = await run(looped, 6);
  expect({ ...end, seconds: 0, imagesPerSecond: 0 }).toEqual({ ...events.at(-1), seconds: 0, imagesPerSecond: 0 });
  expect((await snapshot(awaited.state)).equals(await snapshot(looped.state))).toBe(true);
});

test('a function that returns or passes on a fit() trains, and its promise methods work', async () => {
  const trainer = small();
  const train = async () => trainer.fit({ steps: 1 });
  expect((await train()).steps).toBe(1);
  const order: string[] = [];
  const fit = trainer.fit({ steps: 1 });
  const [first, second] = await Promise.all([fit.finally(() => order.push('finally')), fit.then(({ steps }) => steps)]);
  expect([first.steps, second, trainer.step, order]).toEqual([2, 2, 2, ['finally']]);
  const reason = await trainer.fit({ steps: -1 }).catch((error: Error) => error);
  expect(reason).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
});

test('a fit() that is neither read nor awaited trains nothing and leaves no rejection', async () => {
  const trainer = small();
  trainer.fit({ steps: 1 });
  trainer.fit({ steps: -1 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(trainer.step).toBe(0);
  expect(await run(trainer, 1)).toHaveLength(3);
});

test('its options are those of the call, not of the first event', async () => {
  const trainer = small();
  const options = { steps: 1 };
  const fit = trainer.fit(options);
  options.steps = 5;
  expect((await fit).steps).toBe(1);
});

test('an await after the loop gives the end, or what ended the loop', async () => {
  const trainer = small();
  const whole = trainer.fit({ steps: 1 });
  for await (const _ of whole);
  expect((await whole).steps).toBe(1);
  const left = trainer.fit({ steps: 1 });
  for await (const _ of left) break;
  await expect(left).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' });
  const failed = trainer.fit({ epochs: 1, signal: AbortSignal.abort(new Error('enough')) });
  await expect(failed.next()).rejects.toThrow('enough');
  await expect(failed).rejects.toThrow('enough');
});

test('a fit() that was left at an event without an end does not block the next one', async () => {
  const trainer = small();
  const abandoned = trainer.fit({ epochs: 1 });
  await abandoned.next();
  expect(trainer.step).toBeGreaterThan(0);
  const { steps } = await trainer.fit({ steps: 1 });
  expect(trainer.step).toBe(steps);
  // Who still reads the earlier one must learn that it has no more events.
  await expect(abandoned.next()).rejects.toMatchObject({ code: 'ERR_BUSY', message: /has ended this fit\(\)/ });
  await expect(abandoned).rejects.toMatchObject({ code: 'ERR_BUSY' });
  await run(trainer, 1);
});

test('a fit() within the loop of another one trains, and the outer loop ends with an error', async () => {
  const trainer = small();
  const nested = async () => {
    for await (const _ of trainer.fit({ epochs: 3 })) await trainer.fit({ steps: 1 });
  };
  await expect(nested()).rejects.toMatchObject({ code: 'ERR_BUSY' });
  expect((await run(trainer, 1)).at(-1)).toMatchObject({ event: 'end' });
});

test('while a fit() computes, another one and restore() are refused', async () => {
  const trainer = small();
  const file = join(folder, 'busy.checkpoint');
  await trainer.save(file);
  const first = trainer.fit({ steps: 3 });
  const computing = first.next();
  await expect(trainer.fit({ steps: 1 })).rejects.toMatchObject({ code: 'ERR_BUSY' });
  await expect(trainer.restore(file)).rejects.toMatchObject({ code: 'ERR_BUSY' });
  await computing;
  // The first waits at an event now.
  await trainer.restore(file);
  expect(trainer.step).toBe(0);
  await expect(first.next()).rejects.toMatchObject({ code: 'ERR_BUSY' });
  await run(trainer, 1);
});

test('reading the state before the first fit() puts it on the device of the Trainer', async () => {
  const device = openDevice('cpu', { threads: 1 });
  const trainer = small({ device });
  await trainer.state.read(trainer.state.parameters[0]!);
  await run(trainer, 1);
  await expect(trainer.state.on(openDevice('cpu'))).rejects.toMatchObject({
    code: 'ERR_STATE',
    message: 'this State is on cpu and cannot be used on another cpu, which was opened with other options',
  });
});
