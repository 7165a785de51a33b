import { Problem } from './problem.ts';

export interface ImageReference {
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference: string;
}

/** `repository[:tag]` or `repository@digest`, without the registry. Throws a Problem. */
export function parseImage(text: string): ImageReference {
  const match =
    /^([a-z0-9][a-z0-9._/-]*)(?::([\w][\w.-]{0,127})|@(sha\d+:[0-9a-f]{64,128}))?$/.exec(text);
  if (match === null) {
    throw new Problem(`"${text}" is no image: give repository:tag, without the registry`);
  }
  const [, repository = '', tag, digest] = match;
  return { repository, reference: digest ?? tag ?? 'latest' };
}
