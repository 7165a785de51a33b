/** ACR's grammar of the names of scope maps and tokens. */
export const resourceNamePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9_-]{0,48}[a-zA-Z0-9])?$/;
/** GUIDs are what Entra's principals are called. */
export const notGuidPattern = /^(?![0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-)/;

/**
 * Whether scope maps, tokens and federation rules may be called so: as ACR's, but never like a GUID
 * or the admin account.
 */
export function isResourceName(text: string): boolean {
  return (
    resourceNamePattern.test(text) && notGuidPattern.test(text) && text.toLowerCase() !== 'admin'
  );
}
