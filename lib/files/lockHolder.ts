/** The process that a lock file names: for messages, and to tell whether it runs where the kernel has no lock of its own. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The content of a lock file, as JSON. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Start time in the kernel's units, which tells the process from a later one with the same number; null if not known. */
  readonly started: string | null;
  /** The boot of the machine and the namespace of process numbers: `pid` means nothing in another. Null if not known. */
  readonly namespace?: string | null;
  /** Whether the process holds a lock of the kernel on the file. Absent in files of earlier versions, which held none. */
  readonly flock?: boolean;
}

/** Describes this process. */
export const thisHolder = (flock: boolean): Holder => ({
  pid: process.pid,
  host: hostname(),
  started: startOf(process.pid),
  namespace: thisNamespace(),
  flock,
});

/** Returns the holder that a lock file names; null if it is not readable: half written, or not a lock of saturnn. */
export function parseHolder(content: string): Holder | null {
  try {
    const { pid, host, started, namespace, flock } = JSON.parse(content);
    if (!Number.isSafeInteger(pid) || pid < 1 || typeof host !== 'string') return null;
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    return { pid, host, started: text(started), namespace: text(namespace), flock: flock === true };
  } catch {
    return null;
  }
}

/** Whether the numbers of a holder's process mean something in this process: same machine, same namespace. */
function isComparable({ host, namespace }: Holder): boolean {
  return typeof namespace === 'string' ? namespace === thisNamespace() : host === hostname();
}

/** Whether the process still runs; "unknown" on another machine, or in another container. */
export function fateOf(holder: Holder): 'running' | 'gone' | 'unknown' {
  if (!isComparable(holder)) return 'unknown';
  return isRunning(holder.pid, holder.started) ? 'running' : 'gone';
}

/** Names the process in a message: "Process 12", or "Process 12 on node7". */
export function describeHolder(holder: Holder | null): string {
  if (!holder) return 'Another process';
  return `Process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`}`;
}

function isRunning(pid: number, started: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process runs, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = startOf(pid);
  return started === null || now === null || started === now;
}

/** Start time of a process; null if /proc does not say; "ended" for a process that has ended but was not waited for. */
function startOf(pid: number): string | null {
  const stat = orNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name, in parentheses, may contain anything, so fields are counted behind it: the state is field 3, the start time 22.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (!fields) return null;
  return fields[0] === 'Z' ? 'ended' : (fields[19] ?? null);
}

function thisNamespace(): string | null {
  const boot = orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = orNull(() => readlinkSync('/proc/self/ns/pid'));
  return boot && namespace && `${boot} ${namespace}`;
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
