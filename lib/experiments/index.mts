// The ESM entry: the same instance of the CommonJS implementation, under its named exports.
export * from './index.js';
