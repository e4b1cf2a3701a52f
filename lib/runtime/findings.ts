/** The reports of `saturnn doctor` about compiled parts and backends. */
import type { ErrorCode } from '../errors';
import type { BackendName } from './device';
import type { CompiledPart } from './locate';

/** Something that is missing or does not work. */
export interface Missing {
  readonly code: ErrorCode;
  /** Message for people. */
  readonly message: string;
}

/** The findings about one backend. */
export interface BackendReport {
  /** Name of the backend. */
  readonly backend: BackendName;
  /** Whether a device can be opened. */
  readonly usable: boolean;
  /** Everything that prevents it. */
  readonly missing: readonly Missing[];
  /** Findings of the backend's own: processor, versions, features, libraries. */
  readonly found: Readonly<Record<string, unknown>>;
}

/** The findings about one compiled part of the package. */
export interface PartReport {
  /** File name of the part. */
  readonly part: CompiledPart;
  /** The folder that it is loaded from; null: it was not found, or does not fit. */
  readonly folder: string | null;
  /** The reason, if `folder` is null. */
  readonly problem?: Missing;
}
