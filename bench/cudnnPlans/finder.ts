/**
 * Asks the real cuDNN which plans it has for an H200, without a GPU: cuDNN gets a description of one (test/fakes/h200.json) and
 * stand-ins for the driver and for cuBLASLt, which is 540 MB large.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { binaryFolders, packageRoot } from '../../lib/locate';
import { compileFake } from '../../test/fakes/build';
import { lineOf, type Question } from './tasks';

/** A way to compute a task. */
export interface Variant {
  readonly name: 'plain' | 'fused';
  /** Name such as "cudnn:engine34". */
  readonly engine?: string;
  /** Bytes. */
  readonly workspace?: number;
  /** Whether cuDNN compiles the plan at run time. */
  readonly compiled?: boolean;
  /** Why there is no plan; undefined if there is one. */
  readonly problem?: string;
}

export interface Answer extends Question {
  /** In the order in which the backend prefers them. */
  readonly variants: readonly Variant[];
}

const program = join(binaryFolders()[0] as string, 'tests/cudnn_plans');

/** Folder of libcudnn.so.9, looked for where CMake looks for cuDNN's headers; undefined if it is not there. */
function cudnnFolder(): string | undefined {
  const { CUDNN_ROOT, CUDNN_PATH, XDG_CACHE_HOME } = process.env;
  const cache = join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'saturnn/cudnn');
  const roots = [CUDNN_ROOT, CUDNN_PATH, cache].filter((root): root is string => Boolean(root));
  const folders = roots.flatMap((root) => [join(root, 'lib'), join(root, 'nvidia/cudnn/lib')]);
  return folders.find((folder) => existsSync(join(folder, 'libcudnn.so.9')));
}

/** Returns why plans cannot be found on this host, or null if they can. */
export function missing(): string | null {
  if (!existsSync(program)) return `${program} was not built`;
  return cudnnFolder() === undefined ? 'no cuDNN in CUDNN_ROOT, CUDNN_PATH or the cache' : null;
}

export interface Found {
  /** Version of cuDNN. */
  readonly cudnn: string;
  /** One per question, in order. */
  readonly answers: readonly Answer[];
}

/**
 * Asks cuDNN all questions.
 * @param report called with each answer as soon as it is known
 * @throws Error if the program fails or does not answer every question
 */
export async function findPlans(
  questions: readonly Question[],
  report: (answer: Answer) => void = () => {},
): Promise<Found> {
  const stand = mkdtempSync(join(tmpdir(), 'saturnn-fakes-'));
  try {
    compileFake(stand, 'libcublasLt.so.13', 'cublaslt.c');
    compileFake(stand, 'libcuda.so.1', 'cuda_code_loader.c');
    return await ask(questions, stand, report);
  } finally {
    rmSync(stand, { recursive: true, force: true });
  }
}

async function ask(questions: readonly Question[], stand: string, report: (answer: Answer) => void): Promise<Found> {
  const description = join(packageRoot(), 'test/fakes/h200.json');
  // cuDNN loads libcuda.so.1 by name.
  const env = { ...process.env, LD_LIBRARY_PATH: stand };
  const child = spawn(program, [description, cudnnFolder() as string, stand], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const closed = new Promise<string>((resolve) =>
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `exit ${code ?? signal}: ${errors}`)),
  );
  child.stdin.on('error', () => {}); // if the child has ended, its exit status is reported below
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
