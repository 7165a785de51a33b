import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/**
 * A word to whoever opens the address in a browser. It comes by `zz-fallback`: the platform has no
 * template for the root, and shows a page of its own there unless AzureWebJobsDisableHomepage is
 * true.
 */
export const homeRoute: RegistryRoute = {
  name: 'home',
  scope: 'registry',
  templates: [],
  pattern: /^\/$/,
  methods: { GET: { access: 'open', handle: greet }, HEAD: { access: 'open', handle: greet } },
};

function greet({ origin }: Call): Promise<RegistryResponse> {
  return Promise.resolve({
    status: 200,
    headers: { 'Content-Type': 'text/plain' },
    body: `Lighter, a container registry: docker login ${new URL(origin).host}\n`,
  });
}
