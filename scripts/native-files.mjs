// Names of the native files that a build leaves in out/, and how they are copied into what is shipped.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync } from 'node:fs';

/** File name of the addon. */
export const addon = 'saturnn.node';

/** File name of a backend's library. @param backend 'cpu' or 'cuda' */
export const libraryOf = (backend) => `libsaturnn_${backend}.so`;

/** Whether a file of out/ is the addon or the library of a backend. */
export const isNativeFile = (name) => name === addon || /^libsaturnn_.*\.so$/.test(name);

/** Copies a program or library without its debug symbols. Links are followed. */
export function copyStripped(source, target) {
  cpSync(source, target, { dereference: true });
  execFileSync('strip', ['--strip-unneeded', target]);
  chmodSync(target, 0o755);
}
