import { readAttributeChange } from '../shared/http/acr-request.ts';
import { acrAnswer, repositoryJson } from '../shared/http/acr-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RepositoryCall, RepositoryRoute } from '../shared/http/route.ts';
import { deleteRepository } from '../shared/registry/repositories/delete-repository.ts';
import {
  changeRepository,
  describeRepository,
} from '../shared/registry/repositories/describe-repository.ts';

/** ACR's `/acr/v1/{name}`: a repository, its locks, its deletion. */
export const acrRepositoryRoute: RepositoryRoute = {
  name: 'acr-repository',
  scope: 'repository',
  templates: ['acr/v1/{*path:regex(^(?!_)(?!.*/_(tags|manifests)(/|$)).+$)}'],
  pattern: /^\/acr\/v1\/(?<name>(?!_)(?!.*\/_(?:tags|manifests)(?:\/|$)).+)$/,
  methods: {
    GET: { access: 'metadata_read', handle: describe },
    PATCH: { access: 'metadata_write', change: 'lock.change', handle: change },
    DELETE: { access: 'delete', change: 'repository.delete', handle: remove },
  },
};

async function describe(call: RepositoryCall): Promise<RegistryResponse> {
  const description = await describeRepository(call.app.registry, call.repository);
  return acrAnswer(call, repositoryJson(description));
}

async function change(call: RepositoryCall): Promise<RegistryResponse> {
  const { app, request, repository } = call;
  const attributes = await readAttributeChange(request);
  const changed = await changeRepository(app.registry, repository, attributes);
  return { ...acrAnswer(call, repositoryJson(changed)), audit: { attributes } };
}

async function remove({ app, repository }: RepositoryCall): Promise<RegistryResponse> {
  const deleted = await deleteRepository(app.registry, repository);
  return {
    status: 202,
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    body: JSON.stringify(deleted),
    audit: { manifests: deleted.manifestsDeleted.length },
  };
}
