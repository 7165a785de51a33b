import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  type Client,
  type Descriptor,
  descriptor,
  digestOf,
  expectProblem,
  header,
  image,
  index,
  json,
  nextOf,
  types,
} from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile();
const repository = 'referrers/app';
const emptyType = 'application/vnd.oci.empty.v1+json';
let empty: Descriptor;
let counter = 0;

beforeAll(async () => {
  empty = await registry().client.blob(repository, '{}', emptyType);
});

/** A subject of its own for a test; not pushed. */
const freshSubject = () => descriptor(json(image({ subject: ++counter })), types.image);

const artifact = (fields: object) =>
  image({ config: empty, layers: [], annotations: { number: String(++counter) }, ...fields });

async function attach(subject: Descriptor, fields: object = {}): Promise<string> {
  const manifest = artifact({ subject, ...fields });
  const digest = digestOf(json(manifest));
  const answer = await registry().client.putManifest(repository, digest, manifest);
  expect(answer.status, answer.body.toString()).toBe(201);
  expect(header(answer, 'OCI-Subject')).toBe(subject.digest);
  return digest;
}

interface Referrer {
  readonly digest: string;
  readonly [field: string]: unknown;
}

function referrersIn(answer: Answer): readonly Referrer[] {
  expect(answer.status).toBe(200);
  expect(header(answer, 'Content-Type')).toBe(types.index);
  const body: { manifests: Referrer[] } = JSON.parse(answer.body.toString());
  expect(body).toMatchObject({ schemaVersion: 2, mediaType: types.index });
  return body.manifests;
}

const list = (subject: string, query = '', client: Client = registry().client) =>
  client.send('GET', `/v2/${repository}/referrers/${subject}${query}`);

const digestsOf = async (subject: string) =>
  referrersIn(await list(subject)).map(({ digest }) => digest);

describe('end-12a: referrers', () => {
  test('of a subject nothing refers to are an empty index', async () => {
    expect(referrersIn(await list(freshSubject().digest))).toEqual([]);
    const elsewhere = `/v2/referrers/none/referrers/${digestOf('x')}`;
    expect(referrersIn(await registry().client.send('GET', elsewhere))).toEqual([]);
  });

  test('of a subject that is not there are listed', async () => {
    const subject = freshSubject();
    const digest = await attach(subject);
    expect(await digestsOf(subject.digest)).toEqual([digest]);
  });

  test('come with media type, size, artifactType and annotations', async () => {
    const subject = freshSubject();
    const annotations = { 'org.example': 'ä "quoted" \u0000 text' };
    const cases = [
      { artifactType: 'application/x', annotations },
      { config: { ...empty, mediaType: 'application/y' }, annotations: {} },
    ];
    const digests: string[] = [];
    for (const fields of cases) digests.push(await attach(subject, fields));
    const listed = referrersIn(await list(subject.digest));
    expect(listed).toHaveLength(2);
    const sizeOf = (fields: object) =>
      json(image({ config: empty, layers: [], annotations: {}, subject, ...fields })).byteLength;
    expect(listed.find(({ digest }) => digest === digests[0])).toEqual({
      mediaType: types.image,
      digest: digests[0],
      size: sizeOf(cases[0] ?? {}),
      artifactType: 'application/x',
      annotations,
    });
    expect(listed.find(({ digest }) => digest === digests[1])).toEqual({
      mediaType: types.image,
      digest: digests[1],
      size: sizeOf(cases[1] ?? {}),
      artifactType: 'application/y',
    });
  });

  test('may be an index or an artifact manifest', async () => {
    const { client } = registry();
    const subject = freshSubject();
    for (const manifest of [
      index([], { subject, artifactType: 'application/index' }),
      { mediaType: types.artifact, artifactType: 'application/artifact', subject, blobs: [] },
    ]) {
      const answer = await client.putManifest(repository, digestOf(json(manifest)), manifest);
      expect(header(answer, 'OCI-Subject')).toBe(subject.digest);
    }
    const listed = referrersIn(await list(subject.digest));
    expect(new Set(listed.map(({ artifactType }) => artifactType))).toEqual(
      new Set(['application/index', 'application/artifact']),
    );
  });

  test.each([10_000, 20_000, 100_000, 2_000_000])(
    'with annotations of %i characters come with all of them',
    async (length) => {
      const subject = freshSubject();
      const annotations = { large: 'ü'.repeat(length / 2) };
      await attach(subject, { annotations });
      expect(referrersIn(await list(subject.digest))[0]?.['annotations']).toEqual(annotations);
    },
  );

  test('with an artifactType too long to be a media type are refused', async () => {
    const subject = freshSubject();
    const long = `application/${'x'.repeat(40_000)}`;
    for (const fields of [
      { subject, artifactType: long },
      { subject, config: { ...empty, mediaType: long } },
    ]) {
      const answer = await registry().client.putManifest(repository, 'long', artifact(fields));
      expectProblem(answer, 400, 'MANIFEST_INVALID');
    }
    const listed = { ...descriptor('absent', types.image), artifactType: long };
    const answer = await registry().client.putManifest(repository, 'long', index([listed]));
    expectProblem(answer, 400, 'MANIFEST_INVALID');
  });

  test('pushed by tag are listed too, and once however often they are pushed', async () => {
    const subject = freshSubject();
    const manifest = artifact({ subject });
    for (const reference of ['tagged', 'tagged', 'again', digestOf(json(manifest))]) {
      const answer = await registry().client.putManifest(repository, reference, manifest);
      expect(header(answer, 'OCI-Subject')).toBe(subject.digest);
    }
    expect(await digestsOf(subject.digest)).toEqual([digestOf(json(manifest))]);
  });

  test('of a sha512 subject', async () => {
    const subject = { ...freshSubject(), digest: digestOf('subject', 'sha512') };
    expect(await digestsOf(subject.digest)).toEqual([]);
    const digest = await attach(subject);
    expect(await digestsOf(subject.digest)).toEqual([digest]);
  });

  test('are gone after their delete, and back after another push', async () => {
    const { client } = registry();
    const subject = freshSubject();
    const manifest = artifact({ subject });
    const digest = digestOf(json(manifest));
    for (let round = 0; round < 2; round++) {
      await client.putManifest(repository, digest, manifest);
      expect(await digestsOf(subject.digest)).toEqual([digest]);
      const target = `/v2/${repository}/manifests/${digest}`;
      expect((await client.send('DELETE', target)).status).toBe(202);
      expect(await digestsOf(subject.digest)).toEqual([]);
    }
  });

  test('stay when their subject is deleted', async () => {
    const { client } = registry();
    const manifest = artifact({});
    const subject = descriptor(json(manifest), types.image);
    await client.putManifest(repository, subject.digest, manifest);
    const digest = await attach(subject);
    await client.send('DELETE', `/v2/${repository}/manifests/${subject.digest}`);
    expect(await digestsOf(subject.digest)).toEqual([digest]);
  });

  test.each(['sha256:abc', 'latest', 'md5:d41d8cd98f00b204e9800998ecf8427e'])(
    'of %s are refused',
    async (digest) => void expectProblem(await list(digest), 400, 'DIGEST_INVALID'),
  );
});

