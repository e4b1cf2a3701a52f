/**
 * Checks that cuDNN has a plan for convolutions of the networks on an H200, forward and backward, in every precision. The
 * real cuDNN gets a description of that GPU, so neither a GPU nor a driver is needed. `npm run cudnn:plans` checks all
 * convolutions and fusions.
 */

import { describe, expect, it } from 'vitest';
import { type Answer, findPlans, missing, type Variant } from '../../bench/cudnnPlans/finder';
import { markdown } from '../../bench/cudnnPlans/table';
import { linearProblem, passes, problemsOf, type Question } from '../../bench/cudnnPlans/tasks';
import { inception33, subInception } from '../../lib/models';
import { elu, leakyRelu, leakyTanh, relu, scaledSigmoid, sigmoid, tanh } from '../../lib/ops/activations';
import { precisions } from '../../lib/runtime/precisions';

const reason = missing();
if (reason) console.warn(`Not run: cuDNN's plans, because ${reason}.`);

const mebibyte = 2 ** 20;
const variantsOf = (answers: readonly Answer[]): Variant[] => answers.flatMap(({ variants }) => [...variants]);
const problems = (answers: readonly Answer[]) => variantsOf(answers).filter(({ problem }) => problem !== undefined);

function everyPass(list: readonly string[], options: Omit<Question, 'problem' | 'pass'>): Question[] {
  return list.flatMap((problem) => passes.map((pass) => ({ ...options, problem, pass })));
}

