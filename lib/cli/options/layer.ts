import { declare } from './declare';

/** --layer: one of the layers that `saturnn inspect` lists. */
export const layerOption = declare({ flags: '--layer <name>', help: 'a layer, by the name that inspect prints' });
