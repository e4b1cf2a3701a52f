/** Checks the package's types for users of ES modules. test/package/published.test.ts compiles this file. */
import * as saturnn from 'saturnn';
import * as experiments from 'saturnn/experiments';

async function train(): Promise<number> {
  const { train, test } = saturnn.generated({ train: 64, test: 64 });
  const model = saturnn.inception33({ width: 0.25, activation: saturnn.leakyTanh(0.25) });
  const trainer = new saturnn.Trainer({ model, train, test, optimizer: new saturnn.AdamW({ clipNorm: 1 }) });
  for await (const event of trainer.fit({ epochs: 1, signal: new AbortController().signal })) {
    if (event.event === 'epoch') return event.trainLoss;
    // @ts-expect-error: only epoch events have a loss of the test set
    event.testLoss;
  }
  const weights: Float32Array | Int32Array | Uint8Array = await trainer.state.read(trainer.state.parameters[0]!);
  return weights.length;
}

// @ts-expect-error: no such activation
saturnn.inception33({ activation: 'swish' });
// @ts-expect-error: images are missing
saturnn.Dataset.from({ labels: [0], shape: [1, 1, 3] });
// @ts-expect-error: no such preset
experiments.table1({ preset: 'large' });
const table: Promise<experiments.Table1> = experiments.table1({ preset: 'smoke' });

async function load(): Promise<readonly string[] | null> {
  const { model, statistics, classNames, card }: saturnn.LoadedModel = await saturnn.loadModel('model.safetensors');
  const state = new saturnn.State(model.parameters, { buffers: model.buffers });
  const predictor: saturnn.Predictor = await saturnn.Predictor.create({ model, state, statistics, ownsState: true });
  const metrics: saturnn.CardMetrics | null = card?.metrics ?? null;
  predictor.dispose();
  // @ts-expect-error: only create() makes one
  new saturnn.Predictor();
  return metrics ? classNames : null;
}

export { load, table, train };
