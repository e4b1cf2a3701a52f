/** Reads `*.safetensors.index.json`, which says in which file (shard) each tensor of a large model lies. */
import { basename } from 'node:path';
import { SaturnnError, show } from '../errors';
import { parseJson } from './json';
import { pickledAdvice } from './pickled';

/** Most bytes of an index. Those of the largest models have 10 MiB. */
export const largestIndex = 2 ** 26;

/** Most files that an index may name. */
const mostShards = 4096;

/** The content of an index. */
export interface ShardIndex {
  /** Name of the file of each tensor, beside the index. */
  readonly fileOf: ReadonlyMap<string, string>;
  /** The files, each once. */
  readonly files: readonly string[];
}

/**
 * Reads an index: `{ "metadata": {...}, "weight_map": { "conv1.weight": "model-00001-of-00002.safetensors", ... } }`.
 * @param source names the file in errors
 * @throws ERR_DATA if it has another form, names a file in another folder, or files of torch.save()
 */
export function parseShardIndex(text: string, source: string): ShardIndex {
  const fail = (what: string) =>
    new SaturnnError('ERR_DATA', `${source} is not an index of safetensors files: ${what}`);
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw fail(`it is not JSON (${(error as Error).message})`);
  }
  const map = isRecord(json) ? json.weight_map : undefined;
  if (!isRecord(map)) throw fail('it has no object "weight_map"');
  const fileOf = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || !isPlainName(file)) {
      throw fail(`expected the name of a file beside it for ${show(name)} but received ${show(file)}`);
    }
    if (/\.(bin|pt|pth)$/.test(file)) throw new SaturnnError('ERR_DATA', pickledAdvice(file));
    fileOf.set(name, file);
  }
  const files = [...new Set(fileOf.values())];
  if (files.length > mostShards) throw fail(`it names ${files.length} files, more than ${mostShards}`);
  return { fileOf, files };
}

/** Whether a text is the name of a file, and no path out of the folder. */
const isPlainName = (file: string): boolean =>
  file !== '' && file !== '.' && file !== '..' && file === basename(file) && !/[\\\0]/.test(file);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
