/** What the registry's functions are told through the environment when they run locally. */
export interface RegistryEnvironment {
  readonly storage: {
    readonly blobUrl: string;
    readonly tableUrl: string;
    readonly accountKey: string;
  };
  readonly adminPassword: string;
  readonly publicUrl: string | undefined;
}

/** The settings that shared/config.ts reads. */
export function registryEnvironment({
  storage,
  adminPassword,
  publicUrl,
}: RegistryEnvironment): Record<string, string> {
  return {
    LIGHTER_LOCAL: '1',
    LIGHTER_STORAGE_BLOB_URL: storage.blobUrl,
    LIGHTER_STORAGE_TABLE_URL: storage.tableUrl,
    LIGHTER_STORAGE_ACCOUNT_KEY: storage.accountKey,
    LIGHTER_ADMIN_PASSWORD: adminPassword,
    ...(publicUrl === undefined ? {} : { LIGHTER_PUBLIC_URL: publicUrl }),
  };
}
