/**
 * Asks the real cuDNN for plans on an H200 that is not there: cuDNN gets its description (test/fakes/h200.json). Stand-ins replace
 * the driver and cuBLASLt (540 MB).
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { binaryFolders, packageRoot } from '../../lib/runtime/locate';
import { compileFake } from '../../test/fakes/build';
import { lineOf, type Question } from './tasks';

/** One way to do a task. Variants are in the order in which the backend prefers them. `problem` says why there is no plan. */
export interface Variant {
  readonly name: 'plain' | 'fused';
  readonly engine?: string;
  readonly workspace?: number;
  readonly compiled?: boolean;
  readonly problem?: string;
}

/** A question with its plans. */
export interface Answer extends Question {
  readonly variants: readonly Variant[];
}

const program = join(binaryFolders()[0] as string, 'tests/cudnn_plans');

/** Folder of libcudnn.so.9, searched in the places where CMake looked for cuDNN's headers; undefined if it is in none of them. */
function cudnnFolder(): string | undefined {
  const { CUDNN_ROOT, CUDNN_PATH, XDG_CACHE_HOME } = process.env;
  const cache = join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'saturnn/cudnn');
  const roots = [CUDNN_ROOT, CUDNN_PATH, cache].filter((root): root is string => Boolean(root));
  const folders = roots.flatMap((root) => [join(root, 'lib'), join(root, 'nvidia/cudnn/lib')]);
  return folders.find((folder) => existsSync(join(folder, 'libcudnn.so.9')));
}

/** Why cuDNN cannot be asked on this machine; null if it can. */
export function missing(): string | null {
  if (!existsSync(program)) return `${program} was not built`;
  return cudnnFolder() === undefined ? 'no cuDNN in CUDNN_ROOT, CUDNN_PATH or the cache' : null;
}

export interface FoundPlan {
  /** cuDNN's version. */
  readonly cudnn: string;
  /** One answer for each question, in the same order. */
  readonly answers: readonly Answer[];
}

/**
 * Asks all questions, and calls `report` with each answer as it comes.
 * @throws Error if the program ends without having answered all questions
 */
export async function findPlans(
  questions: readonly Question[],
  report: (answer: Answer) => void = () => {},
): Promise<FoundPlan> {
  const stand = mkdtempSync(join(tmpdir(), 'saturnn-fakes-'));
  try {
    compileFake(stand, 'libcublasLt.so.13', 'cublaslt.c');
    compileFake(stand, 'libcuda.so.1', 'cuda_code_loader.c');
    return await ask(questions, stand, report);
  } finally {
    rmSync(stand, { recursive: true, force: true });
  }
}

async function ask(
  questions: readonly Question[],
  stand: string,
  report: (answer: Answer) => void,
): Promise<FoundPlan> {
  const description = join(packageRoot(), 'test/fakes/h200.json');
  // cuDNN loads libcuda.so.1 by name, so the stand-in has to be in the search path.
  const env = { ...process.env, LD_LIBRARY_PATH: stand };
  const child = spawn(program, [description, cudnnFolder() as string, stand], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const closed = new Promise<string>((resolve) =>
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `exit ${code ?? signal}: ${errors}`)),
  );
  child.stdin.on('error', () => {}); // if the child has ended, its exit status says why
  child.stdin.end(questions.map((question) => `${lineOf(question)}\n`).join(''));
  const answers: Answer[] = [];
  let cudnn = '';
  for await (const line of createInterface(child.stdout)) {
    if (cudnn === '') {
      cudnn = line;
      continue;
    }
    const answer: Answer = { ...(questions[answers.length] as Question), variants: JSON.parse(line) };
    answers.push(answer);
    report(answer);
  }
  const problem = await closed;
  if (problem || answers.length !== questions.length) {
    throw new Error(`${program}: ${answers.length} answers to ${questions.length} questions. ${problem}`);
  }
  return { cudnn, answers };
}
