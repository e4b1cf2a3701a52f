/** Compiles the stand-ins for NVIDIA's libraries into folders of a test, one for each simulated host. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/runtime/locate';

export const subLibraries = [
  'libcudnn_graph.so.9',
  'libcudnn_ops.so.9',
  'libcudnn_cnn.so.9',
  'libcudnn_adv.so.9',
  'libcudnn_heuristic.so.9',
  'libcudnn_engines_precompiled.so.9',
  'libcudnn_engines_runtime_compiled.so.9',
  'libcudnn_ext.so.9',
  'libcudnn_engines_tensor_ir.so.9',
];

/** Compiles test/fakes/`source` to `folder`/`file`. The soname is the file's name, as for the real libraries. */
export function compileFake(folder: string, file: string, source: string): void {
  mkdirSync(folder, { recursive: true });
  const flags = ['-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', `-Wl,-soname,${file}`];
  execFileSync('cc', [...flags, '-o', join(folder, file), join(packageRoot(), 'test/fakes', source), '-ldl']);
}

/** Compiles stand-ins for all parts of cuDNN and for cuBLASLt. */
export function compileCudnn(folder: string): void {
  compileFake(folder, 'libcudnn.so.9', 'cudnn.c');
  for (const file of subLibraries) compileFake(folder, file, 'empty.c');
  compileFake(folder, 'libcublasLt.so.13', 'cublaslt.c');
}

/** Copies a folder without the files `missing`. */
export function copyWithout(from: string, to: string, missing: readonly string[]): void {
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from)) if (!missing.includes(file)) copyFileSync(join(from, file), join(to, file));
}
