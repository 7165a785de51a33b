import type { Command } from 'commander';
import { format, resolveConfig } from 'prettier';
import { exitCodes } from '../../cli/cli-error.ts';
import { createProgram } from '../../cli/program.ts';

const endsWith: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'it worked',
  failed:
    'it did not work, or a check found something wrong; also an answer, be it 401, 403 or 404, that is none of a registry',
  usage:
    'the command line is wrong, or a name, a file or a document that it gives, or a program that it runs is not installed',
  denied: 'nobody is signed in, or who is may not do it; `permissions check`: not allowed',
  notFound: 'what it is about does not exist',
  unavailable: 'the registry does not answer, or cannot now; try again',
  conflict: 'somebody changed it meanwhile, or a rule or a lock forbids it',
  interrupted: 'Ctrl-C or Ctrl-D in place of an answer',
};

/** docs/cli.md, out of the commands themselves. */
export async function cliPage(): Promise<string> {
  const program = createProgram('', () => {
    throw new Error('no command runs here');
  });
  const commands = leavesOf(program).filter((command) => command.name() !== 'complete');
  const text = [
    introduction,
    ...commands.map(section),
    '## What it ends with\n',
    '| code | meaning |\n| --- | --- |',
    ...Object.entries(exitCodes).map(([name, code]) => `| ${code} | ${meaning(name)} |`),
  ].join('\n');
  const style = await resolveConfig(import.meta.filename);
  return await format(text, { ...style, parser: 'markdown' });
}

const introduction = `# The \`lighter\` command

\`npm run build\` makes it: \`dist-cli/lighter.mjs\`, one file that runs on Node.js 20 and later; \`npm link\`
puts it on the path as \`lighter\`. In a checkout, \`npm run -s lighter -- …\` runs it as it is.

Everything is about one registry: \`--registry HOST\`, else \`LIGHTER_REGISTRY\`, else the one signed in to last. One on this
machine is reached without TLS, any other where \`http://\` is written before its address; \`NODE_EXTRA_CA_CERTS=ca.crt\` trusts
an authority of your own. The credential is \`LIGHTER_PASSWORD\` (with \`LIGHTER_USERNAME\`), else that of \`lighter login\`, else
that of \`docker login\`. \`lighter login\` keeps it in \`~/.config/lighter/credentials.json\`, which only its owner can read.

Results go to standard output, as tables or, with \`--json\`, as JSON, lists as arrays; all else goes to standard error
([why](decisions/cli.md)).

\`lighter complete bash\` (\`zsh\`, \`fish\`, \`powershell\`) writes the completion script of a shell:
\`source <(lighter complete bash)\`.

<!-- Made of the commands by npm test -- docs -u. -->
`;

function section(command: Command): string {
  const names = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  const call = names.join(' ');
  const given = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  const rows = [
    ...command.registeredArguments
      .filter(({ description }) => description)
      .map((argument) => `| \`<${argument.name()}>\` | ${argument.description} |`),
    ...command.options.map(
      ({ flags, description, mandatory }) =>
        `| \`${flags}\` | ${description}${mandatory ? ' (required)' : ''} |`,
    ),
  ];
  return [
    `## ${call}\n`,
    `\`${[call, ...given].join(' ')}\`\n`,
    `${command.description()}.\n`,
    ...(rows.length > 0 ? ['| | |', '| --- | --- |', ...rows, ''] : []),
  ].join('\n');
}

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

function meaning(name: string): string {
  const found = Object.entries(endsWith).find(([each]) => each === name);
  return found?.[1] ?? '';
}
