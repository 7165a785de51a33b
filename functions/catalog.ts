import { answerCatalog } from '../shared/http/catalog-response.ts';
import type { RegistryRoute } from '../shared/http/route.ts';

/** Repositories that hold something: the catalogue of Docker's registry API. */
export const catalogRoute: RegistryRoute = {
  name: 'catalog',
  scope: 'registry',
  templates: ['v2/_catalog'],
  pattern: /^\/v2\/_catalog$/,
  methods: { GET: { access: 'catalog', handle: (call) => answerCatalog(call, '/v2/_catalog') } },
};
