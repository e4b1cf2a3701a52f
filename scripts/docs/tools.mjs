// The packages beside this file: TypeDoc and dependency-cruiser, and the TypeScript that they read with (the one that compiles the
// package has no interface for them).
import { toolsIn } from '../tools.mjs';

export const { tool, areInstalled, install } = toolsIn('docs');
