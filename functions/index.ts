import {
  app as platform,
  type HttpMethod,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions';
import { compose } from '../shared/compose.ts';
import { readConfig } from '../shared/config.ts';
import type { AuditLine } from '../shared/http/audit.ts';
import { methodsOf } from '../shared/http/route.ts';
import { type RequestLog, serve } from '../shared/http/serve.ts';
import { backupTimer } from './backup.ts';
import { keyRotation } from './key-rotation.ts';
import { retentionTimer } from './retention.ts';
import { toHttpResponse, toRegistryRequest } from './platform.ts';
import { liftRequestTimeout } from './request-timeout.ts';
import { routes } from './routes.ts';
import { storageAudit } from './storage-audit.ts';
import { sweepTimer } from './sweep.ts';
import { usageTimer } from './usage.ts';
import { tolerateMalformedRequests } from './tolerant-request.ts';

const app = compose(readConfig(process.env));

liftRequestTimeout();
tolerateMalformedRequests();
platform.setup({ enableHttpStream: true });

for (const route of routes) {
  const { name, templates } = route;
  templates.forEach((template, index) => {
    register(index === 0 ? name : `${name}-${index + 1}`, template, methodsOf(route));
  });
}
register('zz-fallback', '{*path}', ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

for (const { name, schedule, run } of [
  keyRotation,
  storageAudit,
  sweepTimer,
  backupTimer,
  retentionTimer,
  usageTimer,
]) {
  platform.timer(name, {
    schedule,
    handler: async (_, context) => {
      const line = await run(app, (text) => context.log(text));
      if (line !== undefined) context.log(line);
    },
  });
}

/**
 * Each route is a function of its own, with its own metrics; but whichever the platform picks, the
 * request goes by its path. Methods a route does not have fall to `zz-fallback`, which so answers
 * 405, not 404.
 */
function register(name: string, route: string, methods: readonly string[]): void {
  platform.http(name, {
    route,
    methods: methods.filter(isHttpMethod),
    authLevel: 'anonymous',
    handler: answer,
  });
}

async function answer(request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> {
  const log = (line: RequestLog) => context.log(JSON.stringify(line));
  const audit = (line: AuditLine) => context.log(JSON.stringify(line));
  const received = toRegistryRequest(request, context);
  return toHttpResponse(await serve(routes, app, received, log, audit));
}

function isHttpMethod(method: string): method is HttpMethod {
  return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method);
}
