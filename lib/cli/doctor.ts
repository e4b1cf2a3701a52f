/** `saturnn doctor`: what loads on this machine, and every missing piece of what does not. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { type BackendName, backendNames, openDevice, probeBackend } from '../device';
import { packageRoot } from '../locate';

interface Missing {
  readonly code: string;
  readonly message: string;
}

interface BackendReport {
  readonly backend: BackendName;
  readonly usable: boolean;
  readonly missing: readonly Missing[];
  /** What the backend found: processor, versions, features, libraries. */
  readonly found: Readonly<Record<string, unknown>>;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say which backends work on this machine, and what the others lack')
    .option('--json', 'print one JSON object')
    .action(({ json }: { json?: boolean }) => {
      const report = examine();
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : format(report));
      if (!report.auto.device) process.exitCode = 1;
    });
}

function examine() {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return {
    saturnn: version,
    node: process.versions.node,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    processor: os.cpus()[0]?.model.trim() ?? 'unknown',
    backends: backendNames.map(examineBackend),
    auto: chooseDevice(),
  };
}

function examineBackend(backend: BackendName): BackendReport {
  try {
    const { usable, missing, ...found } = probeBackend(backend);
    return { backend, usable: usable === true, missing: (missing ?? []) as Missing[], found };
  } catch (error) {
    const { code = 'ERR_UNKNOWN', message } = error as NodeJS.ErrnoException;
    return { backend, usable: false, missing: [{ code, message }], found: {} };
  }
}

/** What `--device auto` would take, opened for the proof. */
function chooseDevice(): { device: string | null; info: Readonly<Record<string, unknown>>; problem?: string } {
  try {
    const { name, info } = openDevice('auto');
    return { device: name, info };
  } catch (error) {
    return { device: null, info: {}, problem: (error as Error).message };
  }
}

function format({ saturnn, node, system, processor, backends, auto }: ReturnType<typeof examine>): string {
  const lines = [`saturnn ${saturnn}, Node ${node}, ${system}`, `processor: ${processor}`];
  for (const { backend, usable, missing, found } of backends) {
    lines.push('', `${backend}: ${usable ? 'works' : 'not usable'}`);
    for (const [key, value] of Object.entries(found)) lines.push(`  ${key}: ${describe(value, missing)}`);
    for (const { code, message } of missing) lines.push(`  missing: ${message} [${code}]`);
  }
  lines.push('', auto.device ? `--device auto uses ${auto.device}` : `no device works: ${auto.problem}`);
  return `${lines.join('\n')}\n`;
}

/** A found piece in words. The problem of one that is needed is listed as missing, and not said twice. */
function describe(value: unknown, missing: readonly Missing[]): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.join(', ') || 'none';
  const { usable, problem, tried: _, missing: __, ...facts } = value as Record<string, unknown>;
  if (usable === false) return missing.some(({ message }) => message === problem) ? 'missing' : String(problem);
  return Object.entries(facts)
    .map(([key, fact]) => `${key} ${Array.isArray(fact) ? fact.join(', ') : fact}`)
    .join('; ');
}
