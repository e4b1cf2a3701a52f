/** The command's options: each flag is declared once, and defaults and ranges in --help are those of the library. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { DeclaredOption, declarations, declare, limitsText } from '../../lib/cli/options/declare';
import { program } from '../../lib/cli/program';
import { Dataset } from '../../lib/data/dataset';
import { openSource } from '../../lib/data/openSource';
import { decodePicture } from '../../lib/data/pictures/decode';
import { imageFolder } from '../../lib/data/pictures/imageFolder';
import { pictureSetFields } from '../../lib/data/pictures/openSet';
import { checkStatisticsOptions, factorField } from '../../lib/data/statistics';
import { evaluatePredictions } from '../../lib/evaluation/evaluatePredictions';
import { equivalence, equivalenceFields } from '../../lib/experiments/equivalence/equivalence';
import { predictChain, predictedChainFields } from '../../lib/experiments/prediction/chain';
import { overridesFields, resolveSettings, trainingRateField } from '../../lib/experiments/table1/settings';
import { table1, table1Fields } from '../../lib/experiments/table1/table1';
import { chainFields, varianceChain } from '../../lib/experiments/variance/chain';
import { variance, varianceFields } from '../../lib/experiments/variance/variance';
import { createModel, inception33 } from '../../lib/models';
import { modelFields } from '../../lib/models/model';
import { formatActivation } from '../../lib/ops/activation';
import { tanh } from '../../lib/ops/activations';
import { Adam } from '../../lib/optim/adam';
import { AdamW } from '../../lib/optim/adamW';
import { decayField } from '../../lib/optim/flatOptimizer';
import { Lars } from '../../lib/optim/lars';
import { constantRate, rateField } from '../../lib/optim/schedule';
import { Sgd, sgdFields } from '../../lib/optim/sgd';
import { openDevice, threadsField } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { Checkpoints, checkpointsFields } from '../../lib/train/callbacks/checkpoints';
import { EarlyStopping, earlyStoppingFields } from '../../lib/train/callbacks/earlyStopping';
import { evaluateFields } from '../../lib/train/evaluation/options';
import { fitOptions } from '../../lib/train/fit';
import { predictFiles, predictFilesFields } from '../../lib/train/predict/files';
import { resolveTrainerOptions, trainerFields } from '../../lib/train/trainerOptions';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];
const commands = program().commands.flatMap(allOf);
const declared = commands.flatMap((command) =>
  command.options.map((option) => ({ command: command.name(), option: option as DeclaredOption, flag: option.long! })),
);
const find = (command: string, flag: string): DeclaredOption =>
  declared.find((one) => one.command === command && one.flag === flag)!.option;

describe('each flag', () => {
  it('has one declaration, which every command with it uses', () => {
    expect(declared.length).toBeGreaterThan(150);
    for (const { command, flag, option } of declared) {
      expect(option, `${command} ${flag}`).toBeInstanceOf(DeclaredOption);
      expect(option.declaration, `${command} ${flag}`).toBe(declarations.get(flag));
      expect(option.description.startsWith(option.declaration.help), `${command} ${flag}`).toBe(true);
    }
  });

  it('has its default and its choices once in --help', () => {
    for (const command of commands) {
      const help = command.createHelp();
      const texts = command.options.map((option) => `${option.flags} ${help.optionDescription(option)}`);
      for (const text of [...texts, ...command.registeredArguments.map((one) => help.argumentDescription(one))])
        for (const word of ['default:', 'choices:']) expect(text.split(word).length, text).toBeLessThan(3);
    }
  });

  it('cannot be declared again', () => {
    expect(() => declare({ flags: '--width <x>', help: 'another' })).toThrow('--width is declared twice');
  });

  it('is declared by declare() and by nothing else', () => {
    const root = join(__dirname, '..', '..', 'lib', 'cli');
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const others = files.filter((file) =>
      /\.(requiredO|o)ption\(|new Option\(/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(others).toEqual([]);
  });
});

/** A set whose images fit the models below. */
const images = (count: number) =>
  Dataset.from({
    images: new Uint8Array(count * 28 * 28 * 3),
    labels: Array.from({ length: count }, (_, index) => index % 2),
    shape: [28, 28, 3],
    classes: 2,
  });
const model = inception33({ width: 0.1, classes: 2 });
const trainer = (options: object) =>
  resolveTrainerOptions({ model, train: images(200), test: images(2), device: 'cpu', ...options });
