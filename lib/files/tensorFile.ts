import { readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { invalid, reasonOf, SaturnnError, show } from '../errors';
import { pathField } from '../options/field';
import { nearestName } from '../options/nearest';
import { checkArgument } from '../options/options';
import { parseFile, readWhole } from './read';
import { type FileLayout, layoutParser, type StoredTensor, type TensorEntry, tensorParser } from './safetensors';
import { largestIndex, parseShardIndex } from './shards';
import type { TensorDType } from './tensorTypes';

/** A tensor in a file, without its numbers. */
export interface TensorInfo {
  readonly dtype: TensorDType;
  /** Any number of dimensions; [] for a single number. */
  readonly shape: readonly number[];
  /** Path of the file that holds the numbers. */
  readonly file: string;
}

/** One file with its header. */
interface Shard {
  readonly path: string;
  readonly layout: FileLayout;
  readonly stats: Stats;
}

/** Weights on the disk, of which only the headers were read: see openSafetensors(). No file stays open, so there is nothing to close. */
export class TensorFile {
  /** Path of the file, or of the index of several. */
  readonly path: string;
  /** The tensors by name, without their numbers. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Any texts by name, the format's `__metadata__`; of several files, those of all. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #places = new Map<string, { readonly shard: Shard; readonly entry: TensorEntry }>();

  /** @internal */
  constructor(path: string, shards: readonly Shard[], fileOf: ReadonlyMap<string, string> | null) {
    this.path = path;
    const tensors = new Map<string, TensorInfo>();
    for (const shard of shards) {
      for (const entry of shard.layout.entries) {
        const { name, dtype, shape } = entry;
        if (fileOf && join(dirname(path), fileOf.get(name) ?? '') !== shard.path) continue;
        this.#places.set(name, { shard, entry });
        tensors.set(name, { dtype, shape, file: shard.path });
      }
    }
    const lacking = [...(fileOf?.keys() ?? [])].find((name) => !tensors.has(name));
    if (lacking !== undefined) {
      const file = join(dirname(path), fileOf!.get(lacking)!);
      throw new SaturnnError('ERR_DATA', `${file} has no tensor ${show(lacking)}, which ${path} says it has`);
    }
    this.tensors = tensors;
    this.metadata = Object.assign({}, ...shards.map(({ layout }) => layout.metadata));
  }

  /**
   * Reads the numbers of one tensor.
   * @throws ERR_INVALID_ARGUMENT for a name that is not there, with the nearest that is; ERR_DATA if the file was changed since it was
   * opened, or cannot be read; ERR_OUT_OF_MEMORY
   */
  read(name: string): StoredTensor {
    const place = typeof name === 'string' ? this.#places.get(name) : undefined;
    if (!place) throw this.#unknown(name);
    const { shard, entry } = place;
    return reading(shard.path, () => {
      const { mtimeMs, size, ino } = statSync(shard.path);
      if (mtimeMs !== shard.stats.mtimeMs || size !== shard.stats.size || ino !== shard.stats.ino)
        throw new Error('it was changed after it had been opened');
      return parseFile(shard.path, () => tensorParser(entry, shard.layout.dataAt, shard.path));
    });
  }

  #unknown(name: unknown): SaturnnError {
    const nearest = typeof name === 'string' ? nearestName(name, [...this.tensors.keys()].slice(0, 2000)) : null;
    const hint = nearest === null ? '' : `, such as ${show(nearest)},`;
    return invalid('name', `the name of one of the ${this.tensors.size} tensors${hint}`, name);
  }
}

/**
 * Opens a file of any size: reads its header, and the numbers of a tensor only when read() is called.
 * @param path a safetensors file; an index `*.safetensors.index.json` beside the files that it names, as Hugging Face writes it; or a
 * folder that holds one such index, or one safetensors file
 * @throws ERR_DATA if a file cannot be read or is malformed, if it is one of torch.save() (with the command that makes a safetensors
 * file of it), if a file lacks a tensor that the index promises, or if a folder holds none or several
 */
export function openSafetensors(path: string): TensorFile {
  checkArgument('path', pathField, path);
  const found = reading(path, () => (statSync(path).isDirectory() ? fileIn(path) : path));
  if (!/\.json$/.test(found)) return new TensorFile(found, [openShard(found)], null);
  const text = reading(found, () => readWhole(found, largestIndex).toString('utf8'));
  const { fileOf, files } = parseShardIndex(text, found);
  const shards = files.map((file) => openShard(join(dirname(found), file)));
  return new TensorFile(found, shards, fileOf);
}

function openShard(path: string): Shard {
  return reading(path, () => {
    const stats = statSync(path);
    return { path, stats, layout: parseFile(path, (size) => layoutParser(size, path)) };
  });
}

/** Returns the only index in a folder, or the only safetensors file. @throws Error if there is none, or several */
function fileIn(folder: string): string {
  const names = readdirSync(folder).sort();
  const indices = names.filter((name) => name.endsWith('.safetensors.index.json'));
  const weights = names.filter((name) => name.endsWith('.safetensors'));
  const [found, second] = indices.length > 0 ? indices : weights;
  if (found === undefined) throw new Error('the folder holds no safetensors file');
  if (second !== undefined)
    throw new Error(`the folder holds several safetensors files, such as ${found} and ${second}: name one`);
  return join(folder, found);
}

/** Returns the result of `read`; an error of the system becomes ERR_DATA that names the file. */
function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
