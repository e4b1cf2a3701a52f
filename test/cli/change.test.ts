/** Ways to go on after a learning rate that was too high. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseOnNonFinite } from '../../lib/cli/options/run';
import { readSafetensors } from '../../lib/files/safetensors';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();
const small = ['train', '--device', 'cpu', '--width', '0.05', '--batch', '16', '--limit', '32'];
const lines = (out: string) =>
  readFileSync(join(out, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const configOf = (out: string) => JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
const ok = { code: 0, stderr: '' };

test('--resume --change goes on with another learning rate and clipping, and the run keeps them', async () => {
  const out = join(folder, 'changed');
  expect(await saturnn([...small, '--epochs', '1', '--out', out])).toMatchObject(ok);
  const resume = ['train', '--out', out, '--resume', '--epochs', '2'];
  const rates = ['--lr', '0.001', '--clip-norm', '1'];
  expect((await saturnn([...resume, ...rates])).stderr).toMatch(
    /its settings differ: optimizer\.clipNorm is null there and 1 here\. --resume --change goes on with the new value\n$/,
  );
  expect((await saturnn([...small, '--change', '--out', join(folder, 'none')])).stderr).toContain(
    '--change does not apply without --resume',
  );
  const changed = await saturnn([...resume, ...rates, '--change']);
  expect(changed).toMatchObject(ok);
  expect(changed.stdout).toContain('changed after step 2: optimizer.clipNorm null -> 1, learningRate 0.01 -> 0.001\n');
  expect(configOf(out)).toMatchObject({ lr: 0.001, given: { '--lr': '0.001' }, changes: [{ step: 2 }] });
  expect(lines(out).filter(({ event }) => event === 'changed')).toMatchObject([{ step: 2 }]);
  expect(lines(out).at(-2)).toMatchObject({ event: 'epoch', epoch: 2, learningRate: 0.001 });
  const next = ['train', '--out', out, '--resume', '--epochs', '3'];
  expect(await saturnn(next)).toMatchObject(ok);
  expect(lines(out).filter(({ event }) => event === 'changed')).toHaveLength(1);

  // As if the process had been killed after config.json and before its first checkpoint.
  const config = configOf(out);
  writeFileSync(join(out, 'config.json'), JSON.stringify({ ...config, given: { ...config.given, '--lr': '0.0001' } }));
  expect(await saturnn(['train', '--out', out, '--resume', 'auto', '--epochs', '4'])).toMatchObject(ok);
  expect(lines(out).at(-2)).toMatchObject({ epoch: 4, learningRate: 0.0001 });
  // But what is typed now is refused unless it is asked for.
  expect((await saturnn([...resume, '--lr', '0.5'])).stderr).toContain('--resume --change goes on');
});

test('--weights begins a new training with the weights of another one, and with its model', async () => {
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  expect(await saturnn([...small, '--activation', 'tanh', '--steps', '1', '--out', first])).toMatchObject(ok);
  const weights = ['--weights', join(first, 'model.safetensors')];
  const rest = ['train', '--device', 'cpu', '--batch', '16', '--limit', '32'];
  // At a learning rate of nearly 0 the weights stay as they are.
  const begun = await saturnn([
    ...rest,
    ...weights,
    '--lr',
    '1e-30',
    '--weight-decay',
    '0',
    '--steps',
    '1',
    '--out',
    second,
  ]);
  expect(begun).toMatchObject(ok);
  expect(configOf(second)).toMatchObject({ model: 'inception33', width: 0.05, activation: 'tanh' });
  expect(configOf(second).given).not.toHaveProperty('--width');
  const [a, b] = [first, second].map((out) => readSafetensors(join(out, 'model.safetensors')));
  expect([...b!.tensors]).toEqual([...a!.tensors]);
  expect(await saturnn(['train', '--out', second, '--resume', '--steps', '2'])).toMatchObject(ok);
  const refuse = async (...args: string[]) =>
    (await saturnn([...rest, ...weights, '--steps', '1', '--out', join(folder, 'refused'), ...args])).stderr;
  expect(await refuse('--init', 'lsuv')).toContain('--init does not apply to a training that begins with --weights');
  expect(await refuse('--width', '0.1')).toMatch(
    /^error \[ERR_DATA\]: .*first.* does not have \d+ of the network's \d+ weights: .*expected shape \[/,
  );
});

test('--on-non-finite lower-rate goes back and lowers the rate, as often as it may', async () => {
  const diverging = [...small, '--activation', 'relu', '--lr', '1e6', '--epochs', '2'];
  const out = join(folder, 'lowered');
  const lowered = await saturnn([...diverging, '--on-non-finite', 'lower-rate:1e-9:2', '--out', out]);
  expect(lowered).toMatchObject(ok);
  expect(lowered.stdout).toContain('changed after step 0: rateFactor 1 -> 1e-9\n');
  expect(configOf(out).changes).toMatchObject([
    { step: 0, reason: expect.stringContaining('Training stopped at step') },
  ]);
  expect(lines(out).at(-1)).toMatchObject({ event: 'end', epochs: 2 });

  const limited = join(folder, 'limited');
  const failed = await saturnn([...diverging, '--on-non-finite', 'lower-rate:0.9:2', '--out', limited]);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(
    /^error \[ERR_NON_FINITE\]: .* lowered 2 times before, which is the limit\. To go on .*--resume --change --lr 100000\n$/,
  );
  // The bound is that of the whole run: a resume does not lower the rate again.
  const resumed = await saturnn(['train', '--out', limited, '--resume']);
  expect(resumed.stderr).toContain('lowered 2 times');
  // The command that the message gives is accepted.
  const advised = ['train', '--out', limited, '--resume', '--change', '--lr', '1e-4'];
  expect(await saturnn(advised)).toMatchObject(ok);
});

test('after --change, --on-non-finite goes back to a checkpoint of the settings before', async () => {
  const out = join(folder, 'both');
  expect(await saturnn([...small, '--activation', 'relu', '--epochs', '1', '--out', out])).toMatchObject(ok);
  const resume = ['train', '--out', out, '--resume', '--change', '--lr', '1e6', '--epochs', '4'];
  const lowered = await saturnn([...resume, '--on-non-finite', 'lower-rate:1e-9']);
  expect(lowered).toMatchObject(ok);
  expect(lowered.stdout).toContain('changed after step 2: learningRate 0.01 -> 1000000, rateFactor 1 -> 1e-9\n');
});

test('an overflow in the first step after a checkpoint says that a lower rate cannot help there', async () => {
  const out = join(folder, 'late');
  const diverging = [...small, '--activation', 'relu', '--lr', '1e6', '--epochs', '4', '--checkpoint-steps', '1'];
  expect((await saturnn([...diverging, '--out', out])).stderr).toContain('To go on from the last checkpoint');
  const { stderr } = await saturnn(['train', '--out', out, '--resume', '--change', '--lr', '1e-4']);
  expect(stderr).toMatch(
    /^error \[ERR_NON_FINITE\]: .* The parameters of the checkpoint are too large already: begin a new run with a lower --lr, or/,
  );
  expect(stderr).not.toContain('To go on from');
});

test('--on-non-finite reads its forms and refuses others', () => {
  expect(parseOnNonFinite('stop')).toBeNull();
  expect(parseOnNonFinite('lower-rate')).toEqual({ factor: 0.5, times: 3 });
  expect(parseOnNonFinite('lower-rate:0.1:9')).toEqual({ factor: 0.1, times: 9 });
  for (const wrong of [
    '',
    'lower',
    'lower-rate:1',
    'lower-rate:0',
    'lower-rate:0.5:0',
    'lower-rate:0.5:1.5',
    'lower-rate:0.5:1:1',
  ])
    expect(() => parseOnNonFinite(wrong), wrong).toThrow(/Expected stop or lower-rate/);
});
