import type { Registry } from '../registry.ts';
import { isDirectUpload, stagingNameOf } from './direct-session.ts';

/**
 * Deletes what a client wrote to the staging blob of a direct upload, whatever lease it took on it;
 * nothing for any other upload. To be done before the last row that names the upload goes: its
 * session, or once that was published the work row. The session and the blob that its bytes were
 * copied to are as every upload's.
 */
export async function sweepDirectSession(registry: Registry, uploadId: string): Promise<void> {
  if (isDirectUpload(uploadId)) await registry.staging.discard(stagingNameOf(uploadId));
}
