/** Folders that are not what imageFolder() expects: each is an error that says what and where, or works as documented. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ImageFolderOptions, imageFolder } from '../../../lib';
import { holdsPictures } from '../../../lib/data/pictures/classFolders';
import { temporaryFolder } from '../../temporary';
import { drawPlain, put } from './draw';

const root = temporaryFolder();
let count = 0;
let picture: Buffer;
beforeAll(async () => {
  picture = await drawPlain();
});

/** Makes a folder with files; a name that ends with "/" is an empty folder. Pictures have one colour. */
function folderOf(...names: readonly string[]): string {
  const folder = join(root, `${count++}`);
  for (const name of names) {
    if (name.endsWith('/')) mkdirSync(join(folder, name), { recursive: true });
    else put(folder, name, picture);
  }
  return folder;
}

const cacheOf = (folder: string): string => `${folder}-cache`;

const open = (folder: string, options: ImageFolderOptions = {}) =>
  imageFolder(folder, { size: 4, testShare: 0, cacheDir: cacheOf(folder), ...options });

/** Expects ERR_DATA, and that no cache was begun. */
async function refused(folder: string, message: string): Promise<void> {
  await expect(open(folder)).rejects.toMatchObject({ code: 'ERR_DATA', message: message.replaceAll('ROOT', folder) });
  expect(existsSync(cacheOf(folder))).toBe(false);
}

