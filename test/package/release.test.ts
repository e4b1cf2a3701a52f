/** scripts/release: the changes of a new version, and the order of publishing. Nothing is really published. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { version } from '../../lib/version';
import { temporaryFolder } from '../temporary';
import { type Registry, startRegistry } from './install/registry';
import { isRequired, packedPackages, whyNotPacked } from './packed';

const root = packageRoot();
const folder = temporaryFolder();
const reason = whyNotPacked();
const script = (name: string) => join(root, 'scripts/release', name);
const names = ['package.json', 'package-lock.json', 'lib/version.ts', 'CHANGELOG.md'];

describe('release:version', () => {
  const load = () => import(script('version.mjs'));
  const files = () => Object.fromEntries(names.map((name) => [name, readFileSync(join(root, name), 'utf8')]));

  it('writes the version wherever it stands, and nothing else', async () => {
    const { withVersion } = await load();
    const before = files();
    const after: Record<string, string> = withVersion(before, version, '12.34.56', '2031-02-03');
    expect(JSON.parse(after['package.json'] as string)).toEqual({
      ...JSON.parse(before['package.json'] as string),
      version: '12.34.56',
    });
    const lock = JSON.parse(after['package-lock.json'] as string);
    expect([lock.version, lock.packages[''].version]).toEqual(['12.34.56', '12.34.56']);
    expect(after['lib/version.ts']).toContain("version = '12.34.56'");
    expect(after['CHANGELOG.md']).toContain('\n## 12.34.56 (2031-02-03)\n');
    const changed = (name: string) => {
      const [a, b] = [before, after].map((all) => (all[name] as string).split('\n'));
      return a?.filter((line, i) => line !== b?.[i]).length;
    };
    expect(names.map(changed)).toEqual([1, 2, 1, 1]);
  });

  it('refuses a changelog that has no section for what is unreleased', async () => {
    const { withVersion } = await load();
    const broken = { ...files(), 'CHANGELOG.md': '# Changelog\n' };
    expect(() => withVersion(broken, version, '12.34.56', '2031-02-03')).toThrow(/CHANGELOG\.md: expected .* 0 times/);
  });

  it.each([
    ['0.2.0', '0.3.0', true],
    ['0.2.0', '0.2.1', true],
    ['0.9.0', '0.10.0', true],
    ['0.2.0', '0.2.0', false],
  ])('goes from %s to %s', async (current, next, released) => {
    const { checkNext } = await load();
    expect(() => checkNext(current, next, released)).not.toThrow();
  });

  it.each([
    ['0.2.0', '0.2.0'],
    ['0.2.1', '0.2.0'],
    ['0.10.0', '0.9.0'],
    ['0.2.0', 'v0.3.0'],
    ['0.2.0', '0.3'],
    ['0.2.0', undefined],
  ])('does not go from %s to %s', async (current, next) => {
    const { checkNext } = await load();
    expect(() => checkNext(current, next, true)).toThrow(new RegExp(`but received ${next ?? 'nothing'}`));
  });
});

describe('release:publish', () => {
  const load = () => import(script('publish.mjs'));
  const publish = async (...args: string[]) => {
    const options = { env: { ...process.env, ...registry.environment } };
    return promisify(execFile)(process.execPath, [script('publish.mjs'), ...args], options);
  };
  let registry: Registry;

  beforeAll(async () => {
    if (reason === undefined || isRequired) packedPackages();
    registry = await startRegistry(folder);
  });
  afterAll(() => registry.close());

  it.skipIf(reason !== undefined && !isRequired)(
    "as a dry run publishes nothing: the platform's packages, then saturnn",
    async () => {
      const { stdout } = await publish('--packed', '--dry-run', '--registry', registry.url);
      const commands = stdout.split('\n').filter((line) => line.startsWith('npm publish'));
      expect(commands).toEqual(
        ['saturnn-linux-x64', 'saturnn-linux-x64-cuda', 'saturnn'].map(
          (name) =>
            `npm publish out/packages/${name}-${version}.tgz --access public --registry ${registry.url} --dry-run`,
        ),
      );
      expect(stdout).toContain(`+ saturnn@${version}`);
      expect((await fetch(`${registry.url}@saturnn%2flinux-x64`)).status).toBe(404);
    },
  );

  it('asks for provenance where everybody looks, and nowhere else', async () => {
    const { publishArguments } = await load();
    const argumentsFor = (url: string) => publishArguments('saturnn', { registry: new URL(url), dry: false });
    expect(argumentsFor('https://registry.npmjs.org/')).toContain('--provenance');
    expect(argumentsFor(registry.url)).not.toContain('--provenance');
  });

  it.each([[[]], [['--registry', 'https://registry.npmjs.org/']]])(
    'does not publish to everybody what was packed for a test (%j)',
    async (args) => {
      const env = { npm_config_registry: 'https://registry.npmjs.org/' };
      const { status, stderr } = spawnSync(process.execPath, [script('publish.mjs'), '--packed', ...args], {
        encoding: 'utf8',
        env: { ...process.env, ...env },
      });
      expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('--packed needs') });
    },
  );
});
