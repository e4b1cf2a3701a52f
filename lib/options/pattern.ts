/** Patterns of names: "blocks.*" for PyTorch's, "blocks/*" for saturnn's. */
import { SaturnnError, show } from '../errors';

/** Character between the parts of a name. */
export const separators = { pytorch: '.', saturnn: '/' } as const;
/** A way to name weights. */
export type Naming = keyof typeof separators;

/** Longest names that are compared with patterns, in characters. */
const longest = 1024;

/**
 * A pattern. `*` stands for one or more characters of a part of the name, `**` alone in a part for one or more whole parts (once in
 * a pattern).
 */
export interface Pattern {
  readonly text: string;
  readonly naming: Naming;
  /** The parts between separators. */
  readonly parts: readonly string[];
  /** The stars in their order. */
  readonly stars: readonly ('*' | '**')[];
}

/** Texts that the stars of a pattern stand for: a text for `*`, parts for `**`. */
export type Captures = readonly (string | readonly string[])[];

/** Reads a pattern. @throws ERR_DATA that names the pattern */
export function parsePattern(text: string, naming: Naming): Pattern {
  const fail = (what: string) => new SaturnnError('ERR_DATA', `The pattern ${show(text)} cannot be used: ${what}`);
  if (text === '' || text.length > longest) throw fail(`expected 1 to ${longest} characters`);
  const parts = text.split(separators[naming]);
  const stars: ('*' | '**')[] = [];
  for (const part of parts) {
    if (part === '') throw fail(`it has an empty part between two ${show(separators[naming])}`);
    if (part.includes('**') && part !== '**') throw fail('** must be a whole part of the name');
    if (part === '**') stars.push('**');
    else for (const character of part) if (character === '*') stars.push('*');
  }
  if (stars.filter((star) => star === '**').length > 1) throw fail('it has ** twice');
  return { text, naming, parts, stars };
}

/** Returns what the stars stand for if the name fits the pattern; null if it does not. The shortest texts are taken first. */
export function match({ parts, naming }: Pattern, name: string): Captures | null {
  if (name.length > longest) return null;
  const given = name.split(separators[naming]);
  const open = parts.indexOf('**');
  if (open < 0) return given.length === parts.length ? matchParts(parts, given) : null;
  const after = parts.length - open - 1;
  const end = given.length - after;
  if (end <= open) return null;
  const before = matchParts(parts.slice(0, open), given.slice(0, open));
  const behind = matchParts(parts.slice(open + 1), given.slice(end));
  return before && behind && [...before, given.slice(open, end), ...behind];
}

function matchParts(parts: readonly string[], given: readonly string[]): Captures | null {
  const captures: string[] = [];
  for (const [index, part] of parts.entries()) {
    const found = matchPart(part, given[index]!);
    if (!found) return null;
    captures.push(...found);
  }
  return captures;
}

/** Takes for each star the shortest text that lets the next literal follow: if the rest fits at all, it fits so. */
function matchPart(pattern: string, text: string): string[] | null {
  const [first = '', ...literals] = pattern.split('*');
  if (literals.length === 0) return pattern === text ? [] : null;
  if (!text.startsWith(first)) return null;
  const captures: string[] = [];
  let at = first.length;
  for (const [index, literal] of literals.entries()) {
    const isLast = index === literals.length - 1;
    const next = isLast ? text.length - literal.length : text.indexOf(literal, at + 1);
    if (next < at + 1 || !text.startsWith(literal, next)) return null;
    captures.push(text.slice(at, next));
    at = next + literal.length;
  }
  return captures;
}

/** Returns the name that a pattern makes of what another one's stars stood for. Both have the same stars in the same order. */
export function fill({ parts, naming }: Pattern, captures: Captures): string {
  const left = [...captures];
  const filled = parts.map((part) => {
    if (part === '**') return (left.shift() as readonly string[]).join(separators[naming]);
    return part.replaceAll('*', () => left.shift() as string);
  });
  return filled.join(separators[naming]);
}
