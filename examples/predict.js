// Prints the five classes that a trained network finds most probable for one picture: node predict.js WEIGHTS PICTURE.ppm
// WEIGHTS is the file that train.js or `npx saturnn train` (best.safetensors) writes. To make a PPM of the right size from any
// picture: `convert cat.jpg -resize '32x32!' cat.ppm`.
const { loadPredictor, openDevice } = require('saturnn');
const { readFileSync } = require('node:fs');

/** Reads a binary PPM file (P6): a header with three numbers (width, height, largest value), then one byte per colour. */
function readPpm(path) {
  const file = readFileSync(path);
  const header = /^P6\s+(?:#.*\n)*(\d+)\s+(\d+)\s+255\s/.exec(file.toString('latin1', 0, 200));
  if (!header) throw new Error(`${path} is no binary PPM file with 255 as its largest value`);
  const [width, height] = header.slice(1).map(Number);
  return { shape: [height, width, 3], pixels: new Uint8Array(file.subarray(header[0].length)) };
}

async function main(weights, picture) {
  const { shape, pixels } = readPpm(picture);
  const device = openDevice();
  const predictor = await loadPredictor(weights, { shape, batch: 1, device });
  const { probabilities } = await predictor.predict(pixels);
  const best = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, 5);
  for (const label of best) console.log(`class ${label}: ${(100 * probabilities[label]).toFixed(1)} %`);
  predictor.dispose();
}

main(...process.argv.slice(2));
