/** Version of the package: that of package.json (a test compares them), because a bundle may not contain that file. */
export const version = '0.1.0';
/** Description of the package: that of package.json. */
export const description =
  'Train convolutional networks with saturated activations, on the GPU or on the CPU, from Node.js';