describe.skipIf(reason !== null)("cuDNN's plans without a GPU", () => {
  it.each([
    [128, 1],
    [3, 0.25],
  ])('every convolution of inception33 in every precision, batch %d, width %d', async (batch, width) => {
    const all = [...problemsOf(inception33({ width }), batch), linearProblem(batch, 1024, 100)];
    expect(all.length).toBeGreaterThan(30);
    // Making a plan again from its stored choice works in the same way in every precision, so only bf16 checks it.
    const questions = precisions.flatMap((precision) => everyPass(all, { precision, twice: precision === 'bf16' }));
    const { answers } = await findPlans(questions);
    expect(answers).toHaveLength(questions.length);
    expect(problems(answers)).toEqual([]);
    for (const { variants } of answers) {
      expect(variants.map(({ name }) => name)).toEqual(['plain']);
      expect(variants[0]?.engine).toMatch(/^cudnn:engine\d+$/);
      expect(variants[0]?.workspace).toBeLessThan(256 * mebibyte);
    }
  });

  it('shapes that no network has', async () => {
    const odd = [
      '3 6 5 7 20 3 3 6 5 1 1 1 1 1 1 1 1 1', // input and output channels are padded
      '1 6 9 1 1 2 5 5 2 1 3 0 0 0 0 1 1 1',
      '1 15 14 3 16 7 7 8 7 2 2 3 3 3 3 1 1 1',
      '3 9 6 16 16 3 1 5 6 2 1 1 0 1 0 1 1 1',
      ...[linearProblem(3, 33, 7), linearProblem(1, 48, 100), linearProblem(1, 1, 1)],
    ];
    const questions = precisions.flatMap((precision) => everyPass(odd, { precision }));
    expect(problems((await findPlans(questions)).answers)).toEqual([]);
  });

  it('groups, dilations and different paddings', async () => {
    const plain = [
      '2 6 5 16 32 3 3 6 5 1 1 1 1 1 1 1 1 2',
      '3 5 6 6 9 3 3 5 6 1 1 1 1 1 1 1 1 3', // odd channels, which are not padded in groups
      '2 5 6 8 24 3 3 5 6 1 1 1 1 1 1 1 1 8', // depthwise, three channels of each
      '2 13 8 24 24 3 3 7 6 2 1 4 1 0 3 2 3 24',
      '1 11 7 5 6 3 3 5 3 2 2 3 1 2 0 3 1 1',
      '3 6 7 16 16 3 3 3 3 2 2 0 0 1 1 1 1 1',
    ];
    // cuDNN compiles most of its depthwise plans at run time, which takes a second.
    const depthwise = '32 28 28 144 144 3 3 14 14 2 2 1 1 1 1 1 1 144';
    const questions = [
      ...precisions.flatMap((precision) => everyPass(plain, { precision })),
      ...everyPass([depthwise], { precision: 'bf16' }),
    ];
    expect(problems((await findPlans(questions)).answers)).toEqual([]);
  }, 240_000);

  it('activations are fused at run time, and each choice makes its plan again', async () => {
    const [first, ...rest] = problemsOf(subInception(), 128);
    const wide = rest.find((problem) => problem.split(' ')[5] === '3') as string;
    const fused = (precision: Question['precision'], problem: string, activation = leakyTanh()): Question => ({
      problem,
      pass: 'forward',
      precision,
      activation,
      compiled: true,
      // Whether the stored choice makes the plan again does not depend on the activation, and compiling takes a second.
      twice: activation.kind === 'leakyTanh' || precision === 'fp16',
    });
    const questions = [
      ...[scaledSigmoid(), leakyTanh(), relu()].map((activation) => fused('bf16', wide, activation)),
      fused('fp16', wide, scaledSigmoid()),
      fused('tf32', wide),
      fused('bf16', first as string), // reads the image, which has 3 channels
    ];
    const { answers } = await findPlans(questions);
    expect(problems(answers)).toEqual([]);
    for (const { variants } of answers) {
      expect(variants.map(({ name, compiled }) => ({ name, compiled }))).toEqual([
        { name: 'fused', compiled: true },
        { name: 'plain', compiled: false },
      ]);
    }
  }, 240_000);

  it('the derivative of every activation but elu is fused into a data gradient, as the second choice', async () => {
    const [pointwise, three] = [
      '128 28 28 64 192 1 1 28 28 1 1 0 0 0 0 1 1 1',
      '128 28 28 192 64 3 3 14 14 2 2 1 1 1 1 1 1 1',
    ] as const;
    const derived = (precision: Question['precision'], problem: string, activation = leakyTanh()): Question => ({
      problem,
      pass: 'dgrad',
      precision,
      activation,
      compiled: true,
      twice: activation.kind === 'leakyTanh', // as above
    });
    const { answers } = await findPlans([
      ...[sigmoid(), scaledSigmoid(), leakyTanh(0), relu(), leakyRelu()].map((f) => derived('bf16', pointwise, f)),
      derived('bf16', three),
      derived('fp16', pointwise),
      derived('tf32', pointwise, tanh()),
    ]);
    expect(problems(answers)).toEqual([]);
    for (const { variants } of answers) {
      expect(variants.map(({ name, compiled }) => ({ name, compiled }))).toEqual([
        { name: 'plain', compiled: false },
        { name: 'fused', compiled: true },
      ]);
    }
    const others = [derived('f32', pointwise), derived('bf16', pointwise, elu())];
    const bare = (await findPlans(others)).answers.flatMap(({ variants }) => variants.map(({ name }) => name));
    expect(bare).toEqual(['plain', 'plain']);
  }, 240_000);

  it('strict f32, elu and plain tasks are not fused, nor are weight gradients', async () => {
    const [problem] = problemsOf(subInception(), 128).slice(1) as [string];
    const { answers } = await findPlans([
      { problem, pass: 'forward', precision: 'f32', activation: leakyTanh(), compiled: true },
      { problem, pass: 'forward', precision: 'bf16', activation: elu(), compiled: true },
      { problem, pass: 'forward', precision: 'bf16', activation: leakyTanh() },
      { problem, pass: 'wgrad', precision: 'bf16', twice: true },
    ]);
    const names = answers.map(({ variants }) => variants.map(({ name }) => name));
    expect(names).toEqual([['plain'], ['plain'], ['plain'], ['plain']]);
    expect(problems(answers)).toEqual([]);
  });
});

describe("the table of cuDNN's plans", () => {
  it('counts plans and names what has none', () => {
    const problem = '128 28 28 3 64 3 3 28 28 1 1 1 1 1 1 1 1 1';
    const table = markdown({
      cudnn: '9.24.0',
      device: 'NVIDIA H200',
      asked: 'a test',
      answers: [
        {
          problem,
          pass: 'forward',
          precision: 'f32',
          variants: [{ name: 'plain', engine: 'cudnn:engine70', workspace: 3 * mebibyte }],
        },
        { problem, pass: 'dgrad', precision: 'f32', variants: [{ name: 'plain', problem: 'no engine' }] },
      ],
    });
    expect(table).toContain('| f32 | forward | 1 | 0 | 0 | 3 | 70 (1) |');
    expect(table).toContain('| f32 | dgrad | 1 | 1 | 0 | 0 |  |');
    expect(table).toContain('- f32 dgrad plain : 128 x 28x28x3 -> 64, 3x3, pad 1x1: no engine');
    expect(table).toContain('| 128 x 28x28x3 -> 64, 3x3, pad 1x1 | 70 / none / - |');
  });
});
