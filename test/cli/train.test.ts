import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readSafetensors } from '../../lib/files/safetensors';
import { createModel } from '../../lib/models';
import { version } from '../../lib/version';
import { type Outcome, saturnn } from './support';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-'));
afterAll(() => rmSync(folder, { recursive: true }));

const small = ['train', '--device', 'cpu', '--width', '0.1', '--batch', '16', '--limit', '40'];
const results = [
  ...['best.checkpoint', 'best.safetensors', 'config.json', 'curves.svg', 'epochs.csv', 'last.checkpoint'],
  ...['metrics.jsonl', 'model.safetensors', 'previous.checkpoint', 'report.html'],
];

test('train writes settings, metrics, weights and curves, and ends with what they say', async () => {
  const out = join(folder, 'two-epochs');
  const { code, stdout, stderr } = await saturnn([...small, '--epochs', '2', '--activation', 'tanh', '--out', out]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readdirSync(out).sort()).toEqual(results);
  expect(stdout).toMatch(/epoch 1\/2: .*\nepoch 2\/2: /);
  expect(stdout).toMatch(/train accuracy \d+\.\d\d %, test accuracy \d+\.\d\d % \(chance: 1\.00 %\)\n\d+ images\/s/);
  expect(stdout).toMatch(/curves: .*curves\.svg\nreport: .*report\.html\n$/);

  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(config).toMatchObject({
    data: 'generated',
    model: 'inception33',
    width: 0.1,
    activation: 'tanh',
    device: 'cpu',
    precision: 'f32',
    batch: 16,
    epochs: 2,
    limit: 40,
    lr: 0.01,
    momentum: 0.9,
    weightDecay: 1e-4,
    seed: 0,
    saturnn: version,
    trainSet: { count: 40, shape: [32, 32, 3], classes: 100, content: expect.stringMatching(/^[0-9a-f]{64}$/) },
    testSet: { content: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(config.trainSet.content).not.toBe(config.testSet.content);
  const report = readFileSync(join(out, 'report.html'), 'utf8').replaceAll(/<script>[\s\S]*?<\/script>/g, '');
  expect(report).not.toContain('undefined');
  expect(report).toContain(config.trainSet.content);
  // Two epochs are two points: the curves are over steps.
  expect(report).toContain('Loss. loss by step: train, test');

  const events = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const epochs = events.filter(({ event }) => event === 'epoch');
  expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
  expect(epochs[0]).toMatchObject({ step: 3, complete: true, learningRate: 0.01 });
  expect(events.at(-1)).toMatchObject({ event: 'end', steps: 6, epochs: 2 });

  const model = createModel('inception33', { width: 0.1 });
  const { tensors, metadata } = readSafetensors(join(out, 'model.safetensors'));
  expect(metadata).toMatchObject({
    model: 'inception33',
    width: '0.1',
    classes: '100',
    activation: 'tanh',
    normalization: 'none',
    size: '28',
  });
  expect(JSON.parse(metadata.mean!)).toHaveLength(3);
  expect([...tensors.keys()]).toEqual(model.parameters.map(({ name }) => name));
  for (const parameter of model.parameters) expect(tensors.get(parameter.name)?.shape).toEqual([...parameter.shape]);
});

test('train --json prints every event, and where the results are', async () => {
  const out = join(folder, 'json');
  const { code, stdout } = await saturnn([...small, '--steps', '2', '--json', '--out', out]);
  expect(code).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.slice(-4).map(({ event }) => event)).toEqual(['epoch', 'checkpoint', 'end', 'saved']);
  expect(events.at(-1)).toMatchObject({ out, curves: join(out, 'curves.svg') });
});

test('train --normalization batch --dropout keeps the running statistics with the weights', async () => {
  const out = join(folder, 'normalized');
  const settings = ['--steps', '2', '--normalization', 'batch', '--dropout', '0.2', '--out', out];
  const { code, stderr } = await saturnn([...small, ...settings]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ normalization: 'batch', dropout: 0.2, size: 28 });
  const { tensors, metadata } = readSafetensors(join(out, 'model.safetensors'));
  expect(metadata).toMatchObject({ normalization: 'batch' });
  const { parameters, buffers = [] } = createModel('inception33', { width: 0.1, normalization: 'batch' });
  expect([...tensors.keys()].sort()).toEqual([...parameters, ...buffers].map(({ name }) => name).sort());
  // After two steps the statistics differ from their initial values.
  expect(tensors.get('conv1/runningVariance')?.data.every((value) => value > 0 && value !== 1)).toBe(true);
});

test('train --model inceptionBn wants images of its size, or another size', async () => {
  const bn = [...small, '--model', 'inceptionBn', '--steps', '1'];
  expect(await saturnn([...bn, '--out', join(folder, 'too-large')])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^error \[ERR_INVALID_ARGUMENT\]: Expected 4 to 32 pixels.* for --size .*"224, the default of inceptionBn"\n$/,
    ),
  });
  expect((await saturnn([...bn, '--size', '3'])).stderr).toContain('an integer from 4 to 4096');
  expect((await saturnn([...bn, '--size', '32', '--channels', '1'])).stderr).toContain(
    "Expected the model's 1 for channels of train",
  );
  expect(await saturnn([...bn, '--size', '31x32', '--out', join(folder, 'bn')])).toMatchObject({ code: 0, stderr: '' });
  const { metadata } = readSafetensors(join(folder, 'bn', 'model.safetensors'));
  expect(metadata).toMatchObject({ size: '31x32', channels: '3' });
  expect(JSON.parse(readFileSync(join(folder, 'bn', 'config.json'), 'utf8'))).toMatchObject({ size: '31x32' });
});

