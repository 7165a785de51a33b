import type { RegistryResponse } from '../shared/http/message.ts';
import { parsePage } from '../shared/http/pagination.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';
import { listRepositories } from '../shared/registry/catalog.ts';

const maxResults = 100;

/** The two v1 endpoints that `docker search HOST/TERM` calls. */
export const searchRoute: RegistryRoute = {
  name: 'search',
  scope: 'registry',
  templates: ['v1/_ping', 'v1/search'],
  pattern: /^\/v1\/(?<what>_ping|search)$/,
  methods: { GET: { access: 'anyone', handle: answer } },
};

async function answer(call: Call): Promise<RegistryResponse> {
  const body = call.params['what'] === '_ping' ? { standalone: true } : await search(call);
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'X-Docker-Registry-Standalone': 'true' },
    body: JSON.stringify(body),
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
