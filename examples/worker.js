// Trains in a worker thread, while the main thread does other work: node worker.js
// Training steps run on a native thread even without a worker. A worker also keeps the work between steps, such as reading a
// large data set, off the main thread.
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

async function train({ activation, epochs }) {
  const { Trainer, generated, parseActivation, subInception } = require('saturnn');
  const { train, test } = generated({ train: 160, test: 50, classes: 10 });
  const model = subInception({ width: 0.1, classes: 10, activation: parseActivation(activation) });
  const trainer = new Trainer({ model, train, test, batch: 32 });
  for await (const event of trainer.fit({ epochs })) parentPort.postMessage(event);
  trainer.dispose();
}

function main() {
  let answered = 0;
  // Stands for the main thread's own work.
  const timer = setInterval(() => answered++, 5);
  const worker = new Worker(__filename, { workerData: { activation: 'leakyTanh:0.25', epochs: 2 } });
  worker.on('message', ({ event, epoch, trainLoss }) => {
    if (event === 'epoch') console.log(`epoch ${epoch}: loss ${trainLoss.toFixed(3)}`);
  });
  worker.on('error', (error) => {
    throw error;
  });
  worker.on('exit', () => {
    clearInterval(timer);
    console.log(`the main thread was free ${answered} times`);
  });
}

if (isMainThread) main();
else train(workerData);