/** Lets the system refuse what it refuses other users, if the tests run as root. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid!(65534);
  try {
    await work();
  } finally {
    process.seteuid!(0);
  }
}

describe('imageFolder refuses', () => {
  it('a folder without class folders', async () => {
    await refused(folderOf('./'), 'Expected one folder for each class in ROOT but found none');
    await refused(
      folderOf('1.png', '2.png'),
      'Expected one folder for each class in ROOT but found none: pictures lie in it directly. Put them into one folder for each class',
    );
  });

  it('one class', () => refused(folderOf('cat/1.png'), 'Expected at least 2 class folders in ROOT but found 1 (cat)'));

  it('an empty class', async () => {
    await refused(folderOf('cat/1.png', 'dog/'), 'The class folder ROOT/dog has no pictures');
    await refused(
      folderOf('cat/1.png', 'dog/notes.txt', 'dog/.hidden.png'),
      'The class folder ROOT/dog has no pictures',
    );
    await refused(folderOf('train/cat/1.png', 'train/dog/'), 'The class folder ROOT/train/dog has no pictures');
    await refused(
      folderOf('train/cat/1.png', 'train/dog/1.png', 'test/'),
      'The folder ROOT/test has no pictures in class folders',
    );
  });

  it('class names that differ by case, or by how accents are encoded', async () => {
    const folder = folderOf('Cat/1.png', 'cat/1.png', 'dog/1.png');
    await refused(
      folder,
      'The names of two class folders in ROOT differ only by case or by how accents are encoded: Cat and cat',
    );
    const accents = folderOf('\u00e9/1.png', 'e\u0301/1.png');
    await expect(open(accents)).rejects.toThrow(/differ only by case or by how accents are encoded/);
  });

  it('nested folders', async () => {
    const deeper = 'give the folder that holds the class folders, if they are one level deeper';
    await refused(
      folderOf('animals/cat/1.png', 'animals/dog/1.png', 'plants/oak/1.png'),
      `The class folder ROOT/animals holds the folder cat. Class folders hold pictures only: ${deeper}`,
    );
    await refused(
      folderOf('cat/1.png', 'cat/more/2.png', 'dog/1.png'),
      'The class folder ROOT/cat holds the folder more. Class folders hold pictures only: move or remove the folder',
    );
  });

  it('a folder beside train/ that is no split, and two folders of one split', async () => {
    await refused(
      folderOf('train/cat/1.png', 'train/dog/1.png', 'extra/cat/1.png'),
      'ROOT has the folder train, so its other folders must be splits (train, val, valid, validation, test); it also has extra',
    );
    await refused(
      folderOf('train/cat/1.png', 'train/dog/1.png', 'val/cat/1.png', 'valid/cat/1.png'),
      'ROOT has two folders of validation pictures: val and valid',
    );
  });

  it('a class of the test set that is none of the training set', () =>
    refused(
      folderOf('train/cat/1.png', 'train/dog/1.png', 'test/cow/1.png'),
      'ROOT/test/cow is no class of the training set: cat, dog',
    ));

  it('links to one folder, and links in a circle', async () => {
    const same = folderOf('cat/1.png', 'dog/1.png');
    symlinkSync('cat', join(same, 'kitten'));
    await refused(same, 'Two class folders in ROOT are one folder, by a link: cat and kitten');
    const circle = folderOf('cat/1.png', 'dog/1.png');
    symlinkSync('..', join(circle, 'dog', 'up'));
    await refused(
      circle,
      'The class folder ROOT/dog holds the folder up. Class folders hold pictures only: move or remove the folder',
    );
    const self = folderOf('cat/1.png', 'dog/1.png');
    symlinkSync(self, join(self, 'again'));
    await refused(self, 'The class folder ROOT/again is a link to a folder that holds it');
  });

  it('a picture that is a link to nowhere or to itself, a folder, or a pipe', async () => {
    const folder = folderOf('cat/1.png', 'dog/1.png');
    symlinkSync('nowhere.png', join(folder, 'cat', '2.png'));
    symlinkSync('3.png', join(folder, 'cat', '3.png'));
    execFileSync('mkfifo', [join(folder, 'cat', '4.png')]);
    const { broken, train } = await open(folder, { onBroken: 'skip' });
    expect(train.count).toBe(2);
    expect(broken.map(({ name, reason }) => `${name}: ${reason.split(',')[0]}`)).toEqual([
      'cat/2.png: ENOENT: no such file or directory',
      'cat/3.png: ELOOP: too many symbolic links encountered',
      'cat/4.png: it is not a regular file',
    ]);
    // What could not be read is read again: it may be there now.
    writeFileSync(join(folder, 'cat', 'nowhere.png'), picture);
    expect((await open(folder, { onBroken: 'skip' })).train.count).toBe(4);
  });

  it('files and folders without permission', async () => {
    const folder = folderOf('cat/1.png', 'cat/2.png', 'dog/1.png');
    for (const open of [root, folder, join(folder, 'dog')]) chmodSync(open, 0o755);
    mkdirSync(cacheOf(folder));
    chmodSync(cacheOf(folder), 0o777);
    chmodSync(join(folder, 'cat', '2.png'), 0);
    await asNobody(() =>
      expect(open(folder)).rejects.toThrow(/^Cannot decode .*cat\/2\.png: EACCES: permission denied/),
    );
    chmodSync(join(folder, 'cat', '2.png'), 0o644);
    await asNobody(async () => expect((await open(folder)).train.count).toBe(3));
    chmodSync(join(folder, 'cat'), 0);
    await asNobody(() => expect(open(folder)).rejects.toThrow(/^Cannot read the folder .*cat: EACCES/));
    chmodSync(join(folder, 'cat'), 0o755);
  });

  it('a folder that disappears while it is decoded, and goes on when it is back', async () => {
    const names = Array.from({ length: 40 }, (_, index) => [`cat/${index}.png`, `dog/${index}.png`]).flat();
    const folder = folderOf(...names);
    const remove = () => rmSync(folder, { recursive: true, force: true });
    const failure = open(folder, { onBroken: 'skip', onProgress: remove });
    await expect(failure).rejects.toThrow(`The folder ${folder} has disappeared`);
    for (const name of names) put(folder, name, picture);
    expect((await open(folder)).train.count).toBe(80);
  });

  it('a cache folder that cannot be written', async () => {
    const folder = folderOf('cat/1.png', 'dog/1.png');
    await expect(open(folder, { cacheDir: join(folder, 'cat', '1.png') })).rejects.toMatchObject({
      code: 'ERR_OUTPUT',
    });
  });
});

describe('imageFolder accepts', () => {
  it('files that are no pictures: those of systems without a word, others by name', async () => {
    const folder = folderOf(
      'cat/1.png',
      'cat/2.PNG',
      'dog/1.png',
      '.DS_Store',
      'Thumbs.db',
      '__MACOSX/x/1.png',
      'readme.md',
    );
    for (const name of [
      'cat/.DS_Store',
      'cat/Thumbs.db',
      'cat/desktop.ini',
      'cat/notes.txt',
      'dog/scan.pdf',
      'stray.jpg',
    ])
      put(folder, name, 'text');
    mkdirSync(join(folder, '.git', 'objects'), { recursive: true });
    mkdirSync(join(folder, 'cat', '.thumbnails'));
    const { ignored, train } = await open(folder);
    expect(train.count).toBe(3);
    expect([...ignored].sort()).toEqual(['cat/notes.txt', 'dog/scan.pdf', 'readme.md', 'stray.jpg']);
  });

  it('names with odd characters', async () => {
    const odd = ['a b', "it's", 'a\nb', 'émoji 🐈', '%20', '-rf', '\\', '"', '<b>', 'x'.repeat(200)];
    const folder = folderOf(...odd.map((name) => `cat ${name.slice(0, 9)}/${name}.png`));
    const { train, classNames } = await open(folder);
    expect(train.count).toBe(odd.length);
    expect([...classNames!].sort()).toEqual(odd.map((name) => `cat ${name.slice(0, 9)}`).sort());
  });

  it('names that are not UTF-8, and names them in messages', async () => {
    const folder = folderOf('cat/1.png', 'dog/1.png');
    const path = Buffer.concat([Buffer.from(join(folder, 'cat/')), Buffer.from([0xe9, 0xff]), Buffer.from('.png')]);
    writeFileSync(path, picture);
    expect((await open(folder)).train.count).toBe(3);
    writeFileSync(path, 'no picture');
    await expect(open(folder)).rejects.toThrow(/cat\/\\xe9\\xff\.png: it is not JPEG/);
  });

  it('links to pictures and to class folders', async () => {
    const folder = folderOf('cat/1.png', 'dog/1.png');
    symlinkSync(join(folder, 'cat', '1.png'), join(folder, 'dog', '2.png'));
    symlinkSync(folderOf('1.png', '2.png'), join(folder, 'cow'));
    const { train, classNames } = await open(folder);
    expect([train.count, classNames]).toEqual([5, ['cat', 'cow', 'dog']]);
  });

  it('a class that is named train', async () => {
    const { classNames } = await open(folderOf('bus/1.png', 'train/1.png', 'car/1.png'));
    expect(classNames).toEqual(['bus', 'car', 'train']);
  });
});

it('holdsPictures() tells folders of pictures from others', () => {
  for (const name of ['cat/1.png', 'train/cat/1.jpeg', '1.GIF']) expect(holdsPictures(folderOf(name))).toBe(true);
  for (const name of ['train/', 'data.bin', 'a/b/c/1.png', '.hidden/1.png'])
    expect(holdsPictures(folderOf(name))).toBe(false);
  expect(holdsPictures(join(root, 'nowhere'))).toBe(false);
  const circle = folderOf('a/data.bin');
  symlinkSync('..', join(circle, 'a', 'up'));
  expect(holdsPictures(circle)).toBe(false);
});
