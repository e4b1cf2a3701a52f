import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Philox } from '../../lib/random';
import { Fakes } from './support';

interface Request {
  bytes: number;
  first: number;
  last: number;
}

const fakes = new Fakes();
let planner: string;
beforeAll(() => {
  planner = fakes.build('planner', ['test/fakes/memory_planner.cc', 'native/core/plan/memory_plan.cc']);
});
afterAll(() => fakes.remove());

function planMemory(requests: Request[], alignment = 64): { arenaBytes: number; offsets: number[] } {
  const lines = requests.map(({ bytes, first, last }) => `${bytes} ${first} ${last}`);
  const output = execFileSync(planner, { input: [alignment, ...lines].join('\n'), encoding: 'utf8' });
  const [arenaBytes, ...offsets] = output.trim().split('\n').map(Number);
  return { arenaBytes: arenaBytes!, offsets };
}

/** Returns the largest number of bytes that are alive at the same time; no memory plan can need less. */
function lowerBound(requests: Request[], alignment = 64): number {
  const round = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
  const at = (moment: number) => requests.filter((it) => it.first <= moment && moment <= it.last);
  return Math.max(...requests.map((it) => at(it.first).reduce((sum, { bytes }) => sum + round(bytes), 0)));
}

test('nothing needs nothing', () => {
  expect(planMemory([])).toEqual({ arenaBytes: 0, offsets: [] });
});

test('blocks that do not live together share their place', () => {
  const { arenaBytes, offsets } = planMemory([
    { bytes: 100, first: 0, last: 1 },
    { bytes: 200, first: 1, last: 2 },
    { bytes: 100, first: 2, last: 3 },
  ]);
  expect(arenaBytes).toBe(256 + 128);
  expect(offsets[0]).toBe(offsets[2]);
});

test('a block whose last reader is the next one’s writer keeps its place', () => {
  const { offsets } = planMemory([
    { bytes: 64, first: 0, last: 1 },
    { bytes: 64, first: 1, last: 2 },
  ]);
  expect(new Set(offsets).size).toBe(2);
});

test('the smallest gap that holds a block gets it', () => {
  // When the last block is placed, 512 bytes are free at offset 0, and 384 bytes at offset 960.
  const { arenaBytes, offsets } = planMemory([
    { bytes: 512, first: 0, last: 0 },
    { bytes: 448, first: 0, last: 9 },
    { bytes: 384, first: 0, last: 0 },
    { bytes: 320, first: 0, last: 9 },
    { bytes: 256, first: 5, last: 5 },
  ]);
  expect(offsets).toEqual([0, 512, 960, 1344, 960]);
  expect(arenaBytes).toBe(1344 + 320);
});

test('random lifetimes: nothing overlaps, all is aligned, and little is wasted', () => {
  const random = new Philox(7, 1);
  for (let round = 0; round < 40; round++) {
    const requests = Array.from({ length: 1 + (random.uint32() % 120) }, () => {
      const first = random.uint32() % 100;
      return { bytes: 1 + (random.uint32() % 5000), first, last: first + (random.uint32() % 12) };
    });
    const { arenaBytes, offsets } = planMemory(requests);
    requests.forEach((a, i) => {
      expect(offsets[i]! % 64).toBe(0);
      expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(arenaBytes);
      requests.slice(0, i).forEach((b, j) => {
        const together = a.first <= b.last && b.first <= a.last;
        const apart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
        expect(!together || apart).toBe(true);
      });
    });
    expect(arenaBytes).toBeGreaterThanOrEqual(lowerBound(requests));
    expect(arenaBytes).toBeLessThanOrEqual(1.5 * lowerBound(requests));
  }
});
