/** The published packages, as folders and archives: as CI has made them, or made here from the build in out/. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/runtime/locate';

export interface Packed {
  /** By name of the package: saturnn, @saturnn/linux-x64, @saturnn/linux-x64-cuda. */
  folder(name: string): string;
  /** Of all three. */
  readonly archives: readonly string[];
}

/** CI: what is skipped elsewhere must run. */
export const isRequired = process.env.SATURNN_INSTALL === 'required';

/** Why the packages cannot be made here; nothing where they can. */
export function whyNotPacked(): string | undefined {
  if (existsSync(join(packageRoot(), 'out/libsaturnn_cuda.so'))) return undefined;
  return 'out/ has no CUDA backend, which is one of the packages';
}

/** SATURNN_PACKED=1: out/packages is up to date. Packing takes a quarter of a minute, and several tests need it. */
export function packedPackages(): Packed {
  const root = join(packageRoot(), 'out/packages');
  const script = join(packageRoot(), 'scripts/pack/pack-all.mjs');
  if (process.env.SATURNN_PACKED !== '1') execFileSync(process.execPath, [script, '--built'], { stdio: 'pipe' });
  const archives = readdirSync(root).filter((name) => name.endsWith('.tgz'));
  return { folder: (name) => join(root, name), archives: archives.map((name) => join(root, name)) };
}
