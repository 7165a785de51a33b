import type { RegistryResponse } from '../shared/http/message.ts';
import { parsePage } from '../shared/http/pagination.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';
import { listRepositories } from '../shared/registry/repositories/catalog.ts';

const maxResults = 100;

/** What `docker search HOST/TERM` asks first, without a credential: is this a v1 registry? */
export const searchPingRoute: RegistryRoute = {
  name: 'search-ping',
  scope: 'registry',
  templates: ['v1/_ping'],
  pattern: /^\/v1\/_ping$/,
  methods: { GET: { access: 'open', handle: () => Promise.resolve(json({ standalone: true })) } },
};

/**
 * What it asks then. Podman asks without a credential, and tries its login elsewhere only after a
 * 401.
 */
export const searchRoute: RegistryRoute = {
  name: 'search',
  scope: 'registry',
  templates: ['v1/search'],
  pattern: /^\/v1\/search$/,
  methods: { GET: { access: 'anyone', handle: async (call) => json(await search(call)) } },
};

function json(value: object): RegistryResponse {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'X-Docker-Registry-Standalone': 'true' },
    body: JSON.stringify(value),
  };
}

/** Finds the term anywhere in a name, among the repositories the caller may pull. */
async function search({ app, request, caller }: Call) {
  const query = request.query.get('q') ?? '';
  const term = query.toLowerCase();
  const names = await listRepositories(app.registry, {
    last: '',
    limit: parsePage(request.query, maxResults).limit,
    wanted: (repository) => repository.includes(term) && caller.may('pull', repository),
  });
  return {
    query,
    num_results: names.length,
    results: names.map((name) => ({
      name,
      description: '',
      star_count: 0,
      is_official: false,
      is_automated: false,
    })),
  };
}
