// Writes THIRD-PARTY.md, the list of other people's software in the platform packages, and copies the full texts of its
// licences.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianSource, licenceFile } from '../shared-libraries.mjs';
import { root, StageError } from '../stage.mjs';

/** Licence of GCC's run-time libraries. */
export const gccException = 'GPL-3.0-or-later WITH GCC-exception-3.1';

/**
 * Libraries that are shipped beside the CPU backend, by soname. `owner` is the Debian package that each must come from:
 * the same soname from elsewhere (e.g. a GPU vendor's libOpenCL) would be another library under another licence.
 */
const beside = {
  'libdnnl.so.2': { owner: 'libdnnl2', what: 'oneDNN', licence: 'Apache-2.0 AND BSD-3-Clause' },
  'libOpenCL.so.1': { owner: 'ocl-icd-libopencl1', what: 'OCL ICD Loader', licence: 'BSD-2-Clause' },
  'libgomp.so.1': { owner: 'libgomp1', what: 'GNU OpenMP', licence: gccException },
};

/** The same as a list, for the bill of materials. */
export const shippedLibraries = Object.entries(beside).map(([soname, library]) => ({ soname, ...library }));

/** Sonames of the libraries that are shipped beside the CPU backend. */
export const besideBackend = Object.keys(beside);

/** Licences of all that the package @saturnn/linux-x64 holds, as SPDX expressions for its manifest. */
export const commonLicences = [
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'MIT',
  '(GPL-3.0-or-later WITH GCC-exception-3.1)',
];
/** Licences of all that the package @saturnn/linux-x64-cuda holds, as SPDX expressions for its manifest. */
export const cudaLicences = ['Apache-2.0', 'LicenseRef-NVIDIA-CUDA-EULA'];

const cudaEula = 'https://docs.nvidia.com/cuda/eula/index.html';
const rowOf = (cells) => `| ${cells.join(' | ')} |`;

function write(folder, rows, more) {
  const text = [
    '# Third-party software in this package',
    '',
    'All of it is unchanged.',
    '',
    rowOf(['in', 'what', 'licence', 'source']),
    '|---|---|---|---|',
    ...rows.map(rowOf),
    '',
    more,
    '',
  ];
  writeFileSync(join(folder, 'THIRD-PARTY.md'), text.join('\n'));
}

function copy(source, folder, name) {
  if (!existsSync(source)) throw new StageError(`The licence ${source} is missing on this host.`);
  mkdirSync(join(folder, 'licences'), { recursive: true });
  copyFileSync(source, join(folder, 'licences', name));
}

function sourceOf(owner) {
  const { name, version } = debianSource(owner);
  return `Debian's ${name} ${version}: https://snapshot.debian.org/package/${name}/${version}/`;
}

/**
 * Writes the notices of @saturnn/linux-x64 into `folder`.
 * @param owners Debian package of each copied library, by soname
 * @throws StageError if a library comes from another package than expected, or a licence is missing
 */
export function writeCommonNotices(folder, owners) {
  for (const [soname, { owner }] of Object.entries(beside)) {
    if (owners[soname] !== owner)
      throw new StageError(
        `Expected ${soname} from ${owner} but it comes from ${owners[soname] ?? 'no Debian package'}.`,
      );
    copy(licenceFile(owner), folder, `${owner}.txt`);
  }
  copy('/usr/share/common-licenses/GPL-3', folder, 'GPL-3.txt');
  copy(join(root, 'node_modules/node-addon-api/LICENSE.md'), folder, 'node-addon-api.txt');
  const libraries = Object.entries(beside).map(([soname, { owner, what, licence }]) => [
    soname,
    what,
    licence,
    sourceOf(owner),
  ]);
  const rows = [
    ...libraries,
    [
      'saturnn.node',
      "GCC's C++ library, as far as it is used",
      'GPL-3.0-or-later WITH GCC-exception-3.1 (`licences/libgomp1.txt` has the exception)',
      sourceOf('libgomp1'),
    ],
    ['saturnn.node', 'node-addon-api', 'MIT', 'https://www.npmjs.com/package/node-addon-api'],
  ];
  write(folder, rows, 'The licences are in the folder `licences`; Apache-2.0 is the file `LICENSE`.');
}

/**
 * Writes the notices of @saturnn/linux-x64-cuda into `folder`. The backend has CUDA's run-time library linked into it. It opens
 * cuDNN, cuBLASLt, NVRTC and the driver of the host, which the package does not hold.
 */
export function writeCudaNotices(folder) {
  write(
    folder,
    [
      [
        'libsaturnn_cuda.so',
        "NVIDIA's CUDA run-time library (cudart_static)",
        `NVIDIA CUDA Toolkit EULA: ${cudaEula}`,
        '-',
      ],
    ],
    'Attachment A of the EULA lists cudart_static among the libraries that may be distributed with programs, on its terms.',
  );
}
