import { existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { homeFolder } from './cacheFolder';

/**
 * Returns the folders in which the CUDA backend looks for cuDNN, cuBLASLt and NVRTC before it asks the system's loader. In order:
 * CUDNN_PATH, CUDA_PATH; the pip packages of an active virtual environment, of conda, of each python3 on PATH, of the user and of
 * the system; conda's own libraries. Folders that do not exist are left out, and so are relative ones: what lies in the current
 * folder must not be loaded because PATH has a relative entry. Only CUDNN_PATH and CUDA_PATH, which are given for this purpose, may be
 * relative.
 */
export function cudaSearchPaths(environment: NodeJS.ProcessEnv = process.env): string[] {
  const { CUDNN_PATH, CUDA_PATH, VIRTUAL_ENV, CONDA_PREFIX, PATH = '' } = environment;
  const given = [CUDNN_PATH, CUDA_PATH].filter(isSet).map((root) => resolve(root));
  // A folder that was given to `pip install --target` has the packages in itself.
  const roots = given.flatMap((root) => [root, join(root, 'lib'), join(root, 'lib64'), ...pipFolders(root)]);
  const known = [VIRTUAL_ENV, CONDA_PREFIX, ...pythonPrefixes(PATH), userPrefix(), '/usr/local', '/usr'];
  const prefixes = [...new Set(known.filter(isSet).filter(isAbsolute))];
  const packages = prefixes.flatMap((prefix) => sitePackages(join(prefix, 'lib')));
  const pip = packages.flatMap(pipFolders);
  const conda = CONDA_PREFIX && isAbsolute(CONDA_PREFIX) ? [join(CONDA_PREFIX, 'lib')] : [];
  return [...new Set([...roots, ...pip, ...conda])].filter(isFolder);
}

/** Returns the folders of the libraries in a folder of Python packages. */
const pipFolders = (packages: string): string[] =>
  ['cudnn', 'cu13', 'cublas', 'cuda_nvrtc'].map((name) => join(packages, 'nvidia', name, 'lib'));

/** Returns the prefix of each python3 on PATH: a virtual environment may be used without being activated. */
function pythonPrefixes(path: string): string[] {
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder) && existsSync(join(folder, 'python3')));
  return folders.map(dirname);
}

/** Returns the folder in which pip installs for one user; undefined for a user without a home, as in a bare container. */
function userPrefix(): string | undefined {
  const home = homeFolder();
  return home === null ? undefined : join(home, '.local');
}

const isSet = (value: string | undefined): value is string => value !== undefined && value !== '';

/** Returns the folders of packages in a prefix's lib: python3.x/site-packages (pip) and python3.x/dist-packages (Debian). */
function sitePackages(lib: string): string[] {
  try {
    const versions = readdirSync(lib).filter((name) => /^python3(\.\d+)?$/.test(name));
    return versions.flatMap((name) => ['site-packages', 'dist-packages'].map((kind) => join(lib, name, kind)));
  } catch {
    return [];
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
