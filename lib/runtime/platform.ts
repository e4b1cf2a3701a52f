/** The systems on which the published binaries run. scripts/pack/floors.mjs checks the built files against these figures. */

/** Oldest glibc that has all symbols that the binaries import. Debian 12, Ubuntu 22.04, RHEL 9 and Amazon Linux 2023 suffice. */
export const oldestGlibc = '2.34';

/** An operating system, architecture and C library. */
export interface System {
  /** As process.platform: "linux". */
  readonly platform: string;
  /** As process.arch: "x64". */
  readonly arch: string;
  /** Version of glibc; absent with another C library (musl). */
  readonly glibc?: string;
}

/** Returns the system of this process. */
export function thisSystem(): System {
  const { platform, arch } = process;
  return { platform, arch, glibc: platform === 'linux' ? glibcVersion() : undefined };
}

/** Returns the version of glibc from Node's report, without its network part, which may wait seconds for names. */
function glibcVersion(): string | undefined {
  const { report } = process as { report: NodeJS.ProcessReport & { excludeNetwork?: boolean } };
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = before;
  return header.glibcVersionRuntime;
}

/** Returns a system in words: "Linux x64, glibc 2.36". */
export function describeSystem({ platform, arch, glibc }: System): string {
  if (platform !== 'linux') return `${platform} ${arch}`;
  return `Linux ${arch}, ${glibc === undefined ? 'no glibc (musl?)' : `glibc ${glibc}`}`;
}

/** Returns why the published binaries cannot run on a system, with a remedy; undefined if they can. */
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
