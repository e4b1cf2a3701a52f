/**
 * `npm run bench -- compare training`: trains ResNet-18 and MobileNetV2 here and with torchvision's networks in PyTorch, on the same images
 * and from the same first weights, and compares the test accuracies. Only the order of the images differs (and what dropout drops), so
 * the accuracies differ as those of two seeds do.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSource } from '../../lib/data/openSource';
import { type ImageSource, imageBytes } from '../../lib/data/source';
import { checkInteger, invalid } from '../../lib/errors';
import { environment } from '../../lib/measure/harness';
import { createModel } from '../../lib/models';
import { defaultsOf } from '../../lib/models/defaults';
import { cosineRate } from '../../lib/optim/schedules';
import { Sgd } from '../../lib/optim/sgd';
import { openDevice } from '../../lib/runtime/device';
import { Trainer } from '../../lib/train/trainer';
import { pytorchProcess } from './pytorch';
import { writeSetUp } from './setup';
import { TimedProcess } from './timedProcess';

/** Options of the comparison. */
export interface CompareTrainingOptions {
  /** Folder of CIFAR-100. Default: the one that `saturnn data get` fills. */
  readonly dataDir?: string;
  /** Networks of torchvision's that are trained. */
  readonly networks: readonly string[];
  /** The first images of the training and the test set. */
  readonly limit: number;
  readonly testLimit: number;
  readonly epochs: number;
  /** Images per step, a divisor of `limit`: a last batch of fewer images would have other statistics here and there. */
  readonly batch: number;
  /** The first learning rate, which falls to 0 along a cosine. */
  readonly lr: number;
  /** Trainings of each network, with seeds 0, 1 and so on. */
  readonly seeds: number;
  /** Threads of each side; default: one per physical core. */
  readonly threads?: number;
}

/** How a training ended. */
export interface TrainingResult {
  /** Mean loss of the last epoch's steps. */
  readonly trainLoss: number;
  /** Accuracy on the test set after the last epoch, 0 to 1. */
  readonly testAccuracy: number;
  readonly seconds: number;
}

/** The trainings of a network with one seed. */
export interface ComparedTraining {
  readonly network: string;
  readonly seed: number;
  readonly saturnn: TrainingResult;
  readonly pytorch: TrainingResult;
}

const weightDecay = 5e-4;
const momentum = 0.9;

/** What pytorch.py needs for a training, beside the set-up of its process. */
interface Order {
  readonly weights: string;
  readonly images: string;
  readonly labels: string;
  readonly testImages: string;
  readonly testLabels: string;
  /** Per channel: (pixel - mean) scale. */
  readonly mean: readonly number[];
  readonly scale: readonly number[];
  /** The learning rate of every step. */
  readonly rates: readonly number[];
  readonly seed: number;
  readonly weightDecay: number;
}

/** Writes the pixels and labels of a source as files, and returns their paths. */
async function writeSource(
  folder: string,
  name: string,
  source: ImageSource,
): Promise<[images: string, labels: string]> {
  const pixels = new Uint8Array(source.count * imageBytes(source));
  await source.read(
    Int32Array.from({ length: source.count }, (_, index) => index),
    pixels,
  );
  const [images, labels] = [join(folder, `${name}.u8`), join(folder, `${name}.i32`)];
  writeFileSync(images, pixels);
  writeFileSync(labels, source.labels);
  return [images, labels];
}

