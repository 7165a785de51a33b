import { askableRights } from '../../shared/http/management/permission-question.ts';

type SchemaName = string;

export interface QueryParameter {
  readonly description: string;
  readonly required: boolean;
  readonly values?: readonly string[];
}

/** What is said of a method of a route beyond what the route itself says. */
export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly query?: Readonly<Record<string, QueryParameter>>;
  readonly request?: {
    readonly schema: SchemaName;
    /** May be left out. */
    readonly optional?: boolean;
    /** The path has it, so that the body need not. */
    readonly withoutName?: boolean;
  };
  /** By status; a schema for each that has a body. */
  readonly answers: Readonly<Record<number, SchemaName | undefined>>;
  /** The answers carry an ETag. */
  readonly etag?: boolean;
  readonly ifMatch?: 'required' | 'optional';
  readonly ifNoneMatch?: boolean;
  /** Statuses of refusals, beside those that every operation has, with their reasons. */
  readonly errors: Readonly<Record<number, string>>;
}

const wrong = 'The document is not valid; `detail.problems` says what and where.';
const badBody = {
  400: wrong,
  413: 'The document is too large.',
  415: 'The Content-Type is not `application/json`.',
};
const changed = 'It has changed meanwhile, or is there already, against the condition.';

/** The three methods of something that has a name. */
function named(
  noun: string,
  schema: SchemaName,
  requestSchema: SchemaName,
  deleteRefused?: string,
): Readonly<Record<'GET' | 'PUT' | 'DELETE', Operation>> {
  const missing = { 404: `There is no ${noun} of that name.` };
  return {
    GET: { summary: `One ${noun}`, answers: { 200: schema }, etag: true, errors: missing },
    PUT: {
      summary: `Make a ${noun}, or replace it`,
      request: { schema: requestSchema, withoutName: true },
      answers: { 200: schema, 201: schema },
      etag: true,
      ifMatch: 'optional',
      ifNoneMatch: true,
      errors: { ...badBody, 412: changed },
    },
    DELETE: {
      summary: `Delete a ${noun}`,
      answers: { 204: undefined },
      ifMatch: 'optional',
      errors: {
        ...missing,
        412: changed,
        ...(deleteRefused !== undefined && { 409: deleteRefused }),
      },
    },
  };
}

const scopeMaps = named(
  'scope map',
  'ScopeMap',
  'ScopeMap',
  'Tokens have it; `detail.tokens` names them.',
);
const federation = named('federation rule', 'FederationRule', 'FederationRule');
const tokens = named('repository token', 'Token', 'TokenSettings');
const password = { 404: 'There is no repository token of that name.' };

