import { RegistryError } from '../../errors.ts';
import type { RowProperties } from '../../ports/table-store.ts';

/**
 * Where a manifest stands with who examines what is pushed, in ACR's words and one more: it waits
 * (`Quarantined`), was let through (`Passed`) or was found bad (`Failed`). Only one that never was
 * in quarantine, or was let through, is for everybody.
 */
export const quarantineStates = ['Quarantined', 'Passed', 'Failed'] as const;
export type QuarantineState = (typeof quarantineStates)[number];

/** Of a manifest's row: its state, and what who examined it wrote down. */
export const quarantineState = 'quarantineState';
export const quarantineDetails = 'quarantineDetails';

/** Of a tag's row and of a referrer's: whether the manifest is kept from who may only pull. */
export const manifestWithheld = 'manifestWithheld';

export interface Quarantine {
  readonly state: QuarantineState;
  readonly details: string | undefined;
}

/** What a manifest's row says; undefined when it never was in quarantine. */
export function quarantineOf(properties: RowProperties): Quarantine | undefined {
  const state = quarantineStates.find((each) => each === properties[quarantineState]);
  const details = properties[quarantineDetails];
  return state && { state, details: typeof details === 'string' ? details : undefined };
}

/** Whether a manifest, by its row, is kept from who may only pull. */
export function isWithheld(properties: RowProperties): boolean {
  const state = quarantineOf(properties)?.state;
  return state !== undefined && state !== 'Passed';
}

/** The refusal of a manifest by its digest, as ACR's. By a tag there is none, for who asks. */
export function inQuarantine(digest: string): RegistryError {
  return new RegistryError('DENIED', {
    message: 'the manifest is in quarantine until somebody releases it',
    detail: { digest, quarantine: true },
  });
}
