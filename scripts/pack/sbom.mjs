// Writes sbom.cdx.json, the bill of materials of a published package in CycloneDX: the npm packages that it depends on, and every
// library that is linked into its binaries, lies beside them, or is opened by them on the user's system. It has no date, so that
// the same inputs give the same file.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { libraryOf } from '../native-files.mjs';
import { runtimePackages } from '../npm-packages.mjs';
import { debianSource } from '../shared-libraries.mjs';
import { root, StageError } from '../stage.mjs';
import { gccException, shippedLibraries } from './notices.mjs';

export const sbomName = 'sbom.cdx.json';

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** @param what name, version, purl, licence (an SPDX expression), hash ({algorithm, hex}), scope, description, where: how it is a part */
function component({ name, version, purl, licence, hash, scope = 'required', description, where }) {
  const made = new Models.Component(Enums.ComponentType.Library, name, {
    ...{ version, purl, scope, description, bomRef: purl ?? `${name}${version ? `@${version}` : ''}` },
  });
  if (licence) made.licenses.add(licenceOf(licence));
  if (hash) made.hashes.set(hash.algorithm, hash.hex);
  if (where) made.properties.add(new Models.Property('saturnn:where', where));
  return made;
}

/** A single SPDX id is a licence, everything else an expression; NVIDIA's terms have no id. */
function licenceOf(text) {
  if (text.startsWith('LicenseRef-')) return new Models.NamedLicense(text.replace('LicenseRef-', ''));
  return / (AND|OR|WITH) /.test(text) ? new Models.LicenseExpression(text) : new Models.SpdxLicense(text);
}

const sha256 = (file) => ({
  algorithm: Enums.HashAlgorithm['SHA-256'],
  hex: createHash('sha256').update(readFileSync(file)).digest('hex'),
});

const npmPurl = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** The npm packages that are needed at run time, from package-lock.json. */
const npmComponents = () =>
  runtimePackages().map(({ path, name, version }) =>
    component({
      ...{ name, version, purl: npmPurl(name, version), where: 'dependency from the npm registry' },
      licence: readJson(join(root, path, 'package.json')).license,
    }),
  );

const debianPurl = ({ name, version }) => `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=source`;

/** Lists the components that are linked into saturnn.node, and the libraries that lie beside the CPU backend in `folder`. */
function commonComponents(folder) {
  const api = readJson(join(root, 'node_modules/node-addon-api/package.json'));
  const gcc = debianSource('libgomp1');
  const beside = shippedLibraries.map(({ soname, owner, what, licence }) => {
    const source = debianSource(owner);
    const where = `file ${soname}, from Debian's ${source.name} ${source.version}`;
    return component({
      ...{ name: what, version: source.version, purl: debianPurl(source), licence, where },
      hash: sha256(join(folder, soname)),
    });
  });
  return [
    ...beside,
    component({
      ...{ name: 'libstdc++', version: gcc.version, purl: `${debianPurl(gcc)}#libstdc++`, licence: gccException },
      where: 'linked statically into saturnn.node',
    }),
    component({
      ...{
        name: 'node-addon-api',
        version: api.version,
        purl: npmPurl('node-addon-api', api.version),
        licence: api.license,
      },
      where: 'headers compiled into saturnn.node',
    }),
  ];
}

/** Version of the CUDA toolkit that nvcc belongs to: that of the run-time library that it links. */
function toolkitVersion() {
  try {
    const [, version] = /\bV(\d+\.\d+\.\d+)/.exec(execFileSync('nvcc', ['--version'], { encoding: 'utf8' }));
    return version;
  } catch (error) {
    throw new StageError(
      `The version of CUDA's run-time library is not known: nvcc --version failed (${error.message}).`,
    );
  }
}

/** The run-time library in the CUDA backend, and NVIDIA's libraries of the user's system that it opens. */
function cudaComponents() {
  const opened = ['cuDNN', 'cuBLASLt', 'NVRTC', 'NVIDIA driver (libcuda)'].map((name) =>
    component({
      name,
      scope: 'excluded',
      where: `not in the package: ${libraryOf('cuda')} opens it on the user's system`,
    }),
  );
  const cudart = component({
    ...{ name: 'CUDA runtime (cudart_static)', version: toolkitVersion(), licence: 'LicenseRef-NVIDIA-CUDA-EULA' },
    where: `linked statically into ${libraryOf('cuda')}`,
  });
  return [cudart, ...opened];
}

const contents = {
  saturnn: npmComponents,
  '@saturnn/linux-x64': commonComponents,
  '@saturnn/linux-x64-cuda': cudaComponents,
};

/** Writes the bill of materials of the package in `folder`. */
export function writeSbom(folder) {
  const { name, version, license, description } = readJson(join(folder, 'package.json'));
  const own = component({
    name,
    version,
    description,
    purl: npmPurl(name, version),
    licence: 'Apache-2.0',
    scope: undefined,
  });
  if (license !== 'Apache-2.0')
    own.properties.add(new Models.Property('saturnn:licences of the whole package', license));
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: own }) });
  for (const part of contents[name](folder)) {
    bom.components.add(part);
    own.dependencies.add(part.bomRef);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  writeFileSync(join(folder, sbomName), `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`);
}
