/** `saturnn data get|list|show`: downloads data sets and describes them. */
import { Argument, Command, InvalidArgumentError } from 'commander';
import { cifarFiles } from '../data/cifarFiles';
import { defaultDataFolder, getData, installedFolder } from '../data/get';
import type { LayoutName } from '../data/records';
import { SaturnnError } from '../errors';
import { showCommand } from './dataShow';
import { addOptions, declare } from './options/declare';
import { jsonOption, oneObject } from './options/output';
import { createBar } from './terminal/bar';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';

const names = Object.keys(cifarFiles) as LayoutName[];

export function dataCommand(): Command {
  return new Command('data')
    .description('download data sets, and look at them')
    .addCommand(getCommand())
    .addCommand(listCommand())
    .addCommand(showCommand());
}

const dirOption = declare({ flags: '--dir <dir>', help: 'folder of the data sets', otherwise: "the user's cache" });

const urlOption = declare({ flags: '--url <url>', help: 'address of the archive', otherwise: 'the official one' });

const md5Option = declare({
  flags: '--md5 <sum>',
  help: 'md5 of the archive, 32 hexadecimal digits',
  read: readMd5,
  otherwise: 'that of the official archive',
});

function readMd5(text: string): string {
  if (!/^[0-9a-f]{32}$/i.test(text)) throw new InvalidArgumentError('Expected 32 hexadecimal digits.');
  return text;
}

function getCommand(): Command {
  const command = new Command('get')
    .description('download the official archive, check it and unpack it; continue where an earlier attempt stopped')
    .addArgument(new Argument('<name>', 'data set').choices(names));
  return addOptions(command, dirOption(), urlOption(), md5Option()).action(
    async (name: LayoutName, options: { dir?: string; url?: string; md5?: string }) => {
      const interruption = new Interruption();
      const { signal } = interruption;
      const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
      const bar = createBar({ title: cifarFiles[name].archive.name, unit: 'MB', format: megabytes });
      try {
        const { dir: folder, ...rest } = options;
        const got = await getData(name, { ...rest, folder, signal, onProgress: bar.show });
        bar.stop();
        const { title } = cifarFiles[name];
        const anew = '; if its files are damaged, remove this folder and start again';
        print(got.downloaded ? `${title} is in ${got.folder}\n` : `${title} was already in ${got.folder}${anew}\n`);
      } catch (error) {
        if (!(error instanceof SaturnnError) || error.code !== 'ERR_INTERRUPTED') throw error;
        throw new SaturnnError(error.code, `${error.message}. The next attempt continues from here`, { cause: error });
      } finally {
        bar.stop();
        interruption.dispose();
      }
    },
  );
}

function listCommand(): Command {
  const command = new Command('list').description('say which data sets are there');
  return addOptions(command, dirOption(), jsonOption({ note: oneObject })).action(
    ({ dir = defaultDataFolder(), json }: { dir?: string; json?: boolean }) => {
      const sets = names.map((name) => ({ name, title: cifarFiles[name].title, folder: installedFolder(name, dir) }));
      const line = ({ name, folder }: (typeof sets)[number]) =>
        `${name.padEnd(9)} ${folder ?? `not there: saturnn data get ${name}`}`;
      const text = ['generated made anew by every command', ...sets.map(line)].join('\n');
      print(`${json ? JSON.stringify({ dir, sets }) : text}\n`);
    },
  );
}
