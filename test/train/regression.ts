import type { Dataset } from '../../lib/data/dataset';
import { Philox } from '../../lib/random';

/** Converts pixels to numbers: subtracts the mean and divides by the deviation of each channel of the training set. */
function standardise({ images }: Dataset, { mean, deviation }: ReturnType<Dataset['statistics']>): Float32Array {
  return Float32Array.from(images, (value, i) => (value - mean[i % 3]!) / deviation[i % 3]!);
}

/**
 * Fits a multinomial logistic regression on pixels by gradient descent on single images with a falling rate. It measures
 * how well a linear model can learn a data set, independently of the library's kernels.
 */
export function softmaxRegression(
  train: Dataset,
  test: Dataset,
  { epochs, rate = 1e-3 }: { epochs: number; rate?: number },
) {
  const size = train.images.length / train.count;
  const { classes } = train;
  const statistics = train.statistics();
  const images = standardise(train, statistics);
  const weights = new Float32Array(classes * size);
  const biases = new Float32Array(classes);
  const scores = new Float64Array(classes);

  const score = (all: Float32Array, index: number) => {
    const image = all.subarray(index * size, (index + 1) * size);
    for (let k = 0; k < classes; k++) {
      // Four sums at a time, because additions to a single sum would have to wait for each other.
      let [a, b, c, d] = [0, 0, 0, 0];
      const row = k * size;
      for (let i = 0; i < size; i += 4) {
        a += weights[row + i]! * image[i]!;
        b += weights[row + i + 1]! * image[i + 1]!;
        c += weights[row + i + 2]! * image[i + 2]!;
        d += weights[row + i + 3]! * image[i + 3]!;
      }
      scores[k] = biases[k]! + a + b + c + d;
    }
    return image;
  };
  const accuracy = (data: Dataset, all: Float32Array) => {
    let correct = 0;
    data.labels.forEach((label, index) => {
      score(all, index);
      if (scores.indexOf(Math.max(...scores)) === label) correct++;
    });
    return correct / data.count;
  };

  for (let epoch = 0; epoch < epochs; epoch++) {
    const step = rate * (1 - epoch / epochs);
    for (const index of new Philox(1, epoch).permutation(train.count)) {
      const image = score(images, index);
      const largest = Math.max(...scores);
      const total = scores.reduce((sum, x) => sum + Math.exp(x - largest), 0);
      for (let k = 0; k < classes; k++) {
        const gradient = Math.exp(scores[k]! - largest) / total - (k === train.labels[index] ? 1 : 0);
        // Skips classes whose gradient is almost 0 (most are), because their rows would hardly change.
        if (Math.abs(gradient) < 1e-4) continue;
        const row = weights.subarray(k * size, (k + 1) * size);
        const change = step * gradient;
        for (let i = 0; i < size; i++) row[i]! -= change * image[i]!;
        biases[k]! -= change;
      }
    }
  }
  return { trainAccuracy: accuracy(train, images), testAccuracy: accuracy(test, standardise(test, statistics)) };
}
