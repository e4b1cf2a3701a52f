// The imports of lib. `npm run docs:architecture` draws the layers and what they import into docs/design.md.
// `npm run check:imports` checks that the code obeys .dependency-cruiser.cjs, and that the picture is that of the code.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { install, tool } from './docs/tools.mjs';
import { node, root, StageError, startIfMain } from './stage.mjs';

const rules = join(root, '.dependency-cruiser.cjs');

/** Runs dependency-cruiser on the lib in `folder`. Returns what it prints, and whether lib obeys the rules (`ok`). */
export async function cruise(folder, format) {
  const program = tool('dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const args = [program, 'lib', '--config', rules, '--output-type', format];
  try {
    const { stdout } = await promisify(execFile)(node, args, { cwd: folder, maxBuffer: 2 ** 28 });
    return { ok: true, text: stdout };
  } catch (error) {
    if (!error.stdout) throw error;
    return { ok: false, text: error.stdout };
  }
}

/** Lists the layers from bottom to top: name, what it holds, and a pattern of its files. */
function layersOfRules() {
  const { forbidden } = createRequire(import.meta.url)(rules);
  return forbidden
    .filter(({ name }) => name.startsWith('layer '))
    .map(({ name, comment, from }) => ({
      name: name.slice('layer '.length),
      holds: comment.slice(0, comment.indexOf(';')),
      path: new RegExp(from.path),
    }));
}

/** Returns for each layer the set of layers (as indices) that its files import. */
function arrowsOf({ modules }, layers) {
  const layerOf = (path) => layers.findIndex((layer) => layer.path.test(path));
  const arrows = layers.map(() => new Set());
  for (const { source, dependencies } of modules) {
    const from = layerOf(source);
    for (const { resolved } of dependencies) {
      const to = layerOf(resolved);
      if (from >= 0 && to >= 0 && from !== to) arrows[from].add(to);
    }
  }
  return arrows;
}

/** Leaves out the arrows that follow from others. */
function shortest(arrows) {
  const below = arrows.map(() => new Set());
  arrows.forEach((targets, from) => {
    for (const to of targets) for (const further of [to, ...below[to]]) below[from].add(further);
  });
  return arrows.map((targets) => [...targets].filter((to) => ![...targets].some((other) => below[other].has(to))));
}

function pictureOf(graph) {
  const layers = layersOfRules();
  const arrows = shortest(arrowsOf(graph, layers));
  const nodes = layers.map(({ name, holds }) => `  ${name}["<b>${name}</b><br/>${holds}"]`);
  const lines = arrows.flatMap((targets, from) =>
    targets.sort((a, b) => b - a).map((to) => `  ${layers[from].name} --> ${layers[to].name}`),
  );
  return ['```mermaid', 'flowchart TD', ...nodes.reverse(), ...lines.reverse(), '```'].join('\n');
}

const page = join(root, 'docs', 'design.md');
const marks = ['<!-- begin: npm run docs:architecture -->', '<!-- end: npm run docs:architecture -->'];

/** Returns docs/design.md as it is (`before`) and with the picture of the code (`after`). */
async function pages() {
  const { text } = await cruise(root, 'json');
  const before = readFileSync(page, 'utf8');
  const [begin, end] = marks.map((mark) => before.indexOf(mark));
  if (begin < 0 || end < begin) throw new StageError(`${page} lacks the marks of the picture: ${marks.join(' ')}`);
  const after = `${before.slice(0, begin)}${marks[0]}\n${pictureOf(JSON.parse(text))}\n${before.slice(end)}`;
  return { before, after };
}

async function draw() {
  const { before, after } = await pages();
  if (before !== after) writeFileSync(page, after);
  console.log(`docs/design.md: ${before === after ? 'the picture is that of the code' : 'the picture was drawn anew'}`);
}

async function check() {
  const { ok, text } = await cruise(root, 'err-long');
  console.log(text.trim());
  if (!ok) return 1;
  const { before, after } = await pages();
  if (before !== after)
    throw new StageError(
      'docs/design.md: the picture of the layers is not that of the code: npm run docs:architecture',
    );
}

await startIfMain(import.meta.url, async (args) => {
  await install();
  return args.includes('--draw') ? draw() : check();
});
