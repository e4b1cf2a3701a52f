/** The published packages, as folders and archives: as CI has made them, or made here from the build in out/. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/locate';

export interface Packed {
  /** By name of the package: saturnn, @saturnn/linux-x64, @saturnn/linux-x64-cuda. */
  folder(name: string): string;
  /** Of all three. */
  readonly archives: readonly string[];
  /** What the packing printed; nothing where it was done before. */
  readonly output: string;
}

/** SATURNN_PACKED=1: out/packages is up to date. Packing takes a quarter of a minute, and several tests need it. */
export function packedPackages(): Packed {
  const root = join(packageRoot(), 'out/packages');
  const script = join(packageRoot(), 'scripts/pack/pack-all.mjs');
  const output =
    process.env.SATURNN_PACKED === '1' ? '' : execFileSync(process.execPath, [script, '--built'], { encoding: 'utf8' });
  const archives = readdirSync(root).filter((name) => name.endsWith('.tgz'));
  return { folder: (name) => join(root, name), archives: archives.map((name) => join(root, name)), output };
}
