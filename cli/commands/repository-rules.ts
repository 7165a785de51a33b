import * as v from 'valibot';
import { CliError, exitCodes } from '../cli-error.ts';
import { printable } from '../terminal/table.ts';

/** As the policy has them: actions on repository patterns. */
export const repositoryRules = v.array(
  v.looseObject({ repositories: v.array(v.string()), actions: v.array(v.string()) }),
);
type RepositoryRules = v.InferOutput<typeof repositoryRules>;

/** Short names for what people mean, beside the actions themselves. */
const shorthand: Readonly<Record<string, readonly string[]>> = {
  pull: ['content/read', 'metadata/read'],
  push: ['content/read', 'content/write', 'metadata/read'],
  all: ['content/read', 'content/write', 'content/delete', 'metadata/read', 'metadata/write'],
};

export const allowHelp =
  'PATTERN=ACTIONS, such as "team/*=push"; actions: pull, push, all, or content/read, …; repeatable';

/** `team/*=content/read,content/write`, or `team/*=push`; repeated for several patterns. */
export function parseRules(texts: readonly string[]): RepositoryRules {
  return texts.map((text) => {
    const equals = text.lastIndexOf('=');
    const names = text
      .slice(equals + 1)
      .split(',')
      .filter(Boolean);
    if (equals < 1 || names.length === 0) {
      throw new CliError(`--allow ${text}: ${allowHelp}`, exitCodes.usage);
    }
    const actions = new Set(names.flatMap((name) => shorthand[name] ?? [name]));
    return { repositories: text.slice(0, equals).split(','), actions: [...actions] };
  });
}

/** One option given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** `team/*: content/read, content/write` */
export function rulesText(rules: RepositoryRules): string {
  return printable(
    rules
      .map(({ repositories, actions }) => `${repositories.join(',')}: ${actions.join(', ')}`)
      .join('; '),
  );
}
