import type { RegistryResponse } from '../shared/http/message.ts';
import { nextLink, parsePage } from '../shared/http/pagination.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { requiredDigest } from '../shared/http/upload-request.ts';
import { listReferrers } from '../shared/registry/manifests/list-referrers.ts';
import { limits } from '../shared/registry/settings.ts';

/** What refers to a manifest: OCI distribution-spec end-12. */
export const referrersRoute: RepositoryRoute = {
  name: 'referrers',
  scope: 'repository',
  templates: ['v2/{*path:regex(^.+/referrers/[^/]+$)}'],
  pattern: /^\/v2\/(?<name>.+)\/referrers\/(?<digest>[^/]+)$/,
  methods: { GET: { access: 'pull', handle: list } },
};

async function list(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository, params, caller } = call;
  const subject = requiredDigest(params['digest']);
  const page = parsePage(request.query, limits.maxReferrersPage);
  const artifactType = request.query.get('artifactType') ?? undefined;
  const filter = artifactType === undefined ? {} : { artifactType };
  const { descriptors, next } = await listReferrers(app.registry, repository, subject, {
    ...page,
    limit: Math.max(page.limit, 1),
    artifactType,
    seesQuarantined: caller.seesQuarantined(repository),
  });
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/vnd.oci.image.index.v1+json',
      ...(artifactType === undefined ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
      ...(next === undefined
        ? {}
        : nextLink(`/v2/${repository}/referrers/${subject}`, {
            n: String(page.limit),
            last: next,
            ...filter,
          })),
    },
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: descriptors,
    }),
  };
}
