/** Measures for which share of a training's time the device waits for images that are streamed. */
import { compile } from '../lib/compile/compile';
import { DataLoader } from '../lib/data/loader';
import type { ImageSource } from '../lib/data/source';
import { statisticsOf } from '../lib/data/statistics';
import { paperAugmenter, stateFor } from '../lib/measure/preparedStep';
import { inception33 } from '../lib/models';
import { Sgd } from '../lib/optim/sgd';
import { openDevice } from '../lib/runtime/device';
import { StreamingFeed } from '../lib/train/feed';
import { Runner } from '../lib/train/runner';
import { trainGraph } from '../lib/train/stepGraphs';

/** The result of measureIdle(). */
export interface IdleShare {
  readonly model: string;
  readonly width: number;
  readonly batch: number;
  readonly steps: number;
  readonly imagesPerSecond: number;
  /** Share of the time for which the device waited, of all calls but the first of the epoch, from 0 to 1. */
  readonly waited: number;
}

/** Trains some steps on images that are streamed from a source, with the paper's crops and mirrors. */
export async function measureIdle(source: ImageSource, seconds = 20): Promise<IdleShare> {
  const [width, batch] = [0.25, 32];
  const model = inception33({ width, classes: 10 });
  const device = openDevice('cpu');
  const optimizer = new Sgd();
  const state = stateFor({ model, device, batch, precision: 'f32', optimizer });
  const feed = new StreamingFeed(source, batch);
  const statistics = await statisticsOf(source);
  const augmenter = paperAugmenter(model, [source.count, ...source.shape]);
  const graph = trainGraph(
    { model, state, statistics, images: feed.images, batch, tables: augmenter.names },
    optimizer,
  );
  const plan = await compile(graph, { device });
  const loader = new DataLoader({ labels: source.labels, batch, shuffle: true });
  const runs = new Runner(plan, feed, graph).run({
    ...{ epoch: loader.epoch(0), first: 0, last: loader.steps },
    inputsOf: (_, { steps }) => ({ learningRate: new Float32Array(steps).fill(1e-4) }),
    inputsAhead: (batches) => ({ ...augmenter.tables(0, batches) }),
  });
  let [steps, waited, milliseconds, isFirst] = [0, 0, 0, true];
  for await (const run of runs) {
    if (!isFirst) {
      steps += run.result.steps;
      waited += run.waited;
      milliseconds += run.milliseconds;
    }
    isFirst = false;
    if (milliseconds > 1000 * seconds) break;
  }
  plan.dispose();
  state.dispose();
  const imagesPerSecond = (1000 * steps * batch) / milliseconds;
  return { model: model.name, width, batch, steps, imagesPerSecond, waited: waited / milliseconds };
}
