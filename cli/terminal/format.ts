const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.5 GiB` */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `2026-11-24 18:03`, UTC, to the minute; `-` when it is no time. */
export function formatTime(time: string | undefined): string {
  if (time === undefined || Number.isNaN(Date.parse(time))) return '-';
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ');
}

/** `sha256:` and the first twelve digits, as docker shortens an id. */
export function shortDigest(digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return `${algorithm}:${hex.slice(0, 12)}`;
}
