// Adds rows of your own to the paper's Table 1, for an activation and a slope that the paper does not have: node row.js [FOLDER]
// To end soon, this trains for one epoch on few generated images. For real results, use `preset: 'cpu'` or 'paper', and leave out
// `epochs`, `limit` and `testLimit`.
const { table1 } = require('saturnn/experiments');

async function main(out = 'results/own-row') {
  const { rows, report } = await table1({
    preset: 'smoke',
    activations: ['leakyTanh:0.25', 'leakyTanh:0.4', 'elu'],
    epochs: 1,
    limit: 160,
    testLimit: 100,
    out,
  });
  for (const { activation, train, test, paper } of rows) {
    const percent = (value) => (value === null ? '-' : `${(100 * value).toFixed(1)} %`);
    const shares = [train?.mean ?? null, test?.mean ?? null].map(percent);
    console.log(`${activation}: train ${shares[0]}, test ${shares[1]}${paper ? ', also in the paper' : ''}`);
  }
  console.log(report);
}

main(...process.argv.slice(2));
