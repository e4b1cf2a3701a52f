/**
 * Section "versions": records GPU, driver, libraries and build, without which the figures of the other sections mean
 * nothing.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { table } from '../../lib/report/textTable';
import { probeBackend } from '../../lib/runtime/device';
import { binaryPath } from '../../lib/runtime/locate';
import type { Row, Section } from './section';

const queried =
  'name,driver_version,pstate,clocks.sm,clocks.max.sm,clocks.mem,power.limit,memory.total,memory.used,utilization.gpu';

/** Asks nvidia-smi about the first GPU. @returns values by name; empty if it is not installed or fails */
function smi(): Record<string, string> {
  try {
    const args = [`--query-gpu=${queried}`, '--format=csv,noheader'];
    const [line = ''] = execFileSync('nvidia-smi', args, { encoding: 'utf8', timeout: 10_000 }).split('\n');
    const values = line.split(',').map((value) => value.trim());
    return Object.fromEntries(queried.split(',').map((name, i) => [name, values[i] ?? '']));
  } catch {
    return {};
  }
}

export const versions: Section = {
  name: 'versions',
  about: 'GPU, driver, libraries and build',
  seconds: 20,
  run: async ({ device, record }) => {
    const library = `libsaturnn_${device.backend}.so` as const;
    record({
      kind: 'versions',
      device: device.name,
      info: device.info,
      probe: device.backend === 'cuda' ? probeBackend('cuda') : null,
      smi: smi(),
      library: { name: library, bytes: statSync(binaryPath(library)).size },
      ops: Object.keys(device.ops).length,
    });
  },
  format: (rows) => rows.map(formatOne).join(''),
};

function formatOne(row: Row): string {
  const {
    info,
    smi: queriedNow,
    library,
    ops: count,
  } = row as unknown as {
    info: Record<string, unknown>;
    smi: Record<string, string>;
    library: { name: string; bytes: number };
    ops: number;
  };
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  const lines = { ...info, ...queriedNow, [library.name]: `${library.bytes} bytes, ${count} ops` };
  return table(
    ['device', String(row.device)],
    Object.entries(lines).map(([name, value]) => [name, text(value)]),
  );
}
