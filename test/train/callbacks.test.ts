import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type EpochEvent, isBetter } from '../../lib/optim/metric';
import { Sgd } from '../../lib/optim/sgd';
import { loadAddon } from '../../lib/runtime/addon';
import type { Callback } from '../../lib/train/callback';
import { Checkpoints, CsvLog, EarlyStopping, JsonlLog } from '../../lib/train/callbacks';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import type { TrainEvent } from '../../lib/train/events';
import { type FitOptions, Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, smallModel, snapshot } from './support';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);

const trainers: Trainer[] = [];
afterEach(() => {
  for (const trainer of trainers.splice(0)) trainer.dispose();
});

function small(callbacks: readonly Callback[], options: Partial<TrainerOptions> = {}): Trainer {
  const data = smallData(40, 20);
  const trainer = new Trainer({ model: smallModel(), ...data, device: cpu(), batch: 16, callbacks, ...options });
  trainers.push(trainer);
  return trainer;
}

async function run(trainer: Trainer, options: FitOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainer.fit(options)) events.push(event);
  return events;
}

const names = (events: readonly TrainEvent[]) => events.map(({ event }) => event).filter((name) => name !== 'step');

/** Makes a callback see the nth of `losses` as the test loss of epoch n, so that the best epoch is known. */
function pretend(callback: Callback, losses: readonly number[]): Callback {
  return new Proxy(callback, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (key !== 'onEpoch') return typeof value === 'function' ? value.bind(target) : value;
      return (event: EpochEvent, run: never) => target.onEpoch!({ ...event, testLoss: losses[event.epoch - 1]! }, run);
    },
  });
}

describe('Checkpoints', () => {
  // An epoch has three steps.
  test('come after epochs and steps, keep the one before and the best, and the last is the end of training', async () => {
    const checkpoints = new Checkpoints({ folder: path('a'), everyEpochs: 2, everySteps: 4, best: 'testLoss' });
    const trainer = small([pretend(checkpoints, [3, 2, 5, 4])]);
    const events = await run(trainer, { steps: 11 });
    const saved = events.filter((event) => event.event === 'checkpoint');
    // Epochs end at steps 3 and 6, where the loss is the best so far; steps 4 and 8 are due; 11 is the end, within an epoch.
    expect(saved.map(({ step, best }) => [step, best])).toEqual([
      [3, true],
      [4, false],
      [6, true],
      [8, false],
      [11, false],
    ]);
    expect(readdirSync(path('a')).sort()).toEqual(['best.checkpoint', 'last.checkpoint', 'previous.checkpoint']);
    const stepOf = async (which: 'last' | 'previous' | 'best') =>
      (await readCheckpoint(checkpoints.path(which))).info.position.step;
    expect([await stepOf('last'), await stepOf('previous'), await stepOf('best')]).toEqual([11, 8, 6]);
    const { info } = await readCheckpoint(checkpoints.path('last'));
    expect(info.callbacks.checkpoints).toEqual({ metric: 'testLoss', best: 2, bestStep: 6 });
  });

  test('of a run that is resumed with another metric: the first epoch is the best so far', async () => {
    const make = (best: 'testLoss' | 'testAccuracy') => new Checkpoints({ folder: path('otherwise'), best });
    await run(small([make('testLoss')]), { epochs: 1 });
    const bests = async (best: 'testLoss' | 'testAccuracy', value: number) => {
      const checkpoints = make(best);
      const worse = new Proxy(checkpoints, {
        get(target, key) {
          const member = Reflect.get(target, key);
          if (key !== 'onEpoch') return typeof member === 'function' ? member.bind(target) : member;
          return (event: EpochEvent, control: never) => target.onEpoch({ ...event, [best]: value }, control);
        },
      });
      const trainer = small([worse]);
      await trainer.restore(checkpoints.path('last'));
      return (await run(trainer, { epochs: 1 })).flatMap((event) => (event.event === 'checkpoint' ? event.best : []));
    };
    // Compared with the best loss, this accuracy would seem worse, because it is smaller.
    expect(await bests('testAccuracy', 0.5)).toEqual([true]);
    expect(await bests('testAccuracy', 0.4)).toEqual([false]);
  });

  test('an epoch whose metric is not finite is never the best', () => {
    const event = (testLoss: number) => ({ testLoss, testAccuracy: testLoss }) as EpochEvent;
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(isBetter('testLoss', event(value), null)).toBe(false);
      expect(isBetter('testAccuracy', event(value), 1)).toBe(false);
    }
    expect(isBetter('testLoss', event(3), null)).toBe(true);
  });

  test('are written after a given time', async () => {
    const often = new Checkpoints({ folder: path('clock'), everyEpochs: 0, everyMinutes: 0, best: null });
    const events = await run(small([often, { name: 'singly', everySteps: 1 }]), { steps: 3 });
    expect(events.filter((event) => event.event === 'checkpoint')).toHaveLength(4);
  });

  test('that cannot be written are warnings with the one before intact, and an error at the end', async () => {
    const checkpoints = new Checkpoints({ folder: path('full'), everySteps: 1, everyEpochs: 0, best: null });
    const trainer = small([checkpoints]);
    const events: TrainEvent[] = [];
    const fill = async () => {
      for await (const event of trainer.fit({ steps: 3 })) {
        events.push(event);
        if (event.event !== 'checkpoint') continue;
        // Simulates a full disk: no file can grow beyond 4 kB.
        limitFileSize(4096);
      }
    };
    try {
      await expect(fill()).rejects.toMatchObject({
        code: 'ERR_OUTPUT',
        message: expect.stringMatching(/last\.checkpoint: EFBIG/),
      });
    } finally {
      limitFileSize('unlimited');
    }
    const warning = {
      event: 'warning',
      message: expect.stringMatching(/^The checkpoint of step \d was not written; training goes on: .*EFBIG/),
    };
    expect(events.filter(({ event }) => event !== 'step')).toMatchObject([
      { event: 'checkpoint', step: 1 },
      { ...warning, step: 2 },
      { ...warning, step: 3 },
      { event: 'epoch' },
    ]);
    expect((await readCheckpoint(checkpoints.path('last'))).info.position.step).toBe(1);
    expect(readdirSync(path('full'))).toEqual(['last.checkpoint']);
    // With space again, training continues.
    expect(await run(trainer, { steps: 1 })).toContainEqual(expect.objectContaining({ event: 'checkpoint', step: 4 }));
  });
});

