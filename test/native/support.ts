/** Helpers for tests of the native core: compiling the fake backend, and short ways to describe plans. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAddon } from '../../lib/runtime/addon';
import { packageRoot } from '../../lib/runtime/locate';
import type {
  NativeDevice,
  NodeDescription,
  OpenOptions,
  PlanDescription,
  RunInput,
  TensorDescription,
} from '../../lib/runtime/native';

export class Fakes {
  readonly folder = mkdtempSync(join(tmpdir(), 'saturnn-fakes-'));

  /**
   * Compiles sources, given by paths relative to the repository's root. Flags in CXXFLAGS are added, and a library that is
   * preloaded into this process (a sanitizer) is not loaded into the compiler.
   * @returns the path of the library
   */
  build(name: string, sources: string[], flags: string[] = []): string {
    const path = join(this.folder, name);
    const files = sources.map((source) => join(packageRoot(), source));
    const { LD_PRELOAD: _, CXXFLAGS = '', ...env } = process.env;
    const given = CXXFLAGS.split(' ').filter((flag) => flag !== '');
    const version = `-DSATURNN_ABI_VERSION=${loadAddon().abiVersion}u`;
    const include = `-I${join(packageRoot(), 'native')}`;
    execFileSync('g++', ['-std=c++17', '-O1', include, version, ...given, ...flags, ...files, '-o', path], { env });
    return path;
  }

  backend(): string {
    return this.build('fake.so', ['test/fakes/fake_backend.cc'], ['-shared', '-fPIC', '-pthread']);
  }

  blockedBackend(): string {
    return this.build('blocked.so', ['test/fakes/fake_backend.cc'], ['-shared', '-fPIC', '-pthread', '-DFAKE_BLOCKED']);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export function options(libraryPath: string, more: Partial<OpenOptions> = {}): OpenOptions {
  return { libraryPath, index: 0, threads: 1, searchPaths: [], ...more };
}

export function open(libraryPath: string): NativeDevice {
  return loadAddon().openDevice(options(libraryPath));
}

/** Counts living objects of a fake backend. The engine thread destroys objects some time after that was requested. */
export function alive(libraryPath: string): { devices: number; kernels: number; graphs: number; bytes: number } {
  return JSON.parse(loadAddon().probe(options(libraryPath)));
}

export async function until(condition: () => boolean, milliseconds = 10_000): Promise<void> {
  for (const end = Date.now() + milliseconds; !condition(); ) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function tensor(shape: number[] = [4], more: Partial<TensorDescription> = {}): TensorDescription {
  return { dtype: 'f32', shape, image: shape.length === 4, ...more };
}

export function node(
  op: string,
  inputs: number[],
  outputs: number[],
  more: Partial<NodeDescription> = {},
): NodeDescription {
  return {
    op,
    name: `the ${op}`,
    attributes: new Uint8Array(),
    inputs,
    outputs,
    inPlace: outputs.map(() => -1),
    writes: [],
    ...more,
  };
}

/** Describes a node of the fake op that writes State. */
export function assign(
  gate: number,
  target: number,
  from: number,
  more: Partial<NodeDescription> = {},
): NodeDescription {
  return node('assign', [gate, target, from], [], { writes: [1], ...more });
}

export function int32(...values: number[]): Uint8Array {
  return new Uint8Array(new Int32Array(values).buffer);
}

/** Describes a plan. `inputs` and `outputs` are indices of tensors; their names become `input 0`, `output 0` and so on. */
export function plan(
  tensors: TensorDescription[],
  nodes: NodeDescription[],
  inputs: number[],
  outputs: number[],
  more: Partial<PlanDescription> = {},
): PlanDescription {
  const ports = (kind: string, list: number[]) => list.map((id, i) => ({ name: `${kind} ${i}`, tensor: id }));
  return {
    tensors,
    nodes,
    inputs: ports('input', inputs),
    outputs: ports('output', outputs),
    gate: -1,
    options: { allowTf32: false, deterministic: true, autotune: false, plain: true },
    replay: false,
    skip: -1,
    poison: false,
    ...more,
  };
}

/** Describes a plan of `count` kernels that take `milliseconds` each. Its output equals its input. */
export function slowPlan(milliseconds: number, count: number): PlanDescription {
  const tensors = Array.from({ length: count + 1 }, () => tensor());
  const nodes = Array.from({ length: count }, (_, i) =>
    node('slow', [i], [i + 1], { attributes: int32(milliseconds) }),
  );
  return plan(tensors, nodes, [0], [count]);
}

export function value(...values: number[]): RunInput {
  return { data: new Float32Array(values), perStep: false };
}

export function perStep(...values: number[]): RunInput {
  return { data: new Float32Array(values), perStep: true };
}