/** Trains a network here. `begin` is called with the Trainer before the first step. */
async function trainHere(
  { train, test }: { readonly train: ImageSource; readonly test: ImageSource },
  network: string,
  seed: number,
  options: CompareTrainingOptions & { readonly threads: number },
  begin: (trainer: Trainer, rates: readonly number[]) => Promise<void>,
): Promise<TrainingResult> {
  const { epochs, batch, lr, threads } = options;
  const schedule = cosineRate({ rate: lr });
  using trainer = new Trainer({
    model: createModel(network, { size: 32, classes: train.classes }),
    ...{ train, test, evaluateEvery: { epochs }, augmentation: [], batch, schedule, seed },
    optimizer: new Sgd({ momentum, weightDecay }),
    device: openDevice('cpu', { threads }),
  });
  const { stepsPerEpoch } = trainer;
  const length = { stepsPerEpoch, totalSteps: epochs * stepsPerEpoch };
  await begin(
    trainer,
    Array.from({ length: length.totalSteps }, (_, step) => schedule.at(step, length)),
  );
  const started = performance.now();
  let [trainLoss, testAccuracy] = [Number.NaN, Number.NaN];
  for await (const event of trainer.fit({ totalEpochs: epochs })) {
    if (event.event === 'epoch') [trainLoss, testAccuracy] = [event.trainLoss, event.testAccuracy ?? Number.NaN];
  }
  return { trainLoss, testAccuracy, seconds: (performance.now() - started) / 1000 };
}

/** Trains a network with one seed here, and then in PyTorch from the same first weights. */
async function compareOne(
  folder: string,
  sets: { readonly train: ImageSource; readonly test: ImageSource },
  { network, seed }: { readonly network: string; readonly seed: number },
  options: CompareTrainingOptions & { readonly threads: number },
): Promise<ComparedTraining> {
  const [images, labels] = await writeSource(folder, 'train', sets.train);
  const [testImages, testLabels] = await writeSource(folder, 'test', sets.test);
  const weights = join(folder, 'weights.f32');
  let order: Order | null = null;
  const saturnn = await trainHere(sets, network, seed, options, async (trainer, rates) => {
    const values = [];
    for (const parameter of trainer.model.parameters) values.push(await trainer.state.read(parameter));
    writeFileSync(
      weights,
      Buffer.concat(values.map((own) => new Uint8Array(own.buffer, own.byteOffset, own.byteLength))),
    );
    const { mean, scale } = await trainer.statistics();
    const normalization = { mean: [...mean], scale: [...scale] };
    order = { weights, images, labels, testImages, testLabels, ...normalization, rates, seed, weightDecay };
  });
  const { activation, dropout } = defaultsOf(network);
  const step = { model: network, width: 1, batch: options.batch, activation, dropout, precision: 'f32' as const };
  const { setup, remove } = writeSetUp(
    { ...step, size: 32, classes: sets.train.classes },
    { threads: options.threads, compile: false },
  );
  try {
    const process = await TimedProcess.start(pytorchProcess(options.threads), setup);
    const pytorch = await process.train(order!).finally(() => process.finish());
    return { network, seed, saturnn, pytorch };
  } finally {
    remove();
  }
}

/**
 * Trains every network with every seed, and tells each result as soon as it is there.
 * @throws ERR_DATA, ERR_INVALID_ARGUMENT; Error if PyTorch is missing or fails
 */
export async function compareTraining(
  options: CompareTrainingOptions,
  tell: (result: ComparedTraining) => void,
): Promise<{ readonly trainings: readonly ComparedTraining[] } & Record<string, unknown>> {
  const { dataDir, limit, testLimit, batch, networks } = options;
  checkInteger('batch', batch, 1, limit);
  if (limit % batch !== 0) throw invalid('batch', `a divisor of the ${limit} images`, batch);
  const threads = options.threads ?? (openDevice('cpu').info.threads as number);
  const sets = await openSource({ data: 'cifar100', dataDir, limit, testLimit });
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-training-'));
  try {
    const trainings: ComparedTraining[] = [];
    for (let seed = 0; seed < options.seeds; seed++) {
      for (const network of networks) {
        trainings.push(await compareOne(folder, sets, { network, seed }, { ...options, threads }));
        tell(trainings.at(-1)!);
      }
    }
    const { dataDir: _, ...settings } = options;
    return { environment: environment(), command: 'compare training', options: { ...settings, threads }, trainings };
  } finally {
    rmSync(folder, { recursive: true });
    await sets.close();
  }
}
