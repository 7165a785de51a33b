import type { Command } from 'commander';
import * as v from 'valibot';
import { managementScope } from '../client/registry-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { parseRepository } from './options.ts';

const reason = v.looseObject({
  source: v.string(),
  verdict: v.string(),
  roleName: v.nullish(v.string()),
  scope: v.nullish(v.string()),
  condition: v.nullish(v.string()),
  problem: v.nullish(v.string()),
  scopeMap: v.nullish(v.string()),
  openedBy: v.nullish(v.string()),
});
type Reason = v.InferOutput<typeof reason>;
const explanation = v.looseObject({ allowed: v.boolean(), reasons: v.array(reason) });

/** `lighter permissions check` */
export const addPermissions: AddCommand = (program, contextOf) => {
  program
    .command('permissions')
    .description('who may do what')
    .command('check')
    .description('whether a principal may do something, and why; exit code 3 when not')
    .argument('<principal>', 'an object id of Entra, token:NAME, federation:RULE, admin, anonymous')
    .argument('<repository>', 'its name, such as team/app', parseRepository)
    .argument('<action>', 'pull, push, delete, sign, metadata_read, metadata_write')
    .action(
      async (
        principal: string,
        repository: string,
        action: string,
        _options: unknown,
        command: Command,
      ) => {
        const { terminal, client } = contextOf(command);
        const query = new URLSearchParams({ principal, repository, action });
        const path = `/api/v1/permissions?${query.toString()}`;
        const { value } = await client().json(path, managementScope, explanation);
        terminal.show(value, () =>
          table(
            ['SOURCE', 'VERDICT', 'WHAT', 'WHERE'],
            value.reasons.map((each) => [
              each.source,
              each.verdict === 'grants' ? terminal.good(each.verdict) : each.verdict,
              printable(whatOf(each)),
              printable(each.scope ?? '-'),
            ]),
          ),
        );
        const sentence = `${principal} may${value.allowed ? '' : ' not'} ${action} in ${repository}`;
        if (!value.allowed) throw new CliError(sentence, exitCodes.denied);
        terminal.done(sentence);
      },
    );
};

function whatOf({ roleName, scopeMap, openedBy, condition, problem }: Reason): string {
  const parts = [roleName, scopeMap, openedBy, problem ?? condition];
  return parts.filter((part) => typeof part === 'string').join(': ') || '-';
}