const defaultOf = (command: string, flag: string): unknown => find(command, flag).defaultValue;
/** The default that --help shows where commander is not told of a value. */
const shownDefault = (command: string, flag: string): string | undefined =>
  /\(default: (.*)\)$/.exec(find(command, flag).description)?.[1];

describe('the defaults are the library’s', () => {
  it('for models', () => {
    const made = createModel(defaultOf('train', '--model') as string);
    expect(defaultOf('train', '--width')).toBe(made.width);
    expect(shownDefault('train', '--activation')).toBe(
      `${formatActivation(made.activation)}; lenet: tanh; cifarResnet, resnet18: relu; mobilenetV2: relu6`,
    );
    expect(shownDefault('train', '--dropout')).toBe('0; mobilenetV2: 0.2');
    expect(shownDefault('train', '--size')).toBe(
      `for images of 32x32: ${made.inputShape[0]}; inceptionBn, resnet18, mobilenetV2: 224; cifarResnet: 32; for others, and for pictures, their own size`,
    );
    expect(shownDefault('train', '--normalization')).toBe(
      `${made.normalization}; inceptionBn, cifarResnet, resnet18, mobilenetV2: batch`,
    );
    const own = ['lenet', 'cifarResnet20', 'resnet18', 'mobilenetV2'].map((name) => createModel(name, { width: 0.1 }));
    expect(own.map(({ activation }) => formatActivation(activation))).toEqual(['tanh', 'relu', 'relu', 'relu6']);
    expect(own.map(({ inputShape }) => inputShape[0])).toEqual([28, 32, 224, 224]);
    expect(own.map(({ normalization }) => normalization)).toEqual(['none', 'batch', 'batch', 'batch']);
  });

  it('for training', () => {
    const resolved = trainer({});
    expect(resolved).toMatchObject({
      data: defaultOf('train', '--data-mode'),
      seed: defaultOf('train', '--seed'),
      precision: defaultOf('train', '--precision'),
      labelSmoothing: defaultOf('train', '--label-smoothing'),
      accumulate: defaultOf('train', '--accumulate'),
      deterministic: true,
      autotune: true,
    });
    for (const command of ['train', 'estimate', 'trace'])
      expect(shownDefault(command, '--batch')).toBe(`${resolved.batch} on the CPU, 128 on a GPU`);
    expect(shownDefault('train', '--lr')).toBe(`${resolved.learningRate}; adam, adamw: 0.001; lars: 1`);
    expect(new Checkpoints({ folder, everyEpochs: defaultOf('train', '--checkpoint-epochs') as number })).toEqual(
      new Checkpoints({ folder }),
    );
  });

  it('for optimizers', () => {
    const [sgd, adam, adamW, lars] = [new Sgd(), new Adam(), new AdamW(), new Lars()];
    expect(shownDefault('train', '--momentum')).toBe(`${sgd.momentum}`);
    expect(lars.momentum).toBe(sgd.momentum);
    expect(shownDefault('train', '--weight-decay')).toBe(
      `${sgd.weightDecay}; adam: ${adam.weightDecay}; adamw: ${adamW.weightDecay}`,
    );
    expect(lars.weightDecay).toBe(sgd.weightDecay);
  });

  it('for data', async () => {
    const { per, scale } = checkStatisticsOptions({});
    expect([defaultOf('train', '--mean'), defaultOf('train', '--scale')]).toEqual([per, scale]);
    const { train } = await openSource({ data: defaultOf('train', '--data') as string, limit: 2 });
    expect(train.count).toBe(2);
    // A record of CIFAR-100: the coarse label, the fine one, pixels.
    const record = Uint8Array.of(7, 70, ...new Uint8Array(3072));
    const { labels } = Dataset.fromRecords(record, { layout: 'cifar100' });
    expect({ coarse: 7, fine: 70 }[shownDefault('train', '--labels') as 'fine']).toBe(labels[0]);
  });

  it('for devices', () => {
    expect(openDevice(defaultOf('train', '--device') as string)).toBe(openDevice());
  });

  it('for equivalence', async () => {
    const given = {
      model: defaultOf('equivalence', '--model') as 'small',
      size: defaultOf('equivalence', '--size') as number,
      batch: defaultOf('equivalence', '--batch') as number,
      learningRate: defaultOf('equivalence', '--lr') as number,
      momentum: defaultOf('equivalence', '--momentum') as number,
      weightDecay: defaultOf('equivalence', '--weight-decay') as number,
      seed: defaultOf('equivalence', '--seed') as number,
      precision: defaultOf('equivalence', '--precision') as 'f32',
    };
    const common = { device: 'cpu', steps: 1, padding: true };
    const [first, second] = [await equivalence(common), await equivalence({ ...common, ...given })];
    expect(second.settings).toEqual(first.settings);
    expect(first.settings.seed).toBe(0);
  });
});

