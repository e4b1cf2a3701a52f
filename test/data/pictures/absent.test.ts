/** A program whose node_modules has no sharp, or one that does not load. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const program = `
  const Module = require('node:module');
  const { _load: load } = Module;
  const [, dist, message, code] = process.argv;
  Module._load = function (name, ...rest) {
    if (name === 'sharp') throw Object.assign(new Error(message), code && { code });
    return load.call(this, name, ...rest);
  };
  const { decodePicture } = require(dist);
  decodePicture(new Uint8Array(9), { size: 8 }).catch(({ code, message }) => console.log(code, message));
`;
const dist = join(__dirname, '..', '..', '..', 'dist');
const run = (...args: string[]) => execFileSync(process.execPath, ['-e', program, dist, ...args], { encoding: 'utf8' });

test('a picture without sharp: ERR_PACKAGE with the command that installs it', () => {
  expect(run("Cannot find module 'sharp'", 'MODULE_NOT_FOUND')).toBe(
    'ERR_PACKAGE Pictures are decoded by the package sharp, which is not installed. ' +
      'Remedy: `npm install sharp` where the program runs.\n',
  );
  expect(run('Could not load the "sharp" module.\nMore lines.')).toMatch(
    /^ERR_PACKAGE .* sharp, which does not load \(Could not load the "sharp" module\)\. Remedy: `npm install sharp`/,
  );
});
