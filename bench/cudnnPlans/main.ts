/** `npm run cudnn:plans`: finalises cuDNN's plans for all three models and writes docs/cudnn-plans.md. This takes minutes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inception33, inceptionBn, subInception } from '../../lib/models';
import { leakyRelu, leakyTanh, relu, scaledSigmoid, sigmoid, tanh } from '../../lib/ops/activations';
import { packageRoot } from '../../lib/runtime/locate';
import { precisions } from '../../lib/runtime/precisions';
import { findPlans, missing } from './finder';
import { describeProblem, markdown } from './table';
import { linearProblem, passes, problemsOf, type Question } from './tasks';

const batches = [128, 1024];

function questionsOf(problems: readonly string[]): Question[] {
  const questions: Question[] = [];
  const [first, second] = problems as [string, string]; // the first reads the image, which needs no gradient
  for (const precision of precisions) {
    for (const problem of problems) {
      const isSmall = problem.startsWith(`${batches[0]} `);
      for (const pass of passes) {
        questions.push({ problem, pass, precision, twice: true });
      }
      // A compiled plan takes half a second, so the larger batch is asked for one precision and pass only.
      if (precision !== 'f32' && !isLinear(problem) && (isSmall || precision === 'bf16')) {
        questions.push({ problem, pass: 'forward', precision, activation: leakyTanh(), compiled: true });
        if (isSmall) questions.push({ problem, pass: 'dgrad', precision, activation: leakyTanh(), compiled: true });
      }
    }
    if (precision === 'f32') continue;
    for (const activation of [sigmoid(), scaledSigmoid(), tanh(), relu(), leakyRelu(), leakyTanh(0)]) {
      questions.push({ problem: first, pass: 'forward', precision, activation, compiled: true, twice: true });
      questions.push({ problem: second, pass: 'dgrad', precision, activation, compiled: true, twice: true });
    }
  }
  return questions;
}

const isLinear = (problem: string): boolean => problem.split(' ')[1] === '1';

/** The networks whose convolutions are asked for. */
const networks = { inception33, subInception, inceptionBn };

async function main(): Promise<void> {
  const reason = missing();
  if (reason) throw new Error(`cuDNN cannot be asked: ${reason}`);
  const problems = batches.flatMap((batch) => [
    ...Object.values(networks).flatMap((make) => problemsOf(make(), batch)),
    linearProblem(batch, 1024, 100),
    linearProblem(batch, 1024, 1000),
  ]);
  const questions = questionsOf([...new Set(problems)]);
  let done = 0;
  const began = performance.now();
  const { cudnn, answers } = await findPlans(questions, ({ precision, pass, problem }) => {
    done++;
    if (done % 100 === 0) {
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      process.stderr.write(
        `${done} of ${questions.length}, ${seconds} s: ${precision} ${pass} ${describeProblem(problem)}\n`,
      );
    }
  });
  const { deviceName } = JSON.parse(readFileSync(join(packageRoot(), 'test/fakes/h200.json'), 'utf8'));
  const named = [...Object.keys(networks), 'their linear layers (100 and 1000 classes)'];
  const asked = `${named.join(', ')}, at width 1 and batch ${batches.join(' and ')}`;
  const file = join(packageRoot(), 'docs/cudnn-plans.md');
  writeFileSync(file, markdown({ cudnn, device: deviceName, asked, answers }));
  const failed = answers.flatMap(({ variants }) => variants.filter(({ problem }) => problem));
  process.stdout.write(`${file}: ${answers.length} questions, ${failed.length} without a plan\n`);
  if (failed.length > 0) process.exitCode = 1;
}

void main();
