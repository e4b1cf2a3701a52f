/** Tests of cases and references without a backend: every op has both, and no pass changes a result. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../lib/compile/graph';
import { defaultPasses, optimize, type Pass } from '../../lib/compile/optimize';
import { commuteAveragePool } from '../../lib/compile/passes/commuteAveragePool';
import { halveImages } from '../../lib/compile/passes/halveImages';
import { mergeSiblingConvs } from '../../lib/compile/passes/mergeSiblingConvs';
import { ops } from '../../lib/ops';
import { allCases } from '../cases';
import type { Case } from '../cases/problem';
import { graphOf, prepare, readerOf } from '../check';
import { TestRandom, testSeed } from '../random';
import { references } from './index';
import { interpret, isSource } from './interpret';
import { firstChange, firstDifference } from './lastDigits';
import { Memo } from './memo';
import type { Values } from './values';

test('every op has a reference and a case, and nothing else has', () => {
  const names = ops.map(({ name }) => name).sort();
  expect(Object.keys(references).sort()).toEqual(names);
  expect([...new Set(allCases.flatMap(({ covers }) => covers))].sort()).toEqual(names);
});

test('NaN is given to every kernel', () => {
  const random = new TestRandom(testSeed);
  const holdsNaN = (testCase: Case) => {
    const { inputs, state } = testCase.build(random);
    return [...Object.values(inputs), ...Object.values(state?.arenas ?? {})].some((values) =>
      values.includes(Number.NaN),
    );
  };
  const given = new Set<string>();
  for (const one of allCases) {
    if (one.covers.some((name) => !given.has(name)) && holdsNaN(one)) for (const name of one.covers) given.add(name);
  }
  const names = ops.map(({ name }) => name).filter((name) => name !== 'advance'); // It reads integers only.
  expect(names.filter((name) => !given.has(name))).toEqual([]);
});

test('no two cases have the same name', () => {
  const names = allCases.map(({ name }) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

/** Cases of more than one op, which a pass may change. */
const composed = allCases.filter((one) => graphOf(one).nodes.filter((node) => !isSource(node)).length > 1);

/** Each pass alone, then all, without and with copies between precisions (which change nothing in float64). */
const halve: Pass = (graph) => halveImages(graph, 'bf16');
const sequences = [...defaultPasses.map((pass) => [pass]), defaultPasses, [halve, ...defaultPasses]];

/** Passes that add the same terms in another order, so that the last digits may differ. The others must not change a bit. */
const reordering: readonly Pass[] = [commuteAveragePool, mergeSiblingConvs];

/** Whether a pass has changed the graph: its ops, or its decisions about memory. */
function differs(before: Graph, after: Graph): boolean {
  const sizes = ({ nodes, memory }: Graph) => [
    ...[nodes.length, memory.placements.size, memory.inPlace.size, memory.absent.size],
  ];
  const same = sizes(before).every((size, i) => size === sizes(after)[i]);
  return !same || after.nodes.some((node, i) => node.op !== before.nodes[i]?.op);
}

function expectSame(got: Values | undefined, want: Values, exact: boolean, what: string): void {
  // toEqual() takes a microsecond for every number.
  const wrong = exact ? firstChange(got, want) : firstDifference(got, want);
  if (wrong >= 0) expect.fail(`${what} [${wrong}]: ${got?.data[wrong]} instead of ${want.data[wrong]}`);
}

describe('passes change no result', () => {
  for (const testCase of composed) {
    test(testCase.name, () => {
      const { problem, expected } = prepare(testCase, testSeed, 'f32');
      const memo = new Memo();
      for (const passes of sequences) {
        const graph = optimize(problem.graph, passes);
        if (!differs(problem.graph, graph)) continue;
        const { outputs, writes } = interpret(graph, readerOf(problem), { memo });
        const exact = !passes.some((pass) => reordering.includes(pass));
        const names = passes.map((pass) => pass.name).join(', ');
        for (const [name, { values }] of Object.entries(expected.outputs)) {
          expectSame(outputs[name], values, exact, `output ${name} after ${names}`);
        }
        const written = [...writes.values()];
        expect(written.length).toBe(expected.writes.length);
        expected.writes.forEach(({ values }, i) => {
          expectSame(written[i], values, exact, `write ${i} after ${names}`);
        });
      }
    });
  }
});