/** A network that is never asked. */
const network = { classes: 2, classNames: null, predict: () => Promise.reject(new Error('asked')) };

/** Calls the library with a value of the option; errors about anything else do not count. By "command flag", or flag. */
const library: Readonly<Record<string, (value: number) => unknown>> = {
  '--scale': (scale) => checkStatisticsOptions({ scale }),
  '--width': (width) => inception33({ width }),
  '--dropout': (dropout) => inception33({ width: 0.1, dropout }),
  '--size': (size) => inception33({ width: 0.1, size }),
  '--channels': (channels) => inception33({ width: 0.1, channels }),
  '--stored-size': (size) => decodePicture(new Uint8Array(0), { size }),
  '--top': (top) => predictFiles(network, { shape: [4, 4, 3], decoding: null, batch: 1 }, folder, { top }),
  '--mistakes': (mistakes) => evaluatePredictions({ probabilities: Float32Array.of(1, 0), labels: [0], mistakes }),
  '--test-share': (testShare) => imageFolder(folder, { testShare }),
  '--test-seed': (testSeed) => imageFolder(folder, { testSeed }),
  '--batch': (batch) => trainer({ batch }),
  '--accumulate': (accumulate) => trainer({ accumulate, batch: accumulate }),
  // The number is checked for every device; a GPU that is not there makes no threads.
  '--threads': (threads) => openDevice('cuda:999', { threads }),
  '--seed': (seed) => new State([...model.parameters], { seed }),
  '--lr': (rate) => constantRate(rate),
  '--momentum': (momentum) => [new Sgd({ momentum }), new Lars({ momentum })],
  '--weight-decay': (weightDecay) => [new Sgd({ weightDecay }), new AdamW({ weightDecay })],
  '--label-smoothing': (labelSmoothing) => trainer({ labelSmoothing }),
  '--ema': (decay) => new Sgd({ ema: { decay } }),
  '--checkpoint-minutes': (everyMinutes) => new Checkpoints({ folder, everyMinutes }),
  '--checkpoint-epochs': (everyEpochs) => new Checkpoints({ folder, everyEpochs }),
  '--checkpoint-steps': (everySteps) => new Checkpoints({ folder, everySteps }),
  '--patience': (patience) => new EarlyStopping({ patience }),
  '--min-delta': (minDelta) => new EarlyStopping({ minDelta }),
  '--clip-norm': (clipNorm) => new Sgd({ clipNorm }),
  '--epochs': (totalEpochs) => fitOptions.check({ totalEpochs }),
  '--steps': (totalSteps) => fitOptions.check({ totalSteps }),
  '--limit': (limit) => resolveSettings('smoke', { limit }),
  '--test-limit': (testLimit) => resolveSettings('smoke', { testLimit }),
  // Without activations nothing is trained.
  '--minutes': (minutes) => table1({ preset: 'smoke', minutes, activations: [] }),
  '--seeds': (seeds) => resolveSettings('smoke', { seeds }),
  '--classes': (classes) => resolveSettings('smoke', { classes }),
  'table1 --lr': (learningRate) => table1({ preset: 'smoke', learningRate, activations: [] }),
  'sweep --lr': (learningRate) => table1({ preset: 'smoke', learningRate, activations: [] }),
  'table1 --epochs': (epochs) => resolveSettings('smoke', { epochs }),
  'sweep --epochs': (epochs) => resolveSettings('smoke', { epochs }),
  // Ended by the precision, which is checked after the numbers.
  'equivalence --steps': (steps) => equivalence({ steps, precision: 'fp16' }),
  'equivalence --batch': (batch) => equivalence({ batch, precision: 'fp16' }),
  'equivalence --size': (size) => equivalence({ size, precision: 'fp16' }),
  'equivalence --lr': (learningRate) => equivalence({ learningRate, precision: 'fp16' }),
  'equivalence --momentum': (momentum) => equivalence({ momentum, precision: 'fp16' }),
  'equivalence --weight-decay': (weightDecay) => equivalence({ weightDecay, precision: 'fp16' }),
  'equivalence --seed': (seed) => equivalence({ seed, precision: 'fp16' }),
  // Ended by the device, which is opened after the numbers are checked.
  'variance --batch': (batch) => varianceChain({ activations: [tanh()], batch, device: 'none' }),
  'variance --layers': (layers) => varianceChain({ activations: [tanh()], layers, device: 'none' }),
  'variance --input-deviation': (inputDeviation) =>
    varianceChain({ activations: [tanh()], inputDeviation, device: 'none' }),
  'variance --magnitude': (magnitude) => predictChain({ activation: tanh(), layers: 1, magnitude }),
  'variance --steps': (steps) =>
    variance({ activations: [tanh()], steps, model: () => model, train: images(4), batch: 2, device: 'none' }),
  'variance --draws': (draws) =>
    variance({ activations: [tanh()], draws, model: () => model, train: images(4), batch: 2, device: 'none' }),
  'variance --lr': (learningRate) =>
    variance({ activations: [tanh()], learningRate, model: () => model, train: images(4), batch: 2, device: 'none' }),
};

