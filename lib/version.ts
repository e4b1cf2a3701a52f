/** What package.json says too (tested), for where a bundler has left that file behind. */
export const version = '0.1.0';
export const description =
  'Train convolutional networks with saturated activations, on the GPU or on the CPU, from Node.js';
