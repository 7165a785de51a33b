/** What the parent tells the Azurite process to start with. Sent once, as the first message. */
export interface AzuriteStart {
  /** The folder everything is kept in; undefined keeps it in memory. */
  readonly dataFolder: string | undefined;
  readonly accountName: string;
  /** Base64, as Azure shows an account key. */
  readonly accountKey: string;
  /**
   * Serves HTTPS, and accepts Entra bearer tokens when `acceptsBearer` (Azurite's `--oauth basic`).
   */
  readonly tls: AzuriteTls | undefined;
}

export interface AzuriteTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly acceptsBearer: boolean;
}

/**
 * What the parent tells the Azurite process afterwards, with a client's connection: to answer, on
 * that connection, the request whose head this is, and then to close it.
 */
export interface AzuriteServe {
  readonly head: string;
}

/** What the Azurite process tells its parent. */
export type AzuriteReport =
  | { readonly kind: 'ready'; readonly blobPort: number; readonly tablePort: number }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'folder-in-use' }
  | { readonly kind: 'unsaved'; readonly message: string };
