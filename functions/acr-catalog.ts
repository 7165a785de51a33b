import type { RegistryRoute } from '../shared/http/route.ts';
import { answerCatalog } from '../shared/http/catalog-response.ts';

/** ACR's `GET /acr/v1/_catalog`: what `GET /v2/_catalog` answers. */
export const acrCatalogRoute: RegistryRoute = {
  name: 'acr-catalog',
  scope: 'registry',
  templates: ['acr/v1/_catalog'],
  pattern: /^\/acr\/v1\/_catalog$/,
  methods: {
    GET: { access: 'catalog', handle: (call) => answerCatalog(call, '/acr/v1/_catalog') },
  },
};
