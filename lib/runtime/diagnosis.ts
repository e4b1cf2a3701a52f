/** Examines this machine for `saturnn doctor`: what works, what is missing, and which commands help. */
import os from 'node:os';
import { dirname } from 'node:path';
import { SaturnnError } from '../errors';
import { version } from '../version';
import { type BackendName, backendNames, openDevice, probeBackend } from './device';
import type { BackendReport, Missing, PartReport } from './findings';
import { binaryPath, type CompiledPart } from './locate';
import { type NextStep, nextSteps } from './nextSteps';
import { describeSystem, thisSystem } from './platform';

/** The findings of `saturnn doctor`. */
export interface Diagnosis {
  /** Version of saturnn. */
  readonly saturnn: string;
  /** Version of Node.js. */
  readonly node: string;
  /** Operating system, architecture and C library: "Linux x64, glibc 2.36". */
  readonly system: string;
  /** Model of the processor. */
  readonly processor: string;
  /** The compiled parts, found or not. */
  readonly parts: readonly PartReport[];
  /** The backends, usable or not. */
  readonly backends: readonly BackendReport[];
  /** The device that `--device auto` uses, which was opened as a test; null, with the problem, if none can be opened. */
  readonly auto: {
    readonly device: string | null;
    readonly info: Readonly<Record<string, unknown>>;
    readonly problem?: string;
  };
  /** Commands to run next, in order. */
  readonly next: readonly NextStep[];
}

/** Examines this machine. It opens device "auto" and does not throw for what is missing. */
export function diagnose(): Diagnosis {
  const parts = partNames.map(examinePart);
  const backends = backendNames.map(examineBackend);
  const auto = chooseDevice();
  return {
    saturnn: version,
    node: process.versions.node,
    system: describeSystem(thisSystem()),
    processor: os.cpus()[0]?.model.trim() ?? 'unknown',
    parts,
    backends,
    auto,
    next: nextSteps({ parts, backends, device: auto.device }),
  };
}

const partNames: readonly CompiledPart[] = ['saturnn.node', 'libsaturnn_cpu.so', 'libsaturnn_cuda.so'];

function problemOf(error: unknown): Missing {
  const { message } = error as Error;
  return { code: error instanceof SaturnnError ? error.code : 'ERR_INTERNAL', message };
}

function examinePart(part: CompiledPart): PartReport {
  try {
    return { part, folder: dirname(binaryPath(part)) };
  } catch (error) {
    return { part, folder: null, problem: problemOf(error) };
  }
}

function examineBackend(backend: BackendName): BackendReport {
  try {
    const { usable, missing, ...found } = probeBackend(backend);
    return { backend, usable: usable === true, missing: (missing ?? []) as Missing[], found };
  } catch (error) {
    return { backend, usable: false, missing: [problemOf(error)], found: {} };
  }
}

function chooseDevice(): Diagnosis['auto'] {
  try {
    const { name, info } = openDevice('auto');
    return { device: name, info };
  } catch (error) {
    return { device: null, info: {}, problem: (error as Error).message };
  }
}
