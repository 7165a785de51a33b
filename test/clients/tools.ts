/** A program built from the Go module proxy and kept in the cache under its name and version. */
export interface Tool {
  name: string;
  version: string;
  /** Main packages, without the version. The last path segment is the binary's name. */
  packages: string[];
  /**
   * Modules with `exclude` or `replace` directives cannot be installed by version: build a copy.
   */
  copyOfModule?: string;
  /** Flags of `go mod edit` for the copy's go.mod. */
  modEdits?: string[];
  /** Files that the copy goes without. */
  leftOut?: string[];
  flags?: string[];
  /** Tells builds of one version with different flags apart. */
  build?: string;
  env?: Record<string, string>;
  /** Only wanted with `--all`. */
  extra?: boolean;
}

/** In the order in which they are built: what later steps wait for comes first. */
export const tools: Tool[] = [
  {
    name: 'conformance',
    version: 'v0.0.0-20260831232431-97274622c111',
    packages: ['github.com/opencontainers/distribution-spec/conformance'],
  },
  {
    name: 'crane',
    version: 'v0.22.1',
    packages: ['github.com/google/go-containerregistry/cmd/crane'],
  },
  { name: 'oras', version: 'v1.3.6', packages: ['oras.land/oras/cmd/oras'] },
  { name: 'regctl', version: 'v0.11.7', packages: ['github.com/regclient/regclient/cmd/regctl'] },
  {
    name: 'containerd',
    version: 'v2.4.2',
    packages: [
      'github.com/containerd/containerd/v2/cmd/ctr',
      'github.com/containerd/containerd/v2/cmd/containerd',
    ],
  },
  {
    name: 'moby',
    version: 'v2.0.0-beta.24',
    packages: ['github.com/moby/moby/v2/cmd/dockerd', 'github.com/moby/moby/v2/cmd/docker-proxy'],
    flags: ['-tags', 'exclude_graphdriver_btrfs'],
    env: { CGO_ENABLED: '0' },
  },
  {
    name: 'buildkit',
    version: 'v0.34.2',
    packages: ['github.com/moby/buildkit/cmd/buildctl', 'github.com/moby/buildkit/cmd/buildkitd'],
    copyOfModule: 'github.com/moby/buildkit',
    // As its releases do; it says its version to registries, which go by it.
    flags: ['-ldflags', '-X github.com/moby/buildkit/version.Version=v0.34.2'],
    build: 'named',
  },
  {
    name: 'nerdctl',
    version: 'v2.3.5',
    packages: ['github.com/containerd/nerdctl/v2/cmd/nerdctl'],
    copyOfModule: 'github.com/containerd/nerdctl/v2',
    // Its tests need a module that is in no proxy, only in a folder of its repository.
    leftOut: ['cmd/nerdctl/helpers/testing_linux.go'],
    modEdits: [
      '-droprequire=github.com/containerd/nerdctl/mod/tigron',
      '-dropreplace=github.com/containerd/nerdctl/mod/tigron@v0.0.0',
    ],
    env: { CGO_ENABLED: '0' },
  },
  {
    name: 'ctr-2.1',
    version: 'v2.1.9',
    packages: ['github.com/containerd/containerd/v2/cmd/ctr'],
    copyOfModule: 'github.com/containerd/containerd/v2',
  },
  { name: 'helm4', version: 'v4.3.1', packages: ['helm.sh/helm/v4/cmd/helm'] },
  {
    name: 'kustomize',
    version: 'v5.8.1',
    packages: ['sigs.k8s.io/kustomize/kustomize/v5'],
  },
  { name: 'cosign', version: 'v3.1.3', packages: ['github.com/sigstore/cosign/v3/cmd/cosign'] },
  {
    name: 'distribution',
    version: 'v3.1.2',
    packages: ['github.com/distribution/distribution/v3/cmd/registry'],
  },
  { name: 'helm3', version: 'v3.22.0', packages: ['helm.sh/helm/v3/cmd/helm'], extra: true },
  {
    name: 'buildx',
    version: 'v0.38.2',
    packages: ['github.com/docker/buildx/cmd/buildx'],
    extra: true,
  },
];

/** Debian packages, each with a program by which its presence is seen. */
export const debianPackages: Record<string, string> = {
  'docker.io': '/usr/sbin/dockerd',
  podman: '/usr/bin/podman',
  skopeo: '/usr/bin/skopeo',
  buildah: '/usr/bin/buildah',
  umoci: '/usr/bin/umoci',
  containerd: '/usr/bin/containerd',
  runc: '/usr/sbin/runc',
  crun: '/usr/bin/crun',
  'default-jdk-headless': '/usr/bin/javac',
  maven: '/usr/bin/mvn',
  hey: '/usr/bin/hey',
  wrk: '/usr/bin/wrk',
};