/** Limits the size of files that this process can write. Runs a program for that, because Node has no function for it. */
function limitFileSize(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
}

describe('EarlyStopping', () => {
  test('ends training, says why, and brings the best weights back; a resumed run does the same', async () => {
    const losses = [3, 2, 4, 2.05, 5];
    const make = () => {
      const checkpoints = new Checkpoints({ folder: path('early'), best: null });
      const stopping = pretend(new EarlyStopping({ metric: 'testLoss', patience: 2, minDelta: 0.1 }), losses);
      return { trainer: small([stopping, checkpoints]), checkpoints };
    };
    const best: Buffer[] = [];
    const { trainer, checkpoints } = make();
    const events: TrainEvent[] = [];
    for await (const event of trainer.fit({ epochs: 9 })) {
      events.push(event);
      if (event.event === 'epoch' && event.epoch === 2)
        best.push(Buffer.from(await trainer.state.readArena('parameters')));
    }
    expect(names(events).slice(-4)).toEqual(['epoch', 'checkpoint', 'stopped', 'end']);
    const reason = 'testLoss, 2 in epoch 2, has not improved for 2 epochs';
    expect(events.at(-2)).toEqual({ event: 'stopped', step: 12, epoch: 4, reason });
    const epochs = events.filter((event) => event.event === 'epoch');
    expect(events.at(-1)).toMatchObject({ steps: 12, epochs: 4, trainAccuracy: epochs[1]!.trainAccuracy });
    expect(Buffer.from(await trainer.state.readArena('parameters')).equals(best[0]!)).toBe(true);

    const again = make().trainer;
    await again.restore(checkpoints.path('last'));
    expect(Buffer.from(await again.state.readArena('parameters')).equals(best[0]!)).toBe(false);
    expect(names(await run(again, { totalEpochs: 9 }))).toEqual(['stopped', 'end']);
    expect((await snapshot(again.state)).equals(await snapshot(trainer.state))).toBe(true);

    const from = make().trainer;
    await from.restore(checkpoints.path('previous'));
    expect(names(await run(from, { totalEpochs: 9 }))).toEqual(['epoch', 'checkpoint', 'stopped', 'end']);
    expect((await snapshot(from.state)).equals(await snapshot(trainer.state))).toBe(true);
    // A further fit() trains on.
    expect(names(await run(from, { epochs: 1 }))).toEqual(['epoch', 'checkpoint', 'end']);
  });

  test('brings the averages of the weights back too, where those are what is measured', async () => {
    const make = () => {
      const stopping = new EarlyStopping({ metric: 'testLoss', patience: 1 });
      const checkpoints = new Checkpoints({ folder: path('averaged'), best: null });
      const optimizer = new Sgd({ ema: { decay: 0.5 } });
      return { trainer: small([pretend(stopping, [1, 2]), checkpoints], { optimizer }), checkpoints };
    };
    const { trainer, checkpoints } = make();
    const events = await run(trainer, { epochs: 5 });
    const [best, last] = events.filter((event) => event.event === 'epoch');
    expect(last!.testLoss).not.toBe(best!.testLoss);
    expect((await trainer.evaluate('test')).loss).toBe(best!.testLoss);
    const again = make().trainer;
    await again.restore(checkpoints.path('last'));
    expect((await again.evaluate('test')).loss).toBe(last!.testLoss);
    await run(again, { totalEpochs: 5 });
    expect((await again.evaluate('test')).loss).toBe(best!.testLoss);
    expect((await snapshot(again.state)).equals(await snapshot(trainer.state))).toBe(true);
  });

  test('is told once, also where the loop is left at the stopped event', async () => {
    const stopped: number[] = [];
    const stopper: Callback = {
      name: 'stopper',
      onEpoch: ({ epoch }, { stop }) => (epoch === 1 ? stop('enough') : undefined),
      onStopped: ({ step }) => void stopped.push(step),
    };
    const trainer = small([stopper]);
    for await (const event of trainer.fit({ epochs: 2 })) if (event.event === 'stopped') break;
    expect(names(await run(trainer, { steps: 1 }))).toEqual(['epoch', 'end']);
    expect(stopped).toEqual([3]);
  });

  test('refuses what makes no sense', () => {
    expect(() => new EarlyStopping({ metric: 'loss' as 'testLoss' })).toThrow(/testAccuracy, testLoss.*for metric/);
    expect(() => new EarlyStopping({ patience: 0 })).toThrow(/patience/);
    expect(() => new EarlyStopping({ minDelta: Number.NaN })).toThrow(/minDelta/);
  });
});

