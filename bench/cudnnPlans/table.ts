/** Writes the answers as Markdown: the page docs/cudnn-plans.md. */
import { type Precision, precisions } from '../../lib/runtime/precisions';
import type { Answer, Variant } from './finder';
import { type ConvolutionPass, type Problem, passes } from './tasks';

export interface TableSource {
  readonly cudnn: string;
  readonly device: string;
  /** The convolutions that were asked for, in words. */
  readonly asked: string;
  readonly answers: readonly Answer[];
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
const numberOf = ({ engine = '' }: Variant): string => engine.replace('cudnn:engine', '');
const mebibytes = (bytes: number): string => (bytes < 2 ** 20 && bytes > 0 ? '< 1' : (bytes / 2 ** 20).toFixed(0));

interface Group {
  readonly title: string;
  readonly precision: Precision;
  readonly variants: readonly Variant[];
}

/** Groups the plans of all problems by precision, pass, and what is fused: a group is a row of the summary. */
function groupsOf(answers: readonly Answer[]): Group[] {
  const groups: Group[] = [];
  for (const precision of precisions) {
    for (const pass of passes) {
      const those = answers.filter((answer) => answer.precision === precision && answer.pass === pass);
      for (const name of ['plain', 'fused'] as const) {
        const kinds = unique(those.map(({ activation }) => (name === 'fused' ? activation?.kind : undefined)));
        for (const kind of kinds) {
          const variants = those
            .filter(({ activation }) => activation?.kind === kind)
            .flatMap((answer) => answer.variants.filter((variant) => variant.name === name));
          const title =
            name === 'fused'
              ? `${pass}, fused with ${pass === 'dgrad' ? 'the derivative of' : 'bias and'} ${kind}`
              : pass;
          if (variants.length > 0) groups.push({ title, precision, variants });
        }
      }
    }
  }
  return groups;
}

function engines(variants: readonly Variant[]): string {
  const counts = new Map<string, number>();
  for (const variant of variants) {
    if (variant.engine) counts.set(numberOf(variant), (counts.get(numberOf(variant)) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || Number(a) - Number(b));
  return sorted.map(([engine, count]) => `${engine} (${count})`).join(', ');
}

function summary(answers: readonly Answer[]): string[] {
  return groupsOf(answers).map(({ title, precision, variants }) => {
    const failures = variants.filter(({ problem }) => problem !== undefined).length;
    const workspace = Math.max(0, ...variants.map((variant) => variant.workspace ?? 0));
    const compiled = variants.filter((variant) => variant.compiled).length;
    return `| ${precision} | ${title} | ${variants.length} | ${failures} | ${compiled} | ${mebibytes(workspace)} | ${engines(variants)} |`;
  });
}

/** Describes a problem for people: "128 x 28x28x64 -> 96, 3x3". */
export function describeProblem(problem: Problem): string {
  const [n, h, w, c, o, kh, kw, , , strideH, strideW, ...others] = problem.split(' ');
  const [top, left, bottom, right, dilationH, dilationW, groups] = others;
  const stride = strideH === '1' && strideW === '1' ? '' : `, stride ${strideH}x${strideW}`;
  const isEven = top === bottom && left === right;
  const sides = isEven ? `${top}x${left}` : [top, bottom, left, right].join(', ');
  const padding = isEven && top === '0' && left === '0' ? '' : `, pad ${sides}`;
  const dilation = dilationH === '1' && dilationW === '1' ? '' : `, dilation ${dilationH}x${dilationW}`;
  const grouped = groups === '1' ? '' : `, ${groups} groups`;
  return `${n} x ${h}x${w}x${c} -> ${o}, ${kh}x${kw}${stride}${padding}${dilation}${grouped}`;
}

/** Lists the engines for one problem in one precision: the plain engine of each pass, then those of plans fused with an activation. */
function cell(answers: readonly Answer[]): string {
  const shown = (pass: ConvolutionPass, name: Variant['name']) =>
    unique(
      answers
        .filter((answer) => answer.pass === pass)
        .flatMap(({ variants }) => variants.filter((variant) => variant.name === name))
        .map((variant) => numberOf(variant) || 'none'),
    );
  const plain = passes.map((pass) => shown(pass, 'plain')[0] ?? '-').join(' / ');
  const fused = passes.map((pass) => shown(pass, 'fused').join('+') || '-').join(' / ');
  return /\d|none/.test(fused) ? `${plain}; fused ${fused}` : plain;
}

function details(answers: readonly Answer[]): string[] {
  return unique(answers.map(({ problem }) => problem)).map((problem) => {
    const those = answers.filter((answer) => answer.problem === problem);
    const cells = precisions.map((precision) => cell(those.filter((answer) => answer.precision === precision)));
    return `| ${describeProblem(problem)} | ${cells.join(' | ')} |`;
  });
}

function failures(answers: readonly Answer[]): string[] {
  return answers.flatMap(({ problem, pass, precision, activation, variants }) =>
    variants
      .filter((variant) => variant.problem !== undefined)
      .map(
        ({ name, problem: reason }) =>
          `- ${precision} ${pass} ${name} ${activation?.kind ?? ''}: ${describeProblem(problem)}: ${reason}`,
      ),
  );
}

/** Returns the whole page. */
export function markdown({ cudnn, device, asked, answers }: TableSource): string {
  const problems = unique(answers.map(({ problem }) => problem)).length;
  const failed = failures(answers);
  return `# cuDNN's plans for every convolution

This page shows which plan cuDNN gives for each convolution of saturnn's networks, in every precision, forward and backward. It
answers whether every convolution can run, and how much workspace it needs. It says nothing about speed.

\`\`\`sh
npm run cudnn:plans     # asks cuDNN and writes this page anew, in minutes
\`\`\`

- cuDNN ${cudnn} was asked with the description of an ${device}, without a GPU.
- The questions are ${problems} different convolutions:
  ${asked}.
- lenet, the ResNets and mobilenetV2 were not asked about. test/package/cudnn-plans.test.ts asks about convolutions in groups, with dilation
  and with different paddings.
- A plan here is the first that the backend would take without autotuning, finalised by cuDNN. Every plain plan was also made again
  from its engine number and knobs, as the backend does with a remembered choice.

Engines that the backend's policy drops are not counted: in f32, every engine that uses tensor cores; in every precision, engines that
are not deterministic, that sum in less than f32, that make halves of f32 images, or that want more than 1 GiB of workspace.

tf32, bf16 and fp16 are asked with channels filled up to what tensor cores take (3 to 8). "Compiled" counts the plans that cuDNN
compiles at run time. The backend uses a fused dgrad only if timing has chosen it.

| precision | pass | problems | without a plan | compiled | largest workspace, MiB | engines (problems) |
|---|---|---|---|---|---|---|
${summary(answers).join('\n')}

${failed.length === 0 ? 'Every convolution has a plan.' : `Without a plan:\n\n${failed.join('\n')}`}

<details>
<summary>Every convolution: cuDNN's engine numbers, forward / dgrad / wgrad</summary>

| convolution | ${precisions.join(' | ')} |
|---|${precisions.map(() => '---|').join('')}
${details(answers).join('\n')}

</details>
`;
}
