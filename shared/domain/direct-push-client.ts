/**
 * A product of a User-Agent that puts a layer straight into storage, and the first version that
 * then does without `Docker-Content-Digest` in storage's answer.
 */
interface DirectClient {
  readonly product: string;
  readonly major: number;
  readonly minor: number;
}

/**
 * The clients whose push may go straight into storage: all of them containerd's pusher, which since
 * 2.2.0 (core/remotes/docker/pusher.go, "registry did not send a Docker-Content-Digest header")
 * follows a Location to another host with one PUT, drops its Authorization on the way, and is
 * content with storage's answer. Older ones upload everything and then fail. BuildKit 0.26 is the
 * first that was built with containerd 2.2.
 */
const directClients: readonly DirectClient[] = [
  { product: 'containerd', major: 2, minor: 2 },
  { product: 'containerd-client', major: 2, minor: 2 },
  { product: 'buildkit', major: 0, minor: 26 },
];

/** Docker Engine names its BuildKit before its own version; 29.0 was built with containerd 2.1. */
const dockerEngine: DirectClient = { product: 'moby', major: 29, minor: 1 };

/**
 * Whether a client, by the User-Agent of its `POST uploads/`, can be sent to storage with a layer's
 * bytes. Whatever is not known to work is not.
 */
export function pushesDirect(userAgent: string): boolean {
  // What stands in `UpstreamClient(…)` Docker Engine was told by its own client.
  const [own = ''] = userAgent.split('UpstreamClient(', 1);
  const products = own.split(/\s+/);
  const engine = products.find((product) => product.startsWith(`${dockerEngine.product}/`));
  if (engine !== undefined && !isSince(engine, dockerEngine)) return false;
  return products.some((product) => directClients.some((client) => isSince(product, client)));
}

/** A pre-release of the first version may still be without what makes it the first. */
function isSince(text: string, { product, major, minor }: DirectClient): boolean {
  const version = /^([a-z-]+)\/v?(\d+)\.(\d+)(?:\.(\d+))?([-+~].*)?$/.exec(text);
  if (version === null || version[1] !== product) return false;
  const [, , itsMajor, itsMinor, patch = '0', suffix = ''] = version;
  const difference = Number(itsMajor) - major || Number(itsMinor) - minor;
  if (difference !== 0) return difference > 0;
  return patch !== '0' || !suffix.startsWith('-');
}