describe('logs', () => {
  const logs = (name: string) => [new JsonlLog(path(`${name}.jsonl`)), new CsvLog(path(`${name}.csv`))];
  const read = (name: string) => readFileSync(path(name), 'utf8').trimEnd().split('\n');

  test('hold every event at once, and a row per epoch', async () => {
    const seen: number[] = [];
    const trainer = small(logs('a'));
    const events: TrainEvent[] = [];
    for await (const event of trainer.fit({ epochs: 2 })) {
      events.push(event);
      seen.push(read('a.jsonl').length);
    }
    expect(seen).toEqual(events.map((_, index) => index + 1));
    expect(read('a.jsonl').map((line) => JSON.parse(line))).toEqual(events);
    const [head, ...rows] = read('a.csv');
    expect(head).toBe(
      'epoch,step,trainLoss,trainAccuracy,testLoss,testAccuracy,testTop5,learningRate,imagesPerSecond,evaluated',
    );
    const epochs = events.filter((event) => event.event === 'epoch');
    const row = ({ epoch, step, trainLoss, testTop5, ...rest }: EpochEvent) => [
      ...[epoch, step, trainLoss, rest.trainAccuracy, rest.testLoss, rest.testAccuracy],
      ...[testTop5, rest.learningRate, rest.imagesPerSecond, 'test'],
    ];
    expect(rows).toEqual(epochs.map((event) => row(event).join(',')));
  });

  test('of a resumed run lose what came after its checkpoint, and nothing else', async () => {
    const trainer = small(logs('b'));
    await run(trainer, { steps: 4 });
    await trainer.save(path('b.checkpoint'));
    const kept = readFileSync(path('b.jsonl'));
    await run(trainer, { steps: 4 });
    expect(statSync(path('b.jsonl')).size).toBeGreaterThan(kept.length);
    const resumed = small(logs('b'));
    await resumed.restore(path('b.checkpoint'));
    expect(readFileSync(path('b.jsonl')).equals(kept)).toBe(true);
    const events = await run(resumed, { steps: 4 });
    expect(
      read('b.jsonl')
        .slice(-events.length)
        .map((line) => JSON.parse(line)),
    ).toEqual(events);
    expect(read('b.csv').map((row) => row.split(',')[1])).toEqual(['step', '3', '4', '6', '8']);

    // A file that was cut within a line keeps its complete lines.
    truncateSync(path('b.jsonl'), kept.length - 5);
    const other = small(logs('b'));
    await other.restore(path('b.checkpoint'));
    await run(other, { steps: 1 });
    for (const line of read('b.jsonl')) JSON.parse(line);
    // A new run starts new files.
    await run(small(logs('b')), { steps: 1 });
    expect(read('b.csv')).toHaveLength(2);
  });

  test('that were removed do not prevent a checkpoint; a table that begins again has its header', async () => {
    const make = () => {
      const checkpoints = new Checkpoints({ folder: path('removed'), best: null });
      return { checkpoints, trainer: small([...logs('removed/log'), checkpoints]) };
    };
    const { checkpoints, trainer } = make();
    await run(trainer, { epochs: 1 });
    for (const name of ['removed/log.jsonl', 'removed/log.csv']) rmSync(path(name));
    const events = await run(trainer, { epochs: 1 });
    expect(names(events)).toEqual(['warning', 'epoch', 'warning', 'checkpoint', 'end']);
    for (const event of events.filter(({ event }) => event === 'warning'))
      expect(event).toMatchObject({
        message: expect.stringMatching(/log\.\w+ has lost lines: 0 of \d+ bytes are left/),
      });
    expect(read('removed/log.csv').map((row) => row.split(',')[0])).toEqual(['epoch', '2']);
    // The same if the files are removed before a resume.
    for (const name of ['removed/log.jsonl', 'removed/log.csv']) rmSync(path(name));
    const resumed = make().trainer;
    await resumed.restore(checkpoints.path('last'));
    await run(resumed, { epochs: 1 });
    expect(read('removed/log.csv').map((row) => row.split(',')[0])).toEqual(['epoch', '3']);
    for (const line of read('removed/log.jsonl')) JSON.parse(line);
  });

  test('that cannot be written give one warning and an error at the end, and are completed once they can', async () => {
    const log = new JsonlLog(path('missing/log.jsonl'));
    const trainer = small([log, { name: 'singly', everySteps: 1 }]);
    const events: TrainEvent[] = [];
    const toEnd = async () => {
      for await (const event of trainer.fit({ steps: 2 })) events.push(event);
    };
    await expect(toEnd()).rejects.toMatchObject({ code: 'ERR_OUTPUT', message: /Cannot write .*log.jsonl: ENOENT/ });
    expect(names(events)).toEqual(['warning', 'epoch', 'end']);
    expect(events[1]).toMatchObject({
      event: 'warning',
      message: expect.stringMatching(/Cannot write .*log.jsonl: ENOENT/),
    });
    writeFileSync(path('x'), '');
    execFileSync('mkdir', [path('missing')]);
    const more = await run(trainer, { steps: 1 });
    const lines = read('missing/log.jsonl').map((line) => JSON.parse(line));
    expect(lines).toEqual([...events, ...more].filter(({ event }) => event !== 'warning'));
  });
});

