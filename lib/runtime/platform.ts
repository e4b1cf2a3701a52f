/** What the published binaries need of a system. scripts/pack holds what they are built from to these figures. */

/** The oldest C library that has all they import: Debian 12, Ubuntu 22.04, RHEL 9 and Amazon Linux 2023 are new enough. */
export const oldestGlibc = '2.34';

export interface System {
  readonly platform: string;
  readonly arch: string;
  /** Version of glibc; absent where the C library is another (musl). */
  readonly glibc?: string;
}

export function thisSystem(): System {
  const { platform, arch } = process;
  return { platform, arch, glibc: platform === 'linux' ? glibcVersion() : undefined };
}

/** Without the part of the report that asks the network for names, which can take seconds. */
function glibcVersion(): string | undefined {
  const { report } = process as { report: NodeJS.ProcessReport & { excludeNetwork?: boolean } };
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = before;
  return header.glibcVersionRuntime;
}

/** "Linux x64, glibc 2.36" */
export function describeSystem({ platform, arch, glibc }: System): string {
  if (platform !== 'linux') return `${platform} ${arch}`;
  return `Linux ${arch}, ${glibc === undefined ? 'no glibc (musl?)' : `glibc ${glibc}`}`;
}

/** Why no published binary can run on a system, and what to do; nothing where one can. */
export function whyUnsupported(system: System): string | undefined {
  const { platform, arch, glibc } = system;
  const is = `saturnn runs on Linux x64 with glibc ${oldestGlibc} or newer; this is ${describeSystem(system)}`;
  if (platform !== 'linux' || arch !== 'x64') return `${is}. Remedy: run it there, or in a container for linux/amd64`;
  if (glibc === undefined) return `${is}. Remedy: use an image with glibc (node:22-slim instead of node:22-alpine)`;
  if (isOlder(glibc, oldestGlibc)) return `${is}. Remedy: a newer system, or a container (node:22-slim)`;
  return undefined;
}

function isOlder(version: string, than: string): boolean {
  const [a = [], b = []] = [version, than].map((text) => text.split('.').map(Number));
  const differs = b.findIndex((part, i) => part !== (a[i] ?? 0));
  return differs >= 0 && (a[differs] ?? 0) < (b[differs] as number);
}