/** Whether reader and library take a value. A refusal is an error that says what numbers are expected. */
async function isTaken(option: DeclaredOption, call: (value: number) => unknown, value: number): Promise<boolean> {
  try {
    const read = option.parseArg!(String(value), undefined) as unknown;
    await call((Array.isArray(read) ? read[0] : read) as number);
  } catch (error) {
    const { message } = error as Error;
    return !/^Expected .*(number|integer|below 1)/.test(message);
  }
  return true;
}

describe('the range in --help', () => {
  const ranged = declared.filter(({ option }) => option.limits);

  it('is there for every option that reads a number, but for those that the library does not have', () => {
    const isNumber = (option: DeclaredOption) => {
      try {
        return typeof option.parseArg?.('1', undefined) === 'number';
      } catch {
        return false;
      }
    };
    const others = declared.filter(({ option }) => isNumber(option) && !option.limits).map(({ flag }) => flag);
    expect([...new Set(others)].sort()).toEqual(['--jobs', '--rounds']);
    expect(ranged.length).toBeGreaterThan(90);
  });

  it('is that of a field with which the library checks its own options', () => {
    const schemas = [
      ...[
        trainerFields,
        fitOptions.fields,
        modelFields,
        pictureSetFields,
        predictFilesFields,
        evaluateFields,
        sgdFields,
        checkpointsFields,
        earlyStoppingFields,
      ],
      ...[overridesFields, table1Fields, equivalenceFields, varianceFields, chainFields, predictedChainFields],
    ];
    const parts = [rateField, trainingRateField, decayField, factorField, threadsField];
    const known: readonly unknown[] = [...schemas.flatMap((fields) => Object.values(fields)), ...parts];
    for (const { command, flag, option } of ranged) {
      expect(known, `${command} ${flag}`).toContain(option.field);
      const { open: _, ...library } = option.field!.limits!;
      expect(option.limits, `${command} ${flag}`).toMatchObject(library);
    }
  });

  it.each(ranged.map((one) => [one.command, one.flag, one.option] as const))(
    'of %s %s is what the library takes',
    async (command, flag, option) => {
      const call = library[`${command} ${flag}`] ?? library[flag];
      expect(call, 'how the library is asked').toBeTypeOf('function');
      const { least, most, open } = option.limits!;
      expect(option.description).toContain(`(${limitsText(option.limits!)})`);
      const isInteger = await isTaken(option, () => 0, (most ?? least) - 0.5).then((taken) => !taken);
      const step = isInteger ? 1 : 1e-6;
      const taken = [open === 'least' ? least + step : least];
      const refused = [open === 'least' ? least : least - (isInteger ? 1 : Math.max(least, 1) * 1e-3)];
      if (least > 0 && !isInteger) refused[0] = least / 2;
      if (most !== undefined) {
        taken.push(open === 'most' ? most - step : most);
        refused.push(open === 'most' ? most : most + (isInteger ? 1 : most * 1e-3));
      }
      for (const value of taken) expect(await isTaken(option, call!, value), `${value}`).toBe(true);
      for (const value of refused) expect(await isTaken(option, call!, value), `${value}`).toBe(false);
    },
  );
});
