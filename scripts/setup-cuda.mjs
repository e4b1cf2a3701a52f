// `npm run setup:cuda`: installs cuDNN's headers and libraries into the user's cache, where CMake looks for them. They are
// NVIDIA's and must never become part of this repository.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run, stage, startIfMain } from './stage.mjs';

const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'saturnn', 'cudnn');

async function cudnnHeaders() {
  if (existsSync(join(folder, 'nvidia/cudnn/include/cudnn_backend.h'))) return 'already there';
  await run('cuDNN', 'python3', ['-m', 'pip', 'install', '--no-deps', '--target', folder, 'nvidia-cudnn-cu13'], {
    remedy:
      'install pip (apt-get install python3-pip), or set CUDNN_ROOT to a folder that holds include/cudnn_backend.h',
  });
  return `installed in ${folder}`;
}

await startIfMain(import.meta.url, async () => {
  await stage('cuDNN headers', cudnnHeaders);
  console.log('If nvcc is installed, `npm run build:native` now builds the CUDA backend too.');
});
