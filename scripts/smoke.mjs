// `npm run smoke`: checks that a build works, as shortly as possible: loads the addon, opens the CPU backend and prints the
// backend's description of itself.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { addon, libraryOf } from './native-files.mjs';
import { root } from './stage.mjs';

const saturnn = createRequire(import.meta.url)(join(root, 'out', addon));
const options = { libraryPath: join(root, 'out', libraryOf('cpu')), index: 0, threads: 0, searchPaths: [] };
const device = saturnn.openDevice(options);
const info = JSON.parse(device.info);
console.log(`${addon}: ABI ${saturnn.abiVersion}, ${Object.keys(device.ops).length} ops on the CPU backend`);
console.log(JSON.stringify(info, null, 2));
device.dispose();
if (Object.keys(device.ops).length === 0) throw new Error('The CPU backend has no ops.');