const read = (out: string, name: string) => readFileSync(join(out, name));
/** Returns epochs.csv without the last column but one, images per second. */
const epochsOf = (out: string) =>
  read(out, 'epochs.csv')
    .toString()
    .split('\n')
    .map((row) => row.replace(/,[^,]*(,[^,]*)$/, '$1'));

test('train keeps what was learned when it is interrupted, and goes on from there to the same end', async () => {
  const settings = [...small, '--epochs', '4', '--schedule', 'cosine'];
  const whole = join(folder, 'whole');
  expect((await saturnn([...settings, '--out', whole])).code).toBe(0);

  const out = join(folder, 'interrupted');
  const interrupt = { interrupt: /"epoch":2/ };
  const { code, stdout, stderr } = await saturnn([...settings, '--json', '--out', out], interrupt);
  expect(code).toBe(130);
  expect(stderr).toMatch(/^error \[ERR_INTERRUPTED\]: Interrupted after step \d+\n$/);
  const step = Number(/\d+/.exec(stderr)?.[0]);
  expect(stdout).toContain(`{"event":"checkpoint","step":${step},`);
  expect(readdirSync(out).sort()).toEqual(results);

  // A resumed run takes its settings from its folder, also from one that an earlier version has begun.
  const { saturnn: _, trainSet, testSet, ...earlier } = JSON.parse(read(out, 'config.json').toString());
  writeFileSync(join(out, 'config.json'), JSON.stringify(earlier));
  const resumed = await saturnn(['train', '--out', out, '--resume']);
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' });
  expect(resumed.stdout).toContain('epoch 4/4: ');
  for (const name of ['model.safetensors', 'best.safetensors']) {
    expect(read(out, name).equals(read(whole, name)), name).toBe(true);
  }
  expect(epochsOf(out)).toEqual(epochsOf(whole));
  expect(
    read(out, 'report.html')
      .toString()
      .match(/<th scope="row"[^>]*>\d+</g),
  ).toHaveLength(4);

  // An option of the new command lets the run continue beyond its planned end.
  const previous = await saturnn(['train', '--out', out, '--resume', 'previous', '--steps', '14', '--json']);
  expect(previous.code).toBe(0);
  expect(previous.stdout).toContain('"event":"end","steps":14');
});

test('SIGTERM saves as Ctrl-C does, and is the exit code', async () => {
  const out = join(folder, 'terminated');
  const { code } = await saturnn([...small, '--epochs', '1000', '--json', '--out', out], {
    interrupt: /"step":2/,
    signal: 'SIGTERM',
  });
  expect(code).toBe(143);
  expect(readdirSync(out)).toContain('last.checkpoint');
});

