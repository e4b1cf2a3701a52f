/** The options that say where and in which form a command writes its results. */
import { declare } from './declare';

export const outOption = declare({ flags: '--out <dir>', help: 'where the results are written' });

export const jsonOption = declare({ flags: '--json', help: 'print JSON instead of text' });

/** Completes the help of --json for commands that print a single object. */
export const oneObject = ': one object';
