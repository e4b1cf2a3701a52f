/** Maps from the names of weights in saturnn to those in PyTorch: rules, as values or in a JSON file, and functions. */
import { invalid, reasonOf, SaturnnError } from '../errors';
import { parseJson } from '../files/json';
import { readWhole } from '../files/read';
import { anyOf, arrayOf, callback, type Field, optional, orNull, pathField, text } from '../options/field';
import { checkArgument, Options } from '../options/options';
import { type Captures, fill, match, type Naming, type Pattern, parsePattern } from '../options/pattern';
import { layoutField, type WeightLayout } from './layout';

/**
 * A rule for names. In a pattern, `*` stands for one or more characters of a part of the name, and `**`, alone in a part, for one or more
 * whole parts; parts are separated by "." in PyTorch and by "/" in saturnn. The stars of the other pattern, the same ones in the same
 * order, stand for the same texts.
 */
export interface WeightRule {
  /** Pattern of names in saturnn: "features/*". Null: nothing in saturnn takes what `pytorch` names, and reports ignore it. */
  saturnn: string | null;
  /** Pattern of names in PyTorch: "features.*". Null: the weights that `saturnn` names are in no file of PyTorch. */
  pytorch: string | null;
  /** How the weight lies in PyTorch. Default: "convolution" for four dimensions, "same" for others. */
  layout?: WeightLayout;
}

/** The place of a weight in PyTorch's file. */
export interface WeightPlace {
  /** Its name there. */
  name: string;
  /** How it lies there. Default: "convolution" for four dimensions, "same" for others. */
  layout?: WeightLayout;
}

/**
 * Says which name a weight of saturnn has in PyTorch: rules, of which the first that fits a name and leads to one in the file counts; or
 * a function of name and shape in saturnn, which may return undefined for names that it does not know, and null for a weight that
 * is in no file of PyTorch. For names without a rule, those that a PyTorch module of the same structure would have are tried.
 */
export type WeightMap =
  | readonly WeightRule[]
  | ((name: string, shape: readonly number[]) => string | WeightPlace | null | undefined);

const ruleOptions = new Options<WeightRule>(
  'A rule of a map',
  { saturnn: orNull(text), pytorch: orNull(text), layout: optional(layoutField) },
  { argument: 'rule' },
);
const placeOptions = new Options<WeightPlace>(
  'The result of map()',
  { name: text, layout: optional(layoutField) },
  { argument: 'result' },
);
const rulesField = arrayOf(ruleOptions.nested('a rule { saturnn, pytorch, layout }'), 'an array of rules');

/** Accepts a WeightMap. */
export const weightMapField: Field<WeightMap> = anyOf(
  'an array of rules, or a function of a name and a shape,',
  rulesField,
  callback<Extract<WeightMap, (...args: never[]) => unknown>>(),
);

/** Most rules of a map: each may be tried for each weight. */
const mostRules = 10_000;

interface ParsedRule {
  readonly saturnn: Pattern | null;
  readonly pytorch: Pattern | null;
  readonly layout: WeightLayout | undefined;
}

/** A map that was checked. */
export interface CheckedMap {
  /** Returns the places that a weight may have, the best first, and whether it is in no file. */
  placesOf(
    name: string,
    shape: readonly number[],
  ): { readonly places: readonly WeightPlace[]; readonly absent: boolean };
  /** Whether a name of PyTorch is one of which saturnn has nothing. */
  isIgnored(name: string): boolean;
}

/** Checks a map. @throws ERR_INVALID_ARGUMENT, ERR_DATA for a pattern that cannot be used */
export function checkMap(map: WeightMap = []): CheckedMap {
  if (typeof map === 'function') return mapOfFunction(map);
  const rules = map.map(parseRule);
  return {
    placesOf(name, _shape) {
      const places: WeightPlace[] = [];
      for (const { saturnn, pytorch, layout } of rules) {
        const captures = saturnn && match(saturnn, name);
        if (!captures) continue;
        if (!pytorch) return { places, absent: places.length === 0 };
        places.push({ name: fill(pytorch, captures as Captures), layout });
      }
      return { places, absent: false };
    },
    isIgnored: (name) => rules.some(({ saturnn, pytorch }) => !saturnn && pytorch && match(pytorch, name)),
  };
}

function mapOfFunction(map: Extract<WeightMap, (...args: never[]) => unknown>): CheckedMap {
  return {
    placesOf(name, shape) {
      const place = map(name, [...shape]);
      if (place === null) return { places: [], absent: true };
      if (place === undefined) return { places: [], absent: false };
      return { places: [typeof place === 'string' ? { name: place } : placeOptions.check(place)], absent: false };
    },
    isIgnored: () => false,
  };
}

function parseRule({ saturnn, pytorch, layout }: WeightRule, index: number): ParsedRule {
  const parsed = (text: string | null, naming: Naming) => (text === null ? null : parsePattern(text, naming));
  const rule = { saturnn: parsed(saturnn, 'saturnn'), pytorch: parsed(pytorch, 'pytorch'), layout };
  if (!rule.saturnn && !rule.pytorch) throw invalid(`rule ${index}`, 'a pattern for saturnn or pytorch', null);
  const [ours, theirs] = [rule.saturnn, rule.pytorch].map((pattern) => pattern?.stars.join(' '));
  if (rule.saturnn && rule.pytorch && ours !== theirs) {
    const message = `Expected the same stars in both patterns of rule ${index} but received "${saturnn}" and "${pytorch}"`;
    throw new SaturnnError('ERR_DATA', message);
  }
  return rule;
}

/**
 * Reads a map from JSON: `{ "rules": [{ "saturnn": "features/*", "pytorch": "features.*" }, ...] }`.
 * @param source names the file in errors
 * @throws ERR_DATA if it has another form
 */
export function parseWeightMap(text: string, source: string): readonly WeightRule[] {
  try {
    const json = mapOptions.check(parseJson(text));
    if (json.rules.length > mostRules) throw new Error(`it has ${json.rules.length} rules, more than ${mostRules}`);
    checkMap(json.rules);
    return json.rules;
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `${source} is not a map of weights: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

const mapOptions = new Options<{ rules: readonly WeightRule[] }>(
  'A map',
  { rules: rulesField },
  { argument: 'content' },
);

/** Most bytes of a file with a map. */
const largestMap = 2 ** 24;

/**
 * Reads a map of the names of weights from a JSON file: `{ "rules": [{ "saturnn": "features/*", "pytorch": "features.*" }, ...] }`.
 * @throws ERR_DATA if the file cannot be read, or has another form
 */
export function readWeightMap(path: string): readonly WeightRule[] {
  checkArgument('path', pathField, path);
  let text: string;
  try {
    text = readWhole(path, largestMap).toString('utf8');
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
  return parseWeightMap(text, path);
}
