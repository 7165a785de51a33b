import { describe, expect, it } from 'vitest';
import { pushesDirect } from '../../shared/domain/direct-push-client.ts';

const dockerEngine = (version: string, own: string) =>
  `docker/${version} go/go1.26.8 git-commit/abc kernel/6.1 os/linux arch/amd64 ${own}` +
  ' UpstreamClient(Docker-Client/28.2.2 \\(linux\\))';

describe('a client puts layers straight into storage', () => {
  it.each([
    'containerd/2.4.2+unknown',
    'containerd/v2.4.2',
    'containerd/v2.2.0',
    'containerd/2.2.9',
    'containerd/v2.3.0-rc.1',
    'containerd/v3.0.0',
    'buildkit/v0.26',
    'buildkit/v0.34',
    'buildkit/v1.0',
    'buildkit/v0.30 moby/v29.1',
    dockerEngine('29.1.0', 'containerd-client/2.2.0+unknown storage-driver/overlayfs'),
    dockerEngine('library-import', 'containerd-client/2.3.5+unknown storage-driver/overlayfs'),
  ])('when it says %s', (userAgent) => {
    expect(pushesDirect(userAgent)).toBe(true);
  });
});

describe('a client pushes through the registry', () => {
  it.each([
    '',
    'containerd/1.6.20~ds1',
    'containerd/v1.7.35',
    'containerd/v2.0.14',
    'containerd/2.1.9+unknown',
    'containerd/v2.2.0-rc.1',
    'containerd/v2.2.0-beta.0+dirty',
    'containerd/unknown',
    'containerd',
    'my-containerd/v2.4.2',
    'buildkit/v0.0-dev',
    'buildkit/v0.25',
    'buildkit/v0.11 moby/v24.0',
    'buildkit/v0.26 moby/v29.0',
    dockerEngine('28.5.2', 'containerd-client/2.1.4+unknown storage-driver/overlayfs'),
    dockerEngine('29.0.0', 'containerd-client/2.1.5+unknown storage-driver/overlayfs'),
    'docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.1 os/linux arch/amd64' +
      ' UpstreamClient(Docker-Client/20.10.24+dfsg1 \\(linux\\))',
    'docker/27.0.0 go/go1.26 UpstreamClient( containerd/v2.4.2 containerd-client/2.4.2 )',
    'regclient/regctl (v0.11.7)',
    'oras/1.3.6',
    'crane/v0.22.1 go-containerregistry/v0.22.1',
    'skopeo/1.9.3',
    'Buildah/1.28.2',
    'containers/5.23.1 (github.com/containers/image)',
    'Helm/4.3.1',
    'curl/8.0',
  ])('when it says "%s"', (userAgent) => {
    expect(pushesDirect(userAgent)).toBe(false);
  });
});
