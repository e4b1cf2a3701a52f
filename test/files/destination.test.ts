/** Where files are written: at the end of links, with the mode of the file before, and only over regular files. */
import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { linkOver, prepareFolder, removeTemporaries, writeAtomically, writeDurably } from '../../lib/files/durable';
import { readWhole } from '../../lib/files/read';
import { readSafetensors } from '../../lib/files/safetensors';
import { temporaryFolder } from '../temporary';

const root = temporaryFolder();
function folder(name: string): string {
  mkdirSync(join(root, name));
  return join(root, name);
}
const isLink = (path: string) => lstatSync(path).isSymbolicLink();

/** The three ways to write a file. */
const ways: [string, (path: string, text: string) => unknown][] = [
  ['writeAtomically', writeAtomically],
  ['writeDurably', (path, text) => writeDurably(path, [Buffer.from(text)])],
  [
    'linkOver',
    (path, text) => {
      const from = `${path}.from`;
      writeFileSync(from, text);
      linkOver(from, path);
    },
  ],
];

describe.each(ways)('%s', (way, write) => {
  test('follows links, which stay, to files and to names that are free', async () => {
    const place = folder(`${way}-links`);
    mkdirSync(join(place, 'there'));
    writeFileSync(join(place, 'there', 'file'), 'old');
    symlinkSync('there/file', join(place, 'link'));
    symlinkSync('link', join(place, 'twice'));
    symlinkSync('there/free', join(place, 'dangling'));
    await write(join(place, 'twice'), 'new');
    await write(join(place, 'dangling'), 'made');
    expect(['link', 'twice', 'dangling'].map((name) => isLink(join(place, name)))).toEqual([true, true, true]);
    expect(readFileSync(join(place, 'there', 'file'), 'utf8')).toBe('new');
    expect(readFileSync(join(place, 'there', 'free'), 'utf8')).toBe('made');
    expect(readdirSync(join(place, 'there')).sort()).toEqual(['file', 'free']);
  });

  test('refuses a folder, a pipe, a device and a circle of links, and leaves them', async () => {
    const place = folder(`${way}-others`);
    mkdirSync(join(place, 'folder'));
    spawnSync('mkfifo', [join(place, 'pipe')]);
    symlinkSync('/dev/null', join(place, 'device'));
    symlinkSync('b', join(place, 'a'));
    symlinkSync('a', join(place, 'b'));
    const reasons = {
      folder: /a folder, not a regular file/,
      pipe: /a pipe, not/,
      device: /a device, not/,
      a: /ELOOP/,
    };
    for (const [name, reason] of Object.entries(reasons)) {
      await expect((async () => write(join(place, name), 'x'))(), name).rejects.toMatchObject({
        code: 'ERR_OUTPUT',
        message: expect.stringMatching(reason),
      });
    }
    expect(lstatSync(join(place, 'pipe')).isFIFO()).toBe(true);
    expect(readdirSync(place).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

test.each(ways.slice(0, 2))('%s keeps the mode of a file that it replaces', async (way, write) => {
  const path = join(folder(`${way}-mode`), 'file');
  for (const mode of [0o600, 0o640, 0o777, 0o444]) {
    writeFileSync(path, 'old', { flag: 'a' });
    chmodSync(path, mode);
    await write(path, `${mode}`);
    expect(statSync(path).mode & 0o7777).toBe(mode);
    expect(readFileSync(path, 'utf8')).toBe(`${mode}`);
    chmodSync(path, 0o644);
  }
});

test('files that are read must be regular: a pipe without a writer and a device without an end are errors, at once', () => {
  const pipe = join(folder('read'), 'pipe');
  spawnSync('mkfifo', [pipe]);
  for (const [path, kind] of [
    [pipe, 'a pipe'],
    ['/dev/zero', 'a device'],
    [root, 'a folder'],
  ] as const) {
    expect(() => readWhole(path, 100)).toThrow(`it is ${kind}, not a regular file`);
    expect(() => readSafetensors(path)).toThrow(expect.objectContaining({ code: 'ERR_DATA' }));
  }
});

test('a folder whose probe the process with the lock removes, as a temporary file, is no error', () => {
  const path = folder('probed');
  const { closeSync } = fs;
  const close = vi.spyOn(fs, 'closeSync').mockImplementation((file) => {
    closeSync(file);
    removeTemporaries(path);
  });
  syncBuiltinESMExports();
  try {
    expect(prepareFolder(path)).toBe(path);
    expect(close).toHaveBeenCalledOnce();
  } finally {
    close.mockRestore();
    syncBuiltinESMExports();
  }
});

test('under Node’s permission model the error says which flag is missing, and a refused fsync is no error', () => {
  const place = folder('permissions');
  mkdirSync(join(place, 'allowed'));
  const modules = join(__dirname, '..', '..');
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
  const script = `
    const { writeAtomically } = require(${JSON.stringify(join(modules, 'dist', 'files', 'durable.js'))});
    const { readSafetensors } = require(${JSON.stringify(join(modules, 'dist', 'files', 'safetensors.js'))});
    const { lockFolder } = require(${JSON.stringify(join(modules, 'dist', 'files', 'lock.js'))});
    const place = ${JSON.stringify(place)};
    writeAtomically(place + '/allowed/file', 'x');
    for (const work of [() => writeAtomically(place + '/file', 'x'), () => readSafetensors('/etc/hostname'), () => lockFolder(place)]) {
      try { work(); } catch ({ code, message }) { console.log(code + ' ' + message); }
    }`;
  const allowed = [`--allow-fs-read=${modules}/`, `--allow-fs-read=${place}/`, `--allow-fs-write=${place}/allowed/`];
  const { stdout, stderr } = spawnSync(process.execPath, [flag, ...allowed, '-e', script], { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  expect(lines[0], stderr).toBe(
    `ERR_OUTPUT Cannot write ${place}/file: Node.js runs without --allow-fs-write=${place}/`,
  );
  expect(lines[1]).toBe('ERR_DATA Cannot read /etc/hostname: Node.js runs without --allow-fs-read=/etc/hostname');
  expect(lines[2]).toMatch(/^ERR_BINARY_NOT_LOADED .*: Node\.js runs without --allow-addons\.$/);
  expect(readFileSync(join(place, 'allowed', 'file'), 'utf8')).toBe('x');
});