test('--resume refuses what it cannot go on with, in one line', async () => {
  const refuse = async (out: string, ...args: string[]) => {
    const { code, stderr } = await saturnn(['train', '--device', 'cpu', '--out', out, ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error \[ERR_[A-Z_]+\]: [^\n]*\n$/);
    return stderr;
  };
  const empty = join(folder, 'empty');
  expect(await refuse(empty, '--resume')).toContain(
    `There is no checkpoint to resume in ${empty}. --resume auto begins a new run`,
  );
  expect((await saturnn(['train', '--resume'])).stderr).toContain('for --out but received nothing');

  const out = join(folder, 'resumable');
  expect((await saturnn([...small, '--steps', '2', '--out', out])).code).toBe(0);
  const config = read(out, 'config.json').toString();
  expect(await refuse(out)).toContain('holds a run with checkpoints: resume it');
  expect(await refuse(out, '--resume', '--batch', '8')).toContain('its settings differ: batch is 16 there and 8 here');
  expect(await refuse(out, '--resume', '--width', '0.2')).toMatch(/another model: (optimizer|parameters)/);
  expect(await refuse(out, '--resume', '--limit', '39')).toContain(
    'another training set: count is 40 there and 39 here',
  );
  expect(await refuse(out, '--resume', '--lr', '0.02')).toContain('settings differ: learningRate');
  for (const [broken, reason] of [
    ['{', 'JSON'],
    ['null', 'null'],
    ['{"given":3}', 'does not say which options'],
    ['{"given":{"--width":"wide"}}', "option '--width <w>' argument 'wide' is invalid"],
    ['{"given":{"--colour":"red"}}', "unknown option '--colour=red'"],
  ] as const) {
    writeFileSync(join(out, 'config.json'), broken);
    const message = await refuse(out, '--resume');
    expect(message).toContain(`Cannot resume with the settings of ${join(out, 'config.json')}: `);
    expect(message).toContain(reason);
  }
  writeFileSync(join(out, 'config.json'), config);
  const bytes = read(out, 'last.checkpoint');
  writeFileSync(join(out, 'last.checkpoint'), bytes.subarray(0, 1000));
  expect(await refuse(out, '--resume')).toContain('last.checkpoint is cut off: expected');
  expect((await saturnn(['train', '--out', out, '--resume', 'auto'])).stderr).toContain('last.checkpoint is cut off');
});

test('a second process does not write into the folder of the first', async () => {
  const out = join(folder, 'two');
  let second: Promise<Outcome> | null = null;
  await saturnn([...small, '--epochs', '1000', '--json', '--out', out], {
    interrupt: /"step":2/,
    before: async () => {
      second = saturnn(['train', '--device', 'cpu', '--out', out]);
      await second;
    },
  });
  const { code, stderr } = await second!;
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`^error \\[ERR_BUSY\\]: Process \\d+ is writing into ${out}\\.\n$`));
});

test('--patience stops when nothing gets better, with the best weights', async () => {
  const out = join(folder, 'patience');
  const settings = ['--epochs', '50', '--patience', '2', '--best', 'loss', '--min-delta', '1', '--out', out];
  const { code, stdout } = await saturnn([...small, ...settings]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/stopped after epoch 3: testLoss, [\d.]+ in epoch 1, has not improved for 2 epochs\n/);
});

test('predict says what a network that was trained makes of images', async () => {
  const out = join(folder, 'predicted');
  const trained = await saturnn([...small, '--steps', '3', '--out', out]);
  const testAccuracy = /test accuracy (\d+\.\d+ %)/.exec(trained.stdout)?.[1];
  const weights = ['--weights', join(out, 'model.safetensors'), '--device', 'cpu', '--limit', '40'];
  const file = join(folder, 'predictions.safetensors');
  const { stdout } = await saturnn(['predict', ...weights, '--out', file]);
  expect(stdout).toBe(`40 images of 32x32, cropped to 28x28 at the centre, accuracy ${testAccuracy}\n`);
  const { tensors } = readSafetensors(file);
  expect(tensors.get('logits')?.shape).toEqual([40, 100]);
  const lines = (await saturnn(['predict', ...weights, '--json'])).stdout.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).label)).toEqual([...(tensors.get('labels')!.data as Int32Array)]);
  const { code, stderr } = await saturnn(['predict', '--weights', join(out, 'last.checkpoint'), '--device', 'cpu']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error \[ERR_DATA\]: .*last.checkpoint cannot be used: .*\n$/);
});

test('train stops with one line where numbers are no longer finite', async () => {
  const out = join(folder, 'overflow');
  const settings = ['--activation', 'relu', '--lr', '1e6', '--epochs', '50', '--out', out];
  const { code, stderr } = await saturnn([...small, ...settings]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error \[ERR_NON_FINITE\]: Training stopped at step \d+: .*lower learning rate may help\.\n$/,
  );
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['curves.svg', 'metrics.jsonl', 'model.safetensors']));
});
