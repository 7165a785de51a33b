/** Asks what the registry stands on, for who wants to know whether it is well. */
export interface Diagnostics {
  /**
   * What storage's own clock says, to the second; known from any answer, a refusal among them.
   * Throws StorageUnavailable.
   */
  storageTime(): Promise<Date>;
  /** Reads the metadata of the Entra tenant. Throws EntraUnavailable. */
  askEntra(): Promise<void>;
  /**
   * Reads role assignments of the registry's resource, as a sign-in does. `denied`: Azure Resource
   * Manager answers and the app may not. Throws RolesUnavailable.
   */
  askArm(): Promise<'permitted' | 'denied'>;
}
