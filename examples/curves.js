// Draws the learning curves of two activations, as SVG and as one HTML page that opens in any browser: node curves.js [FOLDER]
const { Trainer, generated, leakyTanh, subInception, tanh, writeReport } = require('saturnn');

async function learn(name, activation, { train, test }) {
  const trainer = new Trainer({ model: subInception({ width: 0.1, classes: 10, activation }), train, test, batch: 32 });
  const epochs = [];
  for await (const event of trainer.fit({ epochs: 4 })) if (event.event === 'epoch') epochs.push(event);
  trainer.dispose();
  return { name, epochs };
}

async function main(folder = 'runs/curves') {
  const data = generated({ train: 160, test: 50, classes: 10 });
  const runs = [await learn('tanh', tanh(), data), await learn('leaky tanh', leakyTanh(0.25), data)];
  const line = ({ name, epochs }, key, colour, dashed) => ({
    name,
    colour,
    dashed,
    points: epochs.map((event) => [event.epoch, 100 * event[key]]),
  });
  const { report, figures } = writeReport(folder, {
    title: 'tanh and leaky tanh',
    lead: 'subInception at a tenth of its width, on generated data.',
    tables: [
      {
        title: 'After the last epoch',
        heads: ['activation', 'train loss', 'test accuracy'],
        rows: runs.map(({ name, epochs }) => {
          const { trainLoss, testAccuracy } = epochs.at(-1);
          return [name, trainLoss.toFixed(3), `${(100 * testAccuracy).toFixed(1)} %`];
        }),
      },
    ],
    charts: [
      {
        id: 'accuracy',
        title: 'Accuracy',
        x: { label: 'epoch' },
        y: { label: 'accuracy, %', min: 0 },
        series: runs.flatMap((run, i) => [
          line({ ...run, name: `${run.name}, train` }, 'trainAccuracy', i, true),
          line({ ...run, name: `${run.name}, test` }, 'testAccuracy', i, false),
        ]),
      },
    ],
    settings: { epochs: 4, batch: 32 },
  });
  console.log([report, ...figures].join('\n'));
}

main(...process.argv.slice(2));
