// `npm run build:debug`: the native build for a debugger, in out/debug; SATURNN_BINARY=out/debug selects it. Every variable
// and macro is known to gdb, and results are those of a release build to the last bit. Without the CUDA backend unless
// SATURNN_CUDA says otherwise; arguments go to cmake-js, as in `npm run build:native`.
import { join } from 'node:path';
import { buildNative } from './build-native.mjs';
import { root, startIfMain } from './stage.mjs';

await startIfMain(import.meta.url, async (args) => {
  process.env.SATURNN_CUDA ??= 'OFF';
  const status = await buildNative(['--debug', ...args], join(root, 'out', 'debug'));
  if (status === 0)
    console.log('\nSATURNN_BINARY=out/debug selects this build, e.g. SATURNN_BINARY=out/debug npx vitest run test/ops');
  return status;
});