describe('end-12b: the filter', () => {
  test('lets the asked artifactType through, says so, and leaves others out', async () => {
    const subject = freshSubject();
    const wanted = [await attach(subject, { artifactType: 'application/a+json' })];
    await attach(subject, { artifactType: 'application/b' });
    wanted.push(await attach(subject, { artifactType: 'application/a+json' }));
    const answer = await list(subject.digest, '?artifactType=application/a%2Bjson');
    expect(new Set(referrersIn(answer).map(({ digest }) => digest))).toEqual(new Set(wanted));
    expect(header(answer, 'OCI-Filters-Applied')).toBe('artifactType');
    const none = await list(subject.digest, '?artifactType=application/none');
    expect(referrersIn(none)).toEqual([]);
    expect((await list(subject.digest)).headers.get('OCI-Filters-Applied')).toBeNull();
  });
});

describe('pages', () => {
  test.each([
    [1, ''],
    [4, ''],
    [9, ''],
    [1, '&artifactType=application/odd'],
    [2, '&artifactType=application/odd'],
  ])('of n=%i%s add up', async (n, filter) => {
    const subject = freshSubject();
    const attached: { digest: string; odd: boolean }[] = [];
    for (let number = 0; number < 9; number++) {
      const odd = number % 2 === 1;
      const artifactType = odd ? 'application/odd' : 'application/even';
      attached.push({ odd, digest: await attach(subject, { artifactType }) });
    }
    const seen: string[] = [];
    let target: string | undefined =
      `/v2/${repository}/referrers/${subject.digest}?n=${n}${filter}`;
    while (target !== undefined) {
      const answer = await registry().client.send('GET', target);
      const page = referrersIn(answer);
      expect(page.length).toBeLessThanOrEqual(n);
      seen.push(...page.map(({ digest }) => digest));
      target = nextOf(answer);
    }
    const expected = attached.filter(({ odd }) => odd || filter === '').map(({ digest }) => digest);
    expect(seen).toHaveLength(expected.length);
    expect(new Set(seen)).toEqual(new Set(expected));
  });

  test('without n hold 200 at most', async () => {
    const subject = freshSubject();
    const attachedDigests = await Promise.all(Array.from({ length: 201 }, () => attach(subject)));
    const first = await list(subject.digest);
    expect(referrersIn(first)).toHaveLength(200);
    const second = await registry().client.send('GET', nextOf(first) ?? '');
    expect(referrersIn(second)).toHaveLength(1);
    expect(nextOf(second)).toBeUndefined();
    const seen = [...referrersIn(first), ...referrersIn(second)].map(({ digest }) => digest);
    expect(new Set(seen)).toEqual(new Set(attachedDigests));
  });

  test('of large annotations stay below the 4 MiB that clients read', async () => {
    const subject = freshSubject();
    const annotations = { large: 'x'.repeat(300_000) };
    await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        attach(subject, { annotations: { ...annotations, number: String(number) } }),
      ),
    );
    const seen = new Set<string>();
    let target: string | undefined = `/v2/${repository}/referrers/${subject.digest}`;
    while (target !== undefined) {
      const answer = await registry().client.send('GET', target);
      expect(answer.body.byteLength).toBeLessThanOrEqual(4 * 1024 * 1024);
      for (const { digest } of referrersIn(answer)) seen.add(digest);
      target = nextOf(answer);
    }
    expect(seen.size).toBe(20);
  });

  test.each(["last='", 'last=%00', 'last=%C3%A4', 'last=~', 'n=0', 'last=sha256:zzz'])(
    '%s does no harm',
    async (query) => {
      const subject = freshSubject();
      await attach(subject);
      expect(referrersIn(await list(subject.digest, `?${query}`)).length).toBeLessThanOrEqual(1);
    },
  );

  test('n=x is refused', async () => {
    expectProblem(await list(freshSubject().digest, '?n=x'), 400, 'UNSUPPORTED');
  });
});

