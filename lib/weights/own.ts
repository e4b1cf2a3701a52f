/** Files of saturnn itself, whose weights need no map. */

/** The part of a file that says who wrote it. */
interface Written {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, unknown>;
}

/** Whether saturnn has written a file of weights: it says the model; of other files it has the names, which have slashes. */
export function isOwn({ metadata, tensors }: Written): boolean {
  if (metadata.model !== undefined) return true;
  return metadata.format === undefined && [...tensors.keys()].some((name) => name.includes('/'));
}

/** Whether a tensor is a constant of the graph in a model file, and no weight: see lib/models/saved/record.ts. */
export const isConstant = (name: string): boolean => /^constant\/\d+$/.test(name);
