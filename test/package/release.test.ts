/** scripts/release: what a new version changes, and in which order the packages go out. Nothing leaves this machine. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/locate';
import { version } from '../../lib/version';
import { packedPackages } from './packed';

const root = packageRoot();
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
  beforeAll(() => {
    packedPackages();
  });
  const publish = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script('publish.mjs'), ...args], {
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };

  it("as a dry run publishes nothing: the platform's packages, then saturnn, with provenance", () => {
    const { status, stdout } = publish('--packed', '--dry-run');
    expect(status).toBe(0);
    const commands = stdout.split('\n').filter((line) => line.startsWith('npm publish'));
    expect(commands).toEqual(
      ['saturnn-linux-x64', 'saturnn-linux-x64-cuda', 'saturnn'].map(
        (name) => `npm publish out/packages/${name}-${version}.tgz --access public --provenance --dry-run`,
      ),
    );
    expect(stdout).toContain(`+ saturnn@${version}`);
  });

  it('does not publish to everybody what was packed for a test', () => {
    expect(publish('--packed')).toMatchObject({ status: 1, stderr: expect.stringContaining('--packed goes with') });
  });
});