describe('the fallback tag of clients without the API', () => {
  const fallbackTag = (subject: Descriptor) => subject.digest.replace(':', '-');

  /** An artifact without a subject, pushed; and the descriptor that an old client lists it with. */
  async function oldArtifact(artifactType: string) {
    const manifest = artifact({});
    const digest = digestOf(json(manifest));
    await registry().client.putManifest(repository, digest, manifest);
    return {
      ...descriptor(json(manifest), types.image),
      artifactType,
      annotations: { old: 'yes' },
    };
  }

  const putFallback = (subject: Descriptor, manifests: readonly object[]) =>
    registry().client.putManifest(repository, fallbackTag(subject), index(manifests));

  test('what it lists appears among the referrers, as it lists it', async () => {
    const subject = freshSubject();
    const old = await oldArtifact('application/old');
    const absent = descriptor('absent', types.image);
    expect((await putFallback(subject, [old, absent])).status).toBe(201);
    expect(referrersIn(await list(subject.digest))).toEqual([old]);
    const got = await registry().client.send(
      'GET',
      `/v2/${repository}/manifests/${fallbackTag(subject)}`,
    );
    expect(got.status).toBe(200);
  });

  test('pushed again with one more lists both, beside what refers by itself', async () => {
    const subject = freshSubject();
    const first = await oldArtifact('application/first');
    await putFallback(subject, [first]);
    const second = await oldArtifact('application/second');
    await putFallback(subject, [first, second]);
    const itself = await attach(subject);
    expect(new Set(await digestsOf(subject.digest))).toEqual(
      new Set([first.digest, second.digest, itself]),
    );
  });

  test('what it lists is gone after its delete, and can be pushed and deleted again', async () => {
    const { client } = registry();
    const subject = freshSubject();
    const manifest = artifact({});
    const old = descriptor(json(manifest), types.image);
    const target = `/v2/${repository}/manifests/${old.digest}`;
    await client.putManifest(repository, old.digest, manifest);
    await putFallback(subject, [old]);
    expect(await digestsOf(subject.digest)).toEqual([old.digest]);
    expect((await client.send('DELETE', target)).status).toBe(202);
    expect(await digestsOf(subject.digest)).toEqual([]);

    expect((await client.putManifest(repository, old.digest, manifest)).status).toBe(201);
    expect((await client.send('DELETE', target)).status).toBe(202);
    expect((await client.send('GET', target)).status).toBe(404);
    expect(await digestsOf(subject.digest)).toEqual([]);
  });

  test('of two subjects that list one artifact, none lists it after its delete', async () => {
    const { client } = registry();
    const subjects = [freshSubject(), freshSubject()];
    const old = await oldArtifact('application/shared');
    for (const subject of subjects) await putFallback(subject, [old]);
    for (const subject of subjects) expect(await digestsOf(subject.digest)).toEqual([old.digest]);
    await client.send('DELETE', `/v2/${repository}/manifests/${old.digest}`);
    for (const subject of subjects) expect(await digestsOf(subject.digest)).toEqual([]);
  });

  test('with annotations too large for a row lists those of the manifest itself', async () => {
    const subject = freshSubject();
    const manifest = artifact({ annotations: { own: 'yes' } });
    await registry().client.putManifest(repository, digestOf(json(manifest)), manifest);
    const old = descriptor(json(manifest), types.image);
    await putFallback(subject, [{ ...old, annotations: { a: 'x'.repeat(40_000) } }]);
    expect(referrersIn(await list(subject.digest))).toEqual([
      { ...old, annotations: { own: 'yes' } },
    ]);
  });

  test('of 120 artifacts lists them all', async () => {
    const subject = freshSubject();
    const olds = await Promise.all(
      Array.from({ length: 120 }, () => oldArtifact('application/many')),
    );
    await putFallback(subject, olds);
    expect(new Set(await digestsOf(subject.digest))).toEqual(
      new Set(olds.map(({ digest }) => digest)),
    );
  });
});
