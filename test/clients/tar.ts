/** What a layer contains; paths are relative, without a leading slash. */
export type TarEntry =
  | { path: string; kind: 'file'; content: Buffer; mode?: number }
  | { path: string; kind: 'folder' }
  | { path: string; kind: 'link'; target: string };

const blockBytes = 512;

/**
 * A ustar header (POSIX.1-1988) owned by root, with the time 0, so that archives are repeatable.
 */
export function tarHeader(
  path: string,
  sizeBytes: number,
  options: { type?: '0' | '2' | '5'; mode?: number; target?: string } = {},
): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, width: number): void => {
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1');
  };
  header.write(path, 0, 100, 'utf8');
  octal(options.mode ?? 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(sizeBytes, 124, 12);
  octal(0, 136, 12);
  header.write('        ', 148, 'latin1'); // The checksum counts itself as spaces.
  header.write(options.type ?? '0', 156, 'latin1');
  header.write(options.target ?? '', 157, 100, 'utf8');
  header.write('ustar\x0000', 257, 'latin1');
  let checksum = 0;
  for (const byte of header) checksum += byte;
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** The zeros that fill the last block of a file. */
export const tarPadding = (sizeBytes: number): Buffer =>
  Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);

export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes);

export function tar(entries: TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    if (entry.kind === 'folder') {
      parts.push(tarHeader(`${entry.path}/`, 0, { type: '5', mode: 0o755 }));
    } else if (entry.kind === 'link') {
      parts.push(tarHeader(entry.path, 0, { type: '2', mode: 0o777, target: entry.target }));
    } else {
      const { path, content, mode } = entry;
      parts.push(tarHeader(path, content.length, mode === undefined ? {} : { mode }));
      parts.push(content, tarPadding(content.length));
    }
  }
  return Buffer.concat([...parts, tarEnd]);
}
