import type { RegistryRequest } from './message.ts';

/**
 * Reads a body into memory; undefined when it is longer than `maxBytes`, of which no more is read.
 */
export async function readBody(
  { body }: RegistryRequest,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
