/** What `saturnn doctor` finds out about the compiled parts and the backends. */
import type { ErrorCode } from '../errors';
import type { BackendName } from './device';
import type { CompiledPart } from './locate';

export interface Missing {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface BackendReport {
  readonly backend: BackendName;
  readonly usable: boolean;
  readonly missing: readonly Missing[];
  /** What the backend found: processor, versions, features, libraries. */
  readonly found: Readonly<Record<string, unknown>>;
}

/** Where a compiled part is taken from, or why it is not. */
export interface PartReport {
  readonly part: CompiledPart;
  readonly folder: string | null;
  readonly problem?: Missing;
}
