/** Expands the ranges in names of shards: "shard-{000000..000009}.tar". */
import { invalid } from '../../errors';

/** Most files that a range stands for. */
const mostFiles = 100_000;

const range = /\{(\d+)\.\.(\d+)\}/;

/** Whether a path has a range. */
export const hasRange = (path: string): boolean => range.test(path);

/** Returns the paths that a path with ranges stands for, in order. Numbers have as many digits as the range's first. @throws ERR_INVALID_ARGUMENT */
export function expandRange(path: string): string[] {
  const match = range.exec(path);
  if (!match) return [path];
  const [all, first = '', last = ''] = match;
  const count = Number(last) - Number(first) + 1;
  if (!(count >= 1 && count <= mostFiles)) throw invalid('shards', `a range of 1 to ${mostFiles} files`, path);
  const before = path.slice(0, match.index);
  const after = expandRange(path.slice(match.index + all.length));
  if (count * after.length > mostFiles) throw invalid('shards', `a range of 1 to ${mostFiles} files`, path);
  return Array.from({ length: count }, (_, index) => `${Number(first) + index}`.padStart(first.length, '0')).flatMap(
    (number) => after.map((rest) => before + number + rest),
  );
}
