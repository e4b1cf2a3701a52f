// Trainings beside each other, for ThreadSanitizer (scripts/sanitize.mjs): two in the main thread on devices of their own, with two
// and three OpenMP threads, and one in a worker that is terminated in a step; the State is read and memory is counted meanwhile.
// Uses the compiled package: `npm run build:ts`.
const { once } = require('node:events');
const { Worker } = require('node:worker_threads');
const { memoryStats, openDevice, Trainer } = require('../../dist/index.js');
const { smallData, smallModel } = require('./fixtures/small.cjs');

async function train(threads, steps) {
  const device = openDevice('cpu', { threads });
  const trainer = new Trainer({ model: smallModel(), ...smallData(), device, batch: 8, learningRate: 0.01 });
  const [parameter] = trainer.state.parameters;
  let last;
  for (let step = 0; step < steps; step += 4) {
    // The first steps put the State on the trainer's device; a read before them would put it on the default one.
    const reading = step === 0 ? [] : trainer.state.read(parameter);
    for await (const event of trainer.fit({ steps: 4 })) last = event;
    memoryStats();
    const values = await reading;
    if (values.some(Number.isNaN)) throw new Error(`${parameter.name} is not a number after ${step} steps`);
  }
  await trainer.evaluate('test');
  trainer.dispose();
  device.dispose();
  return last.event;
}

async function interrupted(rounds) {
  for (let i = 0; i < rounds; i++) {
    const worker = new Worker(require.resolve('./fixtures/leak-worker.cjs'));
    await once(worker, 'message');
    await worker.terminate();
  }
}

async function main() {
  const ended = await Promise.all([train(2, 24), train(3, 24), interrupted(2)]);
  global.gc?.();
  console.log(`2 trainings ended with ${ended[0]} and ${ended[1]}; 2 workers were terminated`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