describe('logs that lose lines', () => {
  test('because they were cut while training goes on: whole lines, and a warning', async () => {
    const trainer = small([new JsonlLog(path('cut.jsonl'))]);
    await run(trainer, { epochs: 1 });
    const { size } = statSync(path('cut.jsonl'));
    truncateSync(path('cut.jsonl'), size - 5);
    const events = await run(trainer, { steps: 1 });
    expect(events.map(({ event }) => event)).toEqual(['step', 'warning', 'epoch', 'end']);
    expect(events[1]).toMatchObject({ message: expect.stringContaining(`of ${size} bytes are left`) });
    for (const line of readFileSync(path('cut.jsonl'), 'utf8').trimEnd().split('\n')) JSON.parse(line);
  });

  test('between a checkpoint and its resume, or have an altered byte: one warning', async () => {
    const damages: [string, (file: string) => void, RegExp][] = [
      ['whole', () => {}, /^$/],
      ['shorter', (file) => truncateSync(file, 20), /has lost lines: 0 of \d+ bytes are left/],
      [
        'altered',
        (file) => writeFileSync(file, Buffer.from(readFileSync(file)).fill(0, 9, 10)),
        /was altered or damaged/,
      ],
    ];
    for (const [name, damage, expected] of damages) {
      const file = path(`${name}.jsonl`);
      const first = small([new JsonlLog(file)]);
      await run(first, { epochs: 1 });
      await first.save(path(`${name}.checkpoint`));
      damage(file);
      const resumed = small([new JsonlLog(file)]);
      await resumed.restore(path(`${name}.checkpoint`));
      const warnings = async () =>
        (await run(resumed, { epochs: 1 })).flatMap((event) => (event.event === 'warning' ? event.message : []));
      expect((await warnings()).join(), name).toMatch(expected);
      expect(await warnings()).toEqual([]);
    }
  });

  test('whose last row cannot be written at first: it is written at the end', async () => {
    const log = new CsvLog(path('late/log.csv'));
    // Runs after the log: the folder is there when training ends.
    const later: Callback = { name: 'later', onEpoch: () => void execFileSync('mkdir', ['-p', path('late')]) };
    const events = await run(small([log, later]), { epochs: 1 });
    expect(names(events)).toEqual(['epoch', 'warning', 'end']);
    expect(readFileSync(path('late/log.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('callbacks', () => {
  test('are called in order, may end training, and need different names', async () => {
    const calls: string[] = [];
    const callback = (name: string): Callback => ({
      name,
      onStep: () => void calls.push(`${name} step`),
      onEpoch: () => void calls.push(`${name} epoch`),
      onStopped: () => void calls.push(`${name} stopped`),
      onEnd: () => void calls.push(`${name} end`),
    });
    const stopper: Callback = {
      name: 'stopper',
      everySteps: 2,
      onStep: ({ step }, run) => (step === 2 ? run.stop('enough') : undefined),
    };
    const events = await run(small([callback('a'), stopper, callback('b')]), { epochs: 3 });
    expect(names(events)).toEqual(['epoch', 'stopped', 'end']);
    expect(events.at(-2)).toMatchObject({ reason: 'enough', step: 2, epoch: 1 });
    expect(calls.slice(-6)).toEqual(['a epoch', 'b epoch', 'a stopped', 'b stopped', 'a end', 'b end']);
    expect(() => small([callback('a'), callback('a')])).toThrow(/different names for callbacks but received "a"/);
    expect(() => small([{} as Callback])).toThrow(/callbacks/);
  });

  test('end fit() by throwing; another fit() may follow, and nothing is kept', async () => {
    let broken = true;
    const faulty: Callback = {
      name: 'faulty',
      async onEpoch() {
        if (broken) throw new Error('no');
      },
    };
    const before = loadAddon().counters();
    const trainer = small([faulty]);
    await expect(run(trainer, { epochs: 1 })).rejects.toThrow('no');
    broken = false;
    expect(names(await run(trainer, { epochs: 1 }))).toEqual(['epoch', 'end']);
    for await (const event of trainer.fit({ epochs: 1 })) if (event.event === 'step') break;
    await trainer.predict(smallData(40, 20).test);
    trainer.dispose();
    await expect.poll(() => loadAddon().counters()).toEqual(before);
  });
});

test('a folder of checkpoints is made', () => {
  new Checkpoints({ folder: path('new/deep') });
  expect(existsSync(path('new/deep'))).toBe(true);
});
