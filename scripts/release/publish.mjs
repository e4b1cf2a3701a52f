// `npm run release:publish`: makes the packages, checks them, and publishes them: the platform's first, so that whoever installs
// saturnn in between finds what it asks for. What the registry has already is left alone: after a failure, the same command goes on.
//   --dry-run         everything but the publishing
//   --registry URL    another registry than the one that npm is configured with
//   --packed          what is in out/packages already; not to npm's own registry: it may be for one GPU architecture
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mainManifest, platformPackages } from '../pack/manifests.mjs';
import { packAll, packagesFolder } from '../pack/pack-all.mjs';
import { root, StageError, startIfMain } from '../stage.mjs';

const options = {
  'dry-run': { type: 'boolean', default: false },
  registry: { type: 'string' },
  packed: { type: 'boolean', default: false },
};

const { version, repository } = mainManifest();
const archive = (name) => join(packagesFolder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);

/** What only a release to everybody needs. */
function checkRelease() {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  if (git('status', '--porcelain') !== '') throw new StageError('There are changes that are not committed.');
  if (!git('tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`))
    throw new StageError(`HEAD is not tagged v${version}. Remedy: npm run release:version -- VERSION`);
  if (!repository)
    throw new StageError(
      'package.json has no "repository", which provenance is checked against. Remedy: add the public address of this one.',
    );
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  if (!changes.match(new RegExp(`^## ${version.replaceAll('.', '\\.')} \\(\\d{4}-\\d\\d-\\d\\d\\)$`, 'm')))
    throw new StageError(`CHANGELOG.md has no dated section for ${version}.`);
}

async function isPublished(name, registry) {
  const response = await fetch(new URL(`${name.replace('/', '%2f')}/${version}`, registry));
  if (response.ok) return true;
  if (response.status === 404) return false;
  throw new StageError(`${registry.href} does not answer for ${name}: ${response.status} ${response.statusText}`);
}

/** Where npm would publish to: what is asked for here, or what npm is configured with. */
function effectiveRegistry(asked) {
  return new URL(asked ?? execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim());
}

/** npm's arguments for one package. Provenance exists in the registry that everybody uses, and nowhere else. */
export function publishArguments(name, { registry, dry }) {
  const everybodys = registry.hostname === 'registry.npmjs.org';
  const provenance = everybodys ? ['--provenance'] : [];
  const where = ['--registry', registry.href];
  return ['publish', archive(name), '--access', 'public', ...where, ...provenance, ...(dry ? ['--dry-run'] : [])];
}

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({ args, options });
  const { 'dry-run': dry, packed } = values;
  const registry = effectiveRegistry(values.registry);
  const toEverybody = !dry && registry.hostname === 'registry.npmjs.org';
  if (toEverybody && packed)
    throw new StageError(`--packed goes with --dry-run or a registry of your own, not with ${registry.href}.`);
  if (toEverybody) checkRelease();
  if (!packed) for (const line of await packAll({ built: false })) console.log(line);

  for (const name of [...Object.keys(platformPackages), 'saturnn']) {
    if (!dry && (await isPublished(name, registry))) {
      console.log(`${name}@${version} is there already`);
      continue;
    }
    const publish = publishArguments(name, { registry, dry });
    console.log(`npm ${publish.join(' ').replace(`${root}/`, '')}`);
    execFileSync('npm', publish, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
});
