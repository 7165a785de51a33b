import type { PipelineResponse } from '@azure/core-rest-pipeline';
import type { Config } from '../config.ts';
import { managedIdentity } from './credentials.ts';
import { storageAgent } from './http-agent.ts';
import { lazy } from './lazy.ts';
import { isUndecidedStatus, parseRetryAfter, Undecided } from './retry.ts';
import type { TableRequest } from './table-request.ts';

export interface TableAnswer {
  readonly status: number;
  readonly body: string;
  header(name: string): string | undefined;
}

/** The table endpoint of one storage account. */
export interface TableService {
  readonly endpoint: string;
  /**
   * Sends once. Throws Undecided when storage did not decide the request; any other status is an
   * answer.
   */
  send(request: TableRequest, timeoutMs: number): Promise<TableAnswer>;
}

/**
 * What we want of the SDK's pipeline. Its retries would hide a write's own success, and the rest of
 * it costs a quarter of a point read's processor time.
 */
const authentication = new Set([
  'tablesNamedKeyCredentialPolicy',
  'bearerTokenAuthenticationPolicy',
]);

/**
 * The service behind the SDK's own pipeline, of which the authentication is what we want: its typed
 * transactions drop the ETag of a delete. The SDK is loaded with the first request.
 */
export function connectTableService(settings: Config['storage']): TableService {
  const endpoint = settings.tableUrl;
  const agent = storageAgent(endpoint);
  const allowInsecureConnection = endpoint.startsWith('http:');
  const load = lazy(async () => {
    const [{ AzureNamedKeyCredential, TableServiceClient }, core] = await Promise.all([
      import('@azure/data-tables'),
      import('@azure/core-rest-pipeline'),
    ]);
    const { credential } = settings;
    const options = { allowInsecureConnection };
    const { pipeline } =
      credential.kind === 'key'
        ? new TableServiceClient(
            endpoint,
            new AzureNamedKeyCredential(credential.accountName, credential.accountKey),
            options,
          )
        : new TableServiceClient(endpoint, managedIdentity(credential.clientId), options);
    for (const { name } of pipeline.getOrderedPolicies()) {
      if (!authentication.has(name)) pipeline.removePolicy({ name });
    }
    const client = core.createDefaultHttpClient();
    return ({ method, path, headers, body }: TableRequest, timeout: number) =>
      pipeline.sendRequest(
        client,
        core.createPipelineRequest({
          method,
          url: `${endpoint}/${path}`,
          headers: core.createHttpHeaders({ 'x-ms-version': '2019-02-02', ...headers }),
          ...(body !== undefined && { body }),
          agent,
          timeout,
          allowInsecureConnection,
        }),
      );
  });

  return {
    endpoint,
    async send(request, timeoutMs) {
      const sendThroughPipeline = await load();
      let response: PipelineResponse;
      try {
        response = await sendThroughPipeline(request, timeoutMs);
      } catch (cause) {
        throw new Undecided(`no answer from Table Storage to ${nameOf(request)}`, { cause });
      }
      if (isUndecidedStatus(response.status)) {
        throw new Undecided(`Table Storage answered ${response.status} to ${nameOf(request)}`, {
          cause: response.bodyAsText ?? undefined,
          retryAfterSeconds: parseRetryAfter(response.headers.get('retry-after')),
        });
      }
      return {
        status: response.status,
        body: response.bodyAsText ?? '',
        header: (name) => response.headers.get(name),
      };
    },
  };
}

/** For messages: the table, without keys. */
function nameOf({ method, path }: TableRequest): string {
  return `${method} ${path.replace(/[(?].*/, '')}`;
}
