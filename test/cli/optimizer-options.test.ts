/** Options for optimizers and schedules: the objects that they make, and errors, which name the option in one line. */
import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  addOptimizerOptions,
  learningRateFrom,
  type OptimizerOptions,
  optimizerFrom,
  scheduleFrom,
} from '../../lib/cli/options/optimizer';
import { inception33 } from '../../lib/models';
import { Adam } from '../../lib/optim/adam';
import { AdamW } from '../../lib/optim/adamW';
import { Lars } from '../../lib/optim/lars';
import { Sgd } from '../../lib/optim/sgd';

function parse(...words: string[]): OptimizerOptions {
  const command = addOptimizerOptions(new Command('train').exitOverride().configureOutput({ writeErr: () => {} }));
  return command.parse(words, { from: 'user' }).opts<OptimizerOptions>();
}

const model = inception33({ width: 0.1 });
const length = { stepsPerEpoch: 10, totalSteps: 100 };

test('without any: SGD with momentum, at a constant rate', () => {
  const options = parse();
  expect(optimizerFrom(options, model)).toEqual(new Sgd());
  expect(scheduleFrom(options)).toMatchObject({ name: 'constant' });
  expect(scheduleFrom(options).at(50, length)).toBe(0.01);
  expect(options.labelSmoothing).toBe(0);
});

test.each([
  ['sgd --momentum 0.8 --weight-decay 0', new Sgd({ momentum: 0.8, weightDecay: 0 }), 0.01],
  ['nesterov --weight-decay 5e-4', new Sgd({ nesterov: true, weightDecay: 5e-4 }), 0.01],
  ['adam --clip-norm 1', new Adam({ clipNorm: 1 }), 0.001],
  ['adamw --weight-decay 0.05 --ema 0.999', new AdamW({ weightDecay: 0.05, ema: { decay: 0.999 } }), 0.001],
  ['lars --momentum 0.95', new Lars({ momentum: 0.95 }), 1],
])('--optimizer %s', (words, want, rate) => {
  const options = parse('--optimizer', ...words.split(' '));
  expect(optimizerFrom(options, model)).toEqual(want);
  expect(learningRateFrom(options)).toBe(rate);
});

test('--lr, --schedule and --warmup make one schedule', () => {
  const schedule = scheduleFrom(parse('--lr', '1', '--schedule', 'step:3,7:0.5', '--warmup', '1'));
  expect(schedule.name).toBe('step');
  expect([0, 9, 29, 30, 70].map((step) => schedule.at(step, length))).toEqual([0.1, 1, 1, 0.5, 0.25]);
  expect(scheduleFrom(parse('--warmup', '2steps', '--lr', '1')).at(0, length)).toBe(0.5);
});

test('--label-smoothing', () => expect(parse('--label-smoothing', '0.1').labelSmoothing).toBe(0.1));

describe('refused', () => {
  test.each([
    ['--optimizer', 'rmsprop'],
    ['--lr', 'NaN'],
    ['--lr', '-1'],
    ['--lr', 'Infinity'],
    ['--momentum', '1'],
    ['--weight-decay', '-1'],
    ['--schedule', 'cosin'],
    ['--schedule', 'step:5,3'],
    ['--warmup', '0'],
    ['--warmup', '5epochs'],
    ['--clip-norm', '0'],
    ['--label-smoothing', '1'],
    ['--ema', '1'],
  ])('%s %s', (option, value) => {
    const refused = expect.objectContaining({ message: expect.stringContaining(option) });
    expect(() => parse(option, value)).toThrow(CommanderError);
    expect(() => parse(option, value)).toThrow(refused);
  });

  test('a momentum of Adam, and a minimum above the learning rate', () => {
    const invalid = (message: RegExp) =>
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) });
    const momentum = parse('--optimizer', 'adam', '--momentum', '0.9');
    expect(() => optimizerFrom(momentum, model)).toThrow(
      invalid(/^--momentum does not apply to --optimizer adam \(received 0\.9\)$/),
    );
    expect(() => scheduleFrom(parse('--schedule', 'cosine:0.1', '--lr', '0.01'))).toThrow(invalid(/minimum.*0\.1/));
  });
});
