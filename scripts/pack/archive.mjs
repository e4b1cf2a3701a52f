// Packs a folder into an archive that tar and xz can unpack on any host.
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { run } from '../stage.mjs';

/**
 * Packs `folder` into the file FOLDER.tar.xz beside it.
 * @param xz options of xz
 * @returns (resolves to) path and size in bytes of the archive
 */
export async function packFolder(folder, xz) {
  const archive = `${folder}.tar.xz`;
  const command = `tar -C "$0" --owner=0 --group=0 -cf - "$1" | xz ${xz} > "$2"`;
  await run('pack', 'bash', ['-o', 'pipefail', '-c', command, dirname(folder), basename(folder), archive], {
    remedy: 'apt-get install tar xz-utils',
  });
  return { archive, bytes: statSync(archive).size };
}
