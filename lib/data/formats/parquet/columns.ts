/** Finds the columns of pictures and labels in the schema of a Parquet file, as Hugging Face's image data sets have them. */
import { SaturnnError, show } from '../../../errors';
import { parseJson } from '../../../files/json';
import type { ParquetMetadata, SchemaElement } from './hyparquet';

/** Columns that the caller chose. */
export interface ChosenColumns {
  readonly image?: string;
  readonly label?: string;
}

/** The columns of a file. */
export interface PictureColumns {
  readonly image: string;
  readonly label: string;
  /** Names of the classes, from the metadata of Hugging Face's `datasets`; null if they are not there. */
  readonly classNames: readonly string[] | null;
}

/** A column of the first level: an element, and the elements of its group if it is one. */
interface Column {
  readonly element: SchemaElement;
  readonly children: readonly SchemaElement[];
}

/** Names of columns that are taken if nothing else says which one it is, the first one first. */
const imageNames = ['image', 'img', 'images', 'picture', 'photo', 'jpg', 'jpeg', 'png', 'webp'];
const labelNames = ['label', 'labels', 'fine_label', 'class', 'cls', 'category', 'target', 'y'];

/** Finds the columns. @param source names the file in errors @throws ERR_DATA, with the columns that there are */
export function findColumns(metadata: ParquetMetadata, source: string, chosen: ChosenColumns): PictureColumns {
  const columns = columnsOf(metadata.schema);
  const features = featuresOf(metadata);
  const found = columns.map(describe).join(', ') || 'no columns';
  const choose = (
    what: string,
    name: string | undefined,
    { candidates, names, feature }: { candidates: readonly Column[]; names: readonly string[]; feature: string },
  ): string => {
    const own = candidates.map(({ element }) => element.name);
    if (name !== undefined) {
      if (own.includes(name)) return name;
      throw new SaturnnError(
        'ERR_DATA',
        `Expected the column ${show(name)} of ${what} in ${source} but found ${found}`,
      );
    }
    const declared = own.filter((column) => features.get(column)?.type === feature);
    const byName = (from: readonly string[]) => names.find((column) => from.includes(column));
    const best = byName(declared) ?? declared[0] ?? byName(own);
    if (best !== undefined) return best;
    throw new SaturnnError(
      'ERR_DATA',
      `Expected a column of ${what} (such as ${names.slice(0, 2).join(', ')}) in ${source} but found ${found}`,
    );
  };
  const image = choose('pictures, binary or a struct with the field bytes', chosen.image, {
    candidates: columns.filter(isPictures),
    names: imageNames,
    feature: 'Image',
  });
  const label = choose('labels, integers or texts', chosen.label, {
    candidates: columns.filter(isLabels),
    names: labelNames,
    feature: 'ClassLabel',
  });
  return { image, label, classNames: features.get(label)?.names ?? null };
}

/** Returns the columns of the first level: a schema is a tree, written depth first. */
function columnsOf(schema: readonly SchemaElement[]): Column[] {
  const columns: Column[] = [];
  let at = 1;
  const take = (): SchemaElement[] => {
    const element = schema[at++];
    if (!element) return [];
    const within: SchemaElement[] = [];
    for (let child = 0; child < (element.num_children ?? 0) && at < schema.length; child++) within.push(...take());
    return [element, ...within];
  };
  while (at < schema.length) {
    const [element, ...children] = take();
    columns.push({ element: element!, children });
  }
  return columns;
}

/**
 * Returns the largest definition level of a column: how many of the elements that lead to it are optional.
 * @throws Error if the schema lacks one of them, or if one is a list
 */
export function definitionLevelOf(schema: readonly SchemaElement[], path: readonly string[]): number {
  let [at, level] = [1, 0];
  /** Returns the index after an element and those within it. */
  const after = (index: number): number => {
    let next = index + 1;
    for (let child = 0; child < (schema[index]?.num_children ?? 0) && next < schema.length; child++) next = after(next);
    return next;
  };
  for (const name of path) {
    while (at < schema.length && schema[at]!.name !== name) at = after(at);
    const element = schema[at++];
    if (!element) throw new Error(`its schema has no column ${path.join('.')}`);
    if (element.repetition_type === 'REPEATED') throw new Error(`its column ${path.join('.')} holds lists`);
    if (element.repetition_type !== 'REQUIRED') level++;
  }
  return level;
}

const isText = ({ converted_type: converted, logical_type: logical }: SchemaElement): boolean =>
  converted === 'UTF8' || logical?.type === 'STRING';

const isBinary = (element: SchemaElement): boolean => element.type === 'BYTE_ARRAY' && !isText(element);

const isPictures = ({ element, children }: Column): boolean =>
  isBinary(element) || children.some((child) => child.name === 'bytes' && isBinary(child));

const isLabels = ({ element, children }: Column): boolean =>
  children.length === 0 &&
  (element.type === 'INT32' || element.type === 'INT64' || (element.type === 'BYTE_ARRAY' && isText(element)));

const describe = ({ element, children }: Column): string =>
  `${show(element.name)} (${children.length > 0 ? 'a group' : isText(element) ? 'text' : (element.type ?? 'unknown')})`;

interface Feature {
  readonly type: string;
  readonly names: readonly string[] | null;
}

/** Returns what `datasets` has written about the columns; nothing if the file is not from there. */
function featuresOf({ key_value_metadata: pairs = [] }: ParquetMetadata): ReadonlyMap<string, Feature> {
  const text = pairs.find(({ key }) => key === 'huggingface')?.value;
  const features = new Map<string, Feature>();
  if (text === undefined) return features;
  let described: unknown;
  try {
    described = (parseJson(text) as { info?: { features?: unknown } } | null)?.info?.features;
  } catch {
    // Notes of another program: the file can be read without them.
    return features;
  }
  if (typeof described !== 'object' || described === null) return features;
  for (const [column, feature] of Object.entries(described)) {
    const { _type: type, names } = (feature ?? {}) as { _type?: unknown; names?: unknown };
    if (typeof type === 'string') features.set(column, { type, names: namesOf(names) });
  }
  return features;
}

function namesOf(names: unknown): readonly string[] | null {
  const isNames = Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string');
  return isNames && new Set(names).size === names.length ? names : null;
}
