/** Selects parts of a network by patterns of their names: "3a", "3*", "classifier/bias". */
import { invalid, SaturnnError } from '../errors';
import { custom, type Field } from './field';
import { nearestName } from './nearest';
import { match, type Pattern, parsePattern, separators } from './pattern';

/** Accepts a pattern of names, whose form readPattern() checks. */
export const patternField: Field<string> = custom(
  'a pattern of names such as "3*"',
  (value) => typeof value === 'string',
);

/** Reads a pattern. @throws ERR_INVALID_ARGUMENT that says what is wrong with it */
export function readPattern(argument: string, text: string): Pattern {
  try {
    return parsePattern(text, 'saturnn');
  } catch (error) {
    const { message } = error as SaturnnError;
    throw new SaturnnError('ERR_INVALID_ARGUMENT', `${argument}: ${message}`, { cause: error });
  }
}

/** Whether a pattern fits a name, or the name of a layer that contains it: "3*" fits "3a/1x1/weight", because it fits "3a". */
export function selects(pattern: Pattern, name: string): boolean {
  return beginnings(name).some((beginning) => match(pattern, beginning) !== null);
}

/**
 * Returns the names that at least one of the patterns selects.
 * @param argument names the patterns in errors
 * @throws ERR_INVALID_ARGUMENT for a pattern that selects nothing, with the nearest name
 */
export function selectNames(
  argument: string,
  patterns: readonly string[],
  names: readonly string[],
): ReadonlySet<string> {
  const selected = new Set<string>();
  for (const [index, text] of patterns.entries()) {
    const pattern = readPattern(`${argument}[${index}]`, text);
    const found = names.filter((name) => selects(pattern, name));
    if (found.length === 0) throw selectsNothing(`${argument}[${index}]`, text, names);
    for (const name of found) selected.add(name);
  }
  return selected;
}

/** Most names that a message lists. */
const mostListed = 12;

/** Returns the error of a pattern that selects none of these names: ERR_INVALID_ARGUMENT with the nearest name. */
export function selectsNothing(argument: string, pattern: string, names: readonly string[]): SaturnnError {
  const layers = new Set(names.flatMap(beginnings));
  const nearest = nearestName(pattern.replace(/(\/\*\*)?\**$/, ''), [...layers]);
  const first = [...new Set(names.map((name) => name.split(separators.saturnn, 1)[0] as string))];
  const listed = `${first.slice(0, mostListed).join(', ')}${first.length > mostListed ? ', ...' : ''}`;
  const hint = nearest === null ? '' : `the nearest is "${nearest}"; `;
  return invalid(argument, `a pattern that fits a name of the network (${hint}its layers are ${listed})`, pattern);
}

/** Returns a name and the names of the layers that contain it: "3a/1x1/weight" gives "3a", "3a/1x1" and itself. */
function beginnings(name: string): string[] {
  const parts = name.split(separators.saturnn);
  return parts.map((_, index) => parts.slice(0, index + 1).join(separators.saturnn));
}
