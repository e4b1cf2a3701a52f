// Stops a training by a signal and continues it from a checkpoint: node abort.mjs
// The weights at the end are the same, bit for bit, as those of a training that was never stopped.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generated, scaledSigmoid, subInception, Trainer } from 'saturnn';

const { train, test } = generated({ train: 160, test: 50, classes: 10 });
const makeTrainer = () =>
  new Trainer({
    model: subInception({ width: 0.1, classes: 10, activation: scaledSigmoid() }),
    train,
    test,
    batch: 32,
    seed: 1,
  });
const checksum = async ({ state }) => {
  const values = await Promise.all(state.parameters.map((parameter) => state.read(parameter)));
  return values.flatMap((array) => [...array]).reduce((sum, value) => sum + value, 0);
};

const folder = mkdtempSync(join(tmpdir(), 'saturnn-example-'));
const checkpoint = join(folder, 'last.checkpoint');

// A signal ends the loop when the running native call returns, after about a second. Here it comes with the first event.
const first = makeTrainer();
const controller = new AbortController();
try {
  for await (const event of first.fit({ epochs: 2, signal: controller.signal })) {
    if (event.event === 'step') controller.abort(new Error('enough for today'));
  }
} catch (error) {
  console.log(`stopped at step ${first.step}: ${error.message}`);
}
await first.save(checkpoint);
first.dispose();

const second = makeTrainer();
await second.restore(checkpoint);
for await (const event of second.fit({ totalEpochs: 2 })) {
  if (event.event === 'epoch') console.log(`epoch ${event.epoch}: loss ${event.trainLoss.toFixed(3)}`);
}

const unbroken = makeTrainer();
for await (const _ of unbroken.fit({ epochs: 2 }));
console.log(`same weights as without the break: ${(await checksum(second)) === (await checksum(unbroken))}`);
second.dispose();
unbroken.dispose();
rmSync(folder, { recursive: true });
