/** The pictures of tar shards, as a PictureSet. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SaturnnError, show } from '../../errors';
import { readNames, readOrFail } from '../cifar';
import { labelsOf } from '../givenLabels';
import type { EncodedPicture, PictureSet, PictureSplit } from '../pictures/pictureSet';
import { mostClasses } from './array';
import { bySplit, type FoundFile, findFiles } from './findFiles';
import { partOf } from './parts';
import { isShardName, readPictures, readShard, type Shard } from './shard';
import { expandRange, hasRange } from './shardNames';

/** File of class names, one per line, beside shards whose labels are numbers. */
const namesFile = 'classnames.txt';

/** Most bytes of that file. */
const largestNames = 2 ** 20;

/** A shard, and the index of its first picture. */
interface Part {
  readonly shard: Shard;
  readonly first: number;
}

/** Pictures in tar shards. Names, labels and places are in memory; pictures are read when they are asked for. */
export class ShardSet implements PictureSet {
  readonly ignored: readonly string[];

  private constructor(
    readonly source: string,
    readonly splits: readonly PictureSplit[],
    readonly labels: Int32Array,
    readonly classes: number,
    readonly classNames: readonly string[] | null,
    private readonly parts: readonly Part[],
  ) {
    this.ignored = parts.flatMap(({ shard }) => shard.ignored.map((name) => `${shard.file.name}: ${name}`));
  }

  /**
   * Opens the shards at a path, and reads all names and labels.
   * @param member the member of a .json that holds the label
   * @throws ERR_DATA if there are no shards, a shard is cut off or malformed, a picture has no label, or a label is none; the signal's reason
   */
  static async open(path: string, member?: string, abort?: AbortSignal): Promise<ShardSet> {
    const root = resolve(path);
    const found = hasRange(path) ? filesOf(path) : findFiles(path, isShardName);
    if (found.length === 0) throw new SaturnnError('ERR_DATA', `Expected tar shards in ${root} but found none`);
    const parts: Part[] = [];
    const splits: PictureSplit[] = [];
    let first = 0;
    for (const { name, files } of bySplit(found, root)) {
      const before = first;
      for (const file of files) {
        const shard = await readShard(file, member, abort);
        parts.push({ shard, first });
        first += shard.samples.length;
      }
      if (first > before) splits.push({ name, count: first - before });
    }
    if (splits[0]?.name !== 'train') {
      const inside = parts
        .flatMap(({ shard }) => shard.ignored)
        .slice(0, 6)
        .map((name) => show(name))
        .join(', ');
      const message = `Expected pictures with labels (000000.jpg and 000000.cls) in ${root} but found ${inside || 'nothing'}`;
      throw new SaturnnError('ERR_DATA', message);
    }
    const { labels, classes, classNames } = readLabels(parts, root);
    return new ShardSet(root, splits, labels, classes, classNames, parts);
  }

  get count(): number {
    return this.labels.length;
  }

  nameOf(index: number): string {
    const { shard, first } = partOf(this.parts, index);
    return `${shard.file.name}: ${shard.samples[index - first]!.name}`;
  }

  stampOf(index: number): string {
    const { shard, first } = partOf(this.parts, index);
    return `${shard.file.stamp} ${shard.samples[index - first]!.picture.at}`;
  }

  /** Reads pictures, one shard after another. @throws ERR_DATA if a shard is damaged; the signal's reason */
  async *read(indices: Int32Array, abort?: AbortSignal): AsyncGenerator<EncodedPicture, void, void> {
    let at = 0;
    for (const { shard, first } of this.parts) {
      const begin = at;
      while (at < indices.length && indices[at]! < first + shard.samples.length) at++;
      if (at === begin) continue;
      const own = indices.subarray(begin, at);
      const entries = Array.from(own, (index) => shard.samples[index - first]!.picture);
      let row = 0;
      for await (const bytes of readPictures(shard.file, entries, abort)) yield { index: own[row++]!, bytes };
    }
  }

  async close(): Promise<void> {}
}

/** Returns the files of a range. @throws ERR_DATA if one is missing */
function filesOf(path: string): FoundFile[] {
  const base = path.lastIndexOf('/', path.indexOf('{')) + 1;
  return expandRange(path).map((own) => {
    const [file] = findFiles(own, isShardName);
    if (!file) throw new SaturnnError('ERR_DATA', `Expected a tar shard at ${own} but found a folder`);
    return { ...file, name: own.slice(base) };
  });
}

/** Returns labels as class indices: those of a number each, or of texts that become them. */
function readLabels(
  parts: readonly Part[],
  root: string,
): { labels: Int32Array; classes: number; classNames: readonly string[] | null } {
  const texts = parts.flatMap(({ shard }) => shard.samples.map(({ label }) => label));
  const areNumbers = texts.every((text) => /^[+-]?\d+(\.\d*)?$/.test(text));
  if (!areNumbers) return labelsOf(texts) as ReturnType<typeof readLabels> & { classNames: readonly string[] };
  const folder = statSync(root, { throwIfNoEntry: false })?.isDirectory() ? root : dirname(root);
  const path = join(folder, namesFile);
  const names = existsSync(path) ? linesOf(path) : null;
  const most = names?.length ?? mostClasses;
  const labels = new Int32Array(texts.length);
  for (const { shard, first } of parts) {
    shard.samples.forEach(({ label, picture }, index) => {
      const value = Number(label);
      if (Number.isInteger(value) && value >= 0 && value < most) labels[first + index] = value;
      else {
        const place = `${show(picture.name)} in ${shard.file.path}`;
        throw new SaturnnError('ERR_DATA', `Expected a label from 0 to ${most - 1} for ${place} but found ${label}`);
      }
    });
  }
  const classes = names?.length ?? labels.reduce((largest, label) => Math.max(largest, label), 0) + 1;
  return { labels, classes, classNames: names };
}

function linesOf(path: string): string[] {
  const bytes = readOrFail(path, largestNames);
  const count = Buffer.from(bytes)
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line.trim()).length;
  return readNames(bytes, path, count);
}