/** Every operation of the management API, by method and template of its route. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET api/v1/openapi.json': {
    summary: 'This description',
    answers: { 200: 'OpenApi' },
    errors: {},
  },
  'GET api/v1/whoami': {
    summary: 'Whom the credential stands for and what it permits',
    description:
      'An access token is shown with what it carries. Without a credential it answers where something is open to anonymous pull.',
    answers: { 200: 'WhoAmI' },
    errors: {},
  },
  'GET api/v1/policy': {
    summary: 'The policy document',
    answers: { 200: 'Policy' },
    etag: true,
    errors: {},
  },
  'PUT api/v1/policy': {
    summary: 'Replace the policy document',
    description:
      '`If-Match: *` replaces whatever is there, also a document of a later release that this one cannot read.',
    request: { schema: 'Policy' },
    answers: { 200: 'Policy' },
    etag: true,
    ifMatch: 'required',
    errors: {
      ...badBody,
      409: 'It lacks a scope map that tokens have; `detail.tokens` names them.',
      412: 'The policy has changed meanwhile; `detail.etag` is its ETag now.',
      428: '`If-Match` is missing.',
    },
  },
  'POST api/v1/policy/validate': {
    summary: 'Say what is wrong with a policy document, and change nothing',
    request: { schema: 'Policy' },
    answers: { 200: 'PolicyValidation' },
    errors: { ...badBody, 400: 'The body is no JSON object.' },
  },
  'GET api/v1/scope-maps': {
    summary: 'All scope maps',
    answers: { 200: 'ScopeMapList' },
    errors: {},
  },
  'GET api/v1/scope-maps/{name}': scopeMaps.GET,
  'PUT api/v1/scope-maps/{name}': scopeMaps.PUT,
  'DELETE api/v1/scope-maps/{name}': scopeMaps.DELETE,
  'GET api/v1/federation': {
    summary: 'All federation rules',
    answers: { 200: 'FederationRuleList' },
    errors: {},
  },
  'GET api/v1/federation/{name}': federation.GET,
  'PUT api/v1/federation/{name}': federation.PUT,
  'DELETE api/v1/federation/{name}': federation.DELETE,
  'GET api/v1/tokens': {
    summary: 'All repository tokens',
    answers: { 200: 'TokenList' },
    errors: {},
  },
  'GET api/v1/tokens/{name}': tokens.GET,
  'PUT api/v1/tokens/{name}': {
    ...tokens.PUT,
    description: 'A token is made without a password. Its passwords stay when it is changed.',
  },
  'DELETE api/v1/tokens/{name}': tokens.DELETE,
  'POST api/v1/tokens/{name}/passwords/{slot}': {
    summary: 'Make a new password, which is shown this once',
    description: 'The password that the slot had ends. The other one stays.',
    request: { schema: 'PasswordExpiry', optional: true },
    answers: { 200: 'Password' },
    errors: { ...badBody, ...password },
  },
  'DELETE api/v1/tokens/{name}/passwords/{slot}': {
    summary: 'End a password',
    answers: { 204: undefined },
    errors: password,
  },
  'GET api/v1/permissions': {
    summary: 'Whether a principal may do something, and why',
    description: 'As old as what the registry itself decides by.',
    query: {
      principal: {
        required: true,
        description:
          'Object id of a user, service principal or managed identity of Entra, `token:NAME`, `federation:RULE`, `admin` or `anonymous`.',
      },
      action: { required: true, description: 'What it wants to do.', values: askableRights },
      repository: { required: false, description: 'Where; left out: in all repositories.' },
    },
    answers: { 200: 'PermissionExplanation' },
    errors: { 400: 'A parameter is missing or wrong; `detail.problems` says which.' },
  },
  'GET api/v1/health': {
    summary: 'Whether all that the registry stands on is well',
    description:
      'Reads and writes storage, asks Entra and Azure Resource Manager where they are configured. A check that fails does not make the answer fail.',
    answers: { 200: 'HealthReport' },
    errors: {},
  },
  'GET api/v1/gc': {
    summary: 'What the last garbage collection did',
    answers: { 200: 'SweepReport' },
    errors: { 404: 'There has been none yet.' },
  },
  'POST api/v1/gc': {
    summary: 'Collect garbage now',
    description:
      'Ends after about 150 seconds, whatever is left. It also runs by itself, every five minutes.',
    request: { schema: 'SweepRequest', optional: true },
    answers: { 200: 'SweepReport' },
    errors: badBody,
  },
  'POST api/v1/retention': {
    summary: 'Delete now what the rules of retention say',
    description:
      'Ends after about 150 seconds, whatever is left. It also runs by itself, once a day.',
    request: { schema: 'RetentionRequest', optional: true },
    answers: { 200: 'RetentionReport' },
    errors: badBody,
  },
  'GET api/v1/retention/preview': {
    summary: 'What the rules of retention would delete now',
    query: { repository: { required: false, description: 'Only there.' } },
    answers: { 200: 'RetentionReport' },
    errors: { 400: 'The repository is no name.' },
  },
  'GET api/v1/usage': {
    summary: 'What the repositories hold, by name, as it was last counted',
    description: 'A header `Link` leads to the next page.',
    query: {
      n: { required: false, description: 'How many at most; 1,000 otherwise.' },
      last: { required: false, description: 'Those after this name.' },
    },
    answers: { 200: 'UsageList' },
    errors: { 400: '`n` is not a number.' },
  },
  'POST api/v1/usage': {
    summary: 'Count what the repositories hold now, or go on with that',
    description: 'Ends after about 150 seconds. It also runs by itself, once a day.',
    answers: { 200: 'UsageCount' },
    errors: {},
  },
  'GET api/v1/usage/{name}': {
    summary: 'What one repository holds; its name is percent-encoded',
    answers: { 200: 'Usage' },
    errors: { 400: 'It is no name.', 404: 'It was not counted yet.' },
  },
  'GET api/v1/backups': {
    summary: 'The backups there are',
    answers: { 200: 'BackupList' },
    errors: {},
  },
  'POST api/v1/backups': {
    summary: 'Go on with a backup, or begin one',
    description: 'Ends after about 100 seconds; a timer goes on with what is left.',
    request: { schema: 'BackupRequest', optional: true },
    answers: { 200: 'BackupState' },
    errors: { ...badBody, 409: 'The policy has no section `backup`.' },
  },
  'POST api/v1/restore': {
    summary: 'Restore the tables from a backup, or go on with that',
    description:
      'Ends after about 100 seconds: call it again until it is finished. No space is freed meanwhile.',
    request: { schema: 'RestoreRequest' },
    answers: { 200: 'RestoreReport' },
    errors: {
      ...badBody,
      404: 'There is no complete backup of this id.',
      409: 'The tables are not empty, a file of the backup is damaged, or another backup is being restored.',
    },
  },
  'POST api/v1/rebuild-index': {
    summary: 'Rebuild the rows of blobs from the stored bytes, or go on with that',
    description: 'Ends after about 100 seconds: call it again with `next` as `after`.',
    request: { schema: 'RebuildRequest', optional: true },
    answers: { 200: 'RebuildReport' },
    errors: badBody,
  },
  'GET api/v1/storage-audit': {
    summary: 'What the last audit of storage found',
    answers: { 200: 'AuditReport' },
    errors: { 404: 'There has been none yet.' },
  },
  'POST api/v1/storage-audit': {
    summary: 'Audit storage now, or go on with the audit that is under way',
    description:
      'Looks at all that is stored, for about 150 seconds a call; repairs what it finds, unless it is a dry run. It also runs by itself, every week.',
    request: { schema: 'SweepRequest', optional: true },
    answers: { 200: 'AuditReport' },
    errors: badBody,
  },
};
