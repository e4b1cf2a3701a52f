// `npm run release:publish`: makes the packages, checks them and publishes them. The platform packages come first,
// because saturnn depends on them. Packages that the registry already has are skipped, so the command can be repeated
// after a failure.
//   --dry-run         does everything except publishing
//   --registry URL    publishes to this registry instead of the one that npm is configured with
//   --packed          publishes the packages that are in out/packages. Not allowed for npm's own registry, because they may have
//                     been built for one GPU architecture only.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mainManifest, platformPackages } from '../pack/manifests.mjs';
import { packAll, packagesFolder } from '../pack/pack-all.mjs';
import { root, StageError, startIfMain } from '../stage.mjs';
import { checkCommitted, git } from './git.mjs';

const options = {
  'dry-run': { type: 'boolean', default: false },
  registry: { type: 'string' },
  packed: { type: 'boolean', default: false },
};

const { version, repository } = mainManifest();
const archive = (name) => join(packagesFolder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);

/** Checks that apply to a release in npm's own registry only. @throws StageError */
function checkRelease() {
  checkCommitted();
  if (!git('tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`))
    throw new StageError(`HEAD is not tagged v${version}. Remedy: npm run release:version -- VERSION`);
  if (!repository)
    throw new StageError(
      'package.json has no "repository", which npm compares with the provenance. Remedy: add the public address of this repository.',
    );
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  if (!changes.match(new RegExp(`^## ${version.replaceAll('.', '\\.')} \\(\\d{4}-\\d\\d-\\d\\d\\)$`, 'm')))
    throw new StageError(
      `CHANGELOG.md has no dated section for ${version}. Remedy: npm run release:version -- VERSION`,
    );
}

async function isPublished(name, registry) {
  // A connection that was kept would be closed by the registry while npm publishes, and the next request would fail on it.
  const headers = { connection: 'close' };
  const response = await fetch(new URL(`${name.replace('/', '%2f')}/${version}`, registry), { headers });
  if (response.ok) return true;
  if (response.status === 404) return false;
  throw new StageError(`${registry.href} answers ${response.status} ${response.statusText} for ${name}.`);
}

/** Address of the registry to publish to: `asked`, or the one that npm is configured with. */
function effectiveRegistry(asked) {
  return new URL(asked ?? execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim());
}

const isNpmsOwn = ({ hostname }) => hostname === 'registry.npmjs.org';

/** npm's arguments to publish one package. Only npm's own registry supports provenance. */
export function publishArguments(name, { registry, dry }) {
  const provenance = isNpmsOwn(registry) ? ['--provenance'] : [];
  const where = ['--registry', registry.href];
  return ['publish', archive(name), '--access', 'public', ...where, ...provenance, ...(dry ? ['--dry-run'] : [])];
}

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({ args, options });
  const { 'dry-run': dry, packed } = values;
  const registry = effectiveRegistry(values.registry);
  const toEverybody = !dry && isNpmsOwn(registry);
  if (toEverybody && packed)
    throw new StageError(`--packed needs --dry-run or a registry of your own; it is not allowed for ${registry.href}.`);
  if (toEverybody) checkRelease();
  if (!packed) for (const line of await packAll({ built: false })) console.log(line);

  for (const name of [...Object.keys(platformPackages), 'saturnn']) {
    if (!dry && (await isPublished(name, registry))) {
      console.log(`${name}@${version} is already in the registry`);
      continue;
    }
    const publish = publishArguments(name, { registry, dry });
    console.log(`npm ${publish.join(' ').replace(`${root}/`, '')}`);
    execFileSync('npm', publish, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
});
