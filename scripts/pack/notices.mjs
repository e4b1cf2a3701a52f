// What the platform's packages hold of others, said in THIRD-PARTY.md, with the licences in full.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianSource, licenceFile } from '../shared-libraries.mjs';
import { root, StageError } from '../stage.mjs';

/** Beside the backend, by soname. Another owner would be another library: a vendor's libOpenCL, say. */
const beside = {
  'libdnnl.so.2': { owner: 'libdnnl2', what: 'oneDNN', licence: 'Apache-2.0 AND BSD-3-Clause' },
  'libOpenCL.so.1': { owner: 'ocl-icd-libopencl1', what: 'OCL ICD Loader', licence: 'BSD-2-Clause' },
  'libgomp.so.1': { owner: 'libgomp1', what: 'GNU OpenMP', licence: 'GPL-3.0-or-later WITH GCC-exception-3.1' },
};

export const besideBackend = Object.keys(beside);

/** SPDX, for the manifest. */
export const commonLicences = [
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'MIT',
  '(GPL-3.0-or-later WITH GCC-exception-3.1)',
];
export const cudaLicences = ['Apache-2.0', 'LicenseRef-NVIDIA-CUDA-EULA'];

const cudaEula = 'https://docs.nvidia.com/cuda/eula/index.html';
const rowOf = (cells) => `| ${cells.join(' | ')} |`;

function write(folder, rows, more) {
  const text = [
    '# What this package holds of others',
    '',
    'All of it unchanged.',
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
  if (!existsSync(source)) throw new StageError(`The licence ${source} is missing here.`);
  mkdirSync(join(folder, 'licences'), { recursive: true });
  copyFileSync(source, join(folder, 'licences', name));
}

function sourceOf(owner) {
  const { name, version } = debianSource(owner);
  return `Debian's ${name} ${version}: https://snapshot.debian.org/package/${name}/${version}/`;
}

/** `owners`: Debian package by soname, of what was copied into `folder`. */
export function writeCommonNotices(folder, owners) {
  for (const [soname, { owner }] of Object.entries(beside)) {
    if (owners[soname] !== owner)
      throw new StageError(`${soname} is of ${owners[soname] ?? 'no Debian package'}, not of ${owner}.`);
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
  write(folder, rows, 'The licences are in `licences`; that of Apache-2.0 is `LICENSE`.');
}

/** The run-time library of CUDA is linked into the backend; cuDNN, cuBLASLt, NVRTC and the driver are opened, and not here. */
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
    'The EULA names cudart_static among what programs may be distributed with (Attachment A), on its terms.',
  );
}
