// `npm run check:types`: compiles programs in test/types against the packed declarations with TypeScript 5.0 to 5.9, strictly and
// without skipLibCheck, in each way to resolve modules. Takes minutes; test/package/published.test.ts tries the oldest version.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packAll } from './pack/pack-all.mjs';
import { node, root, StageError, stage, startIfMain } from './stage.mjs';
import { toolsIn } from './tools.mjs';
import { typeProject, typeWays } from './types/project.mjs';

const { tool, install } = toolsIn('types');
const versions = Object.keys(JSON.parse(readFileSync(join(root, 'scripts/types/package.json'), 'utf8')).dependencies);

await startIfMain(import.meta.url, async () => {
  await stage('TypeScript versions', install);
  await packAll({ built: true });
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-types-'));
  let failed = 0;
  try {
    typeProject(folder);
    for (const version of versions) {
      for (const [way, args] of Object.entries(typeWays)) {
        const { status, stdout } = spawnSync(node, [tool(version, 'bin', 'tsc'), ...args], {
          cwd: folder,
          encoding: 'utf8',
        });
        console.log(`${version.padEnd(16)} ${way.padEnd(10)} ${status === 0 ? 'compiles' : `FAILED\n${stdout}`}`);
        if (status !== 0) failed++;
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (failed > 0)
    throw new StageError(`${failed} of ${versions.length * Object.keys(typeWays).length} did not compile.`);
});
