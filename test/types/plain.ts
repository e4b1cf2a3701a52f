/** Checks the package's types where modules are resolved as bundlers or old versions of Node.js do. See scripts/check-types.mjs. */
import { generated, inception33, Trainer } from 'saturnn';
import { type Table1, table1 } from 'saturnn/experiments';

const { train, test } = generated({ train: 64, test: 64 });
export const trainer = new Trainer({ model: inception33(), train, test });
export const table: Promise<Table1> = table1({ preset: 'smoke' });
