/** `saturnn doctor`: prints what works on this machine, what does not, and what to type next. */
import { Command } from 'commander';
import { type Diagnosis, diagnose } from '../runtime/diagnosis';
import type { BackendReport, Missing } from '../runtime/findings';
import { addOptions } from './options/declare';
import { jsonOption } from './options/output';
import { print } from './terminal/print';

export function doctorCommand(): Command {
  const command = new Command('doctor').description(
    'say what works on this machine, what does not, and what to type next',
  );
  return addOptions(command, jsonOption({ note: ': one object, with everything that was found' })).action(
    ({ json }: { json?: boolean }) => {
      const report = diagnose();
      print(json ? `${JSON.stringify(report)}\n` : format(report));
      if (!report.auto.device) process.exitCode = 1;
    },
  );
}

function format({ saturnn, node, system, processor, parts, backends, auto, next }: Diagnosis): string {
  const folders = [...new Set(parts.map(({ folder }) => folder).filter((folder) => folder !== null))];
  const lines = [
    `saturnn ${saturnn}, Node ${node}, ${system}`,
    `processor: ${processor}`,
    `binaries: ${folders.join(', ') || 'none'}`,
  ];
  for (const backend of backends) lines.push('', ...formatBackend(backend));
  lines.push(
    '',
    auto.device ? `--device auto uses ${auto.device} (${auto.info.name})` : `no device works: ${auto.problem}`,
  );
  if (next.length > 0) lines.push('', 'next:');
  for (const { purpose, command } of next) lines.push(`  ${purpose}:`, `    ${command}`);
  return `${lines.join('\n')}\n`;
}

/** Facts that other lines show, or that only programs need. */
const notShown = new Set(['name', 'ops', 'oldest']);

function formatBackend({ backend, usable, missing, found }: BackendReport): string[] {
  const facts = Object.entries(found).filter(([key]) => !notShown.has(key));
  const said = facts.map(([key, value]) => [key, describe(value, missing)] as const).filter(([, text]) => text !== '');
  return [
    `${backend}: ${usable ? 'works' : 'not usable'}`,
    ...said.map(([key, text]) => `  ${key}: ${text}`),
    ...missing.map(({ code, message }) => `  missing: ${message} [${code}]`),
  ];
}

/** Describes a part that was found; returns "" for a needed part that is missing, which has a line of its own. */
function describe(value: unknown, missing: readonly Missing[]): string {
  if (typeof value === 'number' && value > 2 ** 24) return `${Math.round(value / 2 ** 20)} MiB`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.join(', ') || 'none';
  const { usable, problem, tried: _, missing: __, ...facts } = value as Record<string, unknown>;
  if (usable === false) return missing.some(({ message }) => message === problem) ? '' : String(problem);
  return Object.entries(facts)
    .map(([key, fact]) => `${key} ${Array.isArray(fact) ? fact.join(', ') : fact}`)
    .join('; ');
}
