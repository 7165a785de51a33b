import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Manifest, ManifestProblem, parseManifest } from '../../shared/domain/manifest.ts';
import {
  essenceOf,
  isManifestMediaType,
  isNonDistributable,
  type ManifestMediaType,
  manifestKinds,
} from '../../shared/domain/media-type.ts';
import { schema1Payload } from '../../shared/domain/schema1.ts';
import { anyDigest } from './arbitraries.ts';

const imageType = 'application/vnd.oci.image.manifest.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar';
const foreignType = 'application/vnd.oci.image.layer.nondistributable.v1.tar';

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Parses, or answers what is wrong; anything else that is thrown fails the test. */
function tryParse(bytes: Uint8Array, contentType?: string): Manifest | ManifestProblem {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof ManifestProblem) return error;
    throw error;
  }
}

const mediaTypes = Object.keys(manifestKinds).filter(isManifestMediaType);
const typesOf = (kind: string): ManifestMediaType[] =>
  mediaTypes.filter((type) => manifestKinds[type] === kind);

const anyDescriptor = fc.record({
  mediaType: fc.constantFrom(layerType, foreignType, imageType, 'text/plain'),
  digest: anyDigest,
  size: fc.maxSafeNat(),
  annotations: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
});
const anyDescriptors = fc.array(anyDescriptor, { maxLength: 10 });

describe('a manifest', () => {
  test('of the image kinds names its config and layers, each digest once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...typesOf('image')),
        anyDescriptor,
        anyDescriptors,
        (mediaType, config, layers) => {
          const twice = [...layers, ...layers];
          const parsed = parseManifest(bytesOf({ mediaType, config, layers: twice }), undefined);
          expect(parsed).toMatchObject({ mediaType, kind: 'image' });
          const expected = [...new Set([config, ...layers].map(({ digest }) => digest))];
          expect(parsed.children.map(({ digest }) => digest)).toEqual(expected);
          for (const child of parsed.children) expect(child.kind).toBe('blob');
        },
      ),
    );
  });

  test('of the index kinds names manifests and, by their media type, blobs; all may be absent', () => {
    fc.assert(
      fc.property(fc.constantFrom(...typesOf('index')), anyDescriptors, (mediaType, manifests) => {
        const { children, kind } = parseManifest(bytesOf({ mediaType, manifests }), undefined);
        expect(kind).toBe('index');
        for (const child of children) {
          expect(child.optional).toBe(true);
          expect(child.kind).toBe(child.mediaType === imageType ? 'manifest' : 'blob');
        }
      }),
    );
  });

  test('needs a layer that only one of its places allows to be absent', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const foreign = { digest, mediaType: foreignType };
    const needed = { digest, mediaType: layerType };
    const optional = (layers: object[]) =>
      parseManifest(bytesOf({ mediaType: imageType, layers }), undefined).children.map(
        (child) => child.optional,
      );
    expect(optional([foreign])).toEqual([true]);
    expect(optional([foreign, needed])).toEqual([false]);
    expect(optional([needed, foreign])).toEqual([false]);
  });

  test('keeps the annotations that are text, whatever they are called', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (annotations) => {
        const bytes = bytesOf({ mediaType: imageType, annotations, layers: [] });
        const entries = Object.entries(parseManifest(bytes, undefined).annotations);
        expect(entries).toEqual(Object.entries(annotations));
      }),
    );
    const odd = Buffer.from(
      `{"mediaType":"${imageType}","annotations":{"__proto__":"a","n":1,"constructor":"b"}}`,
    );
    expect(Object.entries(parseManifest(odd, undefined).annotations)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  test('has the artifactType it says, or that of its config', () => {
    const artifactTypeOf = (fields: object) =>
      parseManifest(bytesOf({ mediaType: imageType, ...fields }), undefined).artifactType;
    const config = { digest: `sha256:${'a'.repeat(64)}`, mediaType: 'application/c' };
    expect(artifactTypeOf({ config, artifactType: 'application/a' })).toBe('application/a');
    expect(artifactTypeOf({ config, artifactType: '' })).toBe('application/c');
    expect(artifactTypeOf({ config })).toBe('application/c');
    expect(artifactTypeOf({})).toBeUndefined();
  });

  test('may be any bytes or any JSON: it is parsed or refused with a reason', () => {
    const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text));
    const almost = fc
      .record(
        {
          mediaType: fc.oneof(fc.constantFrom(...mediaTypes), fc.jsonValue()),
          config: fc.jsonValue(),
          layers: fc.oneof(fc.array(fc.oneof(anyDescriptor, fc.jsonValue())), fc.jsonValue()),
          manifests: fc.oneof(fc.array(fc.oneof(anyDescriptor, fc.jsonValue())), fc.jsonValue()),
          blobs: fc.jsonValue(),
          fsLayers: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
          subject: fc.jsonValue(),
          annotations: fc.jsonValue(),
          artifactType: fc.jsonValue(),
          schemaVersion: fc.oneof(fc.constantFrom(1, 2), fc.jsonValue()),
        },
        { requiredKeys: [] },
      )
      .map(bytesOf);
    const contentType = fc.option(fc.oneof(fc.constantFrom(...mediaTypes), fc.string()), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), json, almost), contentType, (bytes, type) => {
        const parsed = tryParse(bytes, type);
        if (parsed instanceof ManifestProblem) expect(parsed.message).not.toBe('');
        else expect(isManifestMediaType(parsed.mediaType)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('nested a million deep is refused, not a crash', () => {
    for (const bytes of ['['.repeat(1e6), '{"a":'.repeat(1e6), `{"a":${'['.repeat(1e6)}`]) {
      expect(tryParse(Buffer.from(bytes), imageType)).toBeInstanceOf(ManifestProblem);
    }
  });

  test("is of a type that is a manifest's own, not one that every object has", () => {
    for (const mediaType of ['__proto__', 'constructor', 'toString']) {
      expect(isManifestMediaType(mediaType)).toBe(false);
      expect(tryParse(bytesOf({ mediaType }))).toBeInstanceOf(ManifestProblem);
    }
  });
});

describe('a media type', () => {
  test('is read from a Content-Type without its parameters, in lower case', () => {
    fc.assert(
      fc.property(fc.constantFrom(...mediaTypes), fc.string(), (mediaType, parameter) => {
        expect(essenceOf(` ${mediaType.toUpperCase()} ; ${parameter}`)).toBe(mediaType);
      }),
    );
  });

  test('of a layer that may not be distributed is told from others', () => {
    expect(isNonDistributable(`${foreignType}+gzip`)).toBe(true);
    expect(isNonDistributable('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')).toBe(
      true,
    );
    expect(isNonDistributable(layerType)).toBe(false);
  });
});

describe('the payload of a schema 1 manifest', () => {
  const base64url = (text: string) => Buffer.from(text).toString('base64url');

  /** Signs as libtrust does: the signatures stand before the last characters of the payload. */
  function sign(payload: string, tail: string): Buffer {
    const body = Buffer.from(payload.slice(0, -tail.length));
    const header = { formatLength: body.byteLength, formatTail: base64url(tail) };
    const signature = { protected: base64url(JSON.stringify(header)), signature: 'c2ln' };
    return Buffer.concat([
      body,
      Buffer.from(`,"signatures":${JSON.stringify([signature, signature])}${tail}`),
    ]);
  }

  const anyPayload = fc
    .record({ schemaVersion: fc.constant(1), name: fc.string(), tag: fc.string() })
    .map((value) => JSON.stringify(value, null, 3));

  test('is what was signed, byte for byte', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        const signed = sign(payload, '\n}');
        expect(JSON.parse(signed.toString())).toHaveProperty('signatures');
        expect(Buffer.from(schema1Payload(signed)).toString()).toBe(payload);
      }),
    );
  });

  test('of an unsigned one is all of it', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        const bytes = Buffer.from(payload);
        expect(schema1Payload(bytes)).toBe(bytes);
      }),
    );
  });

  test('of one whose header makes no sense is all of it', () => {
    const outside = fc.oneof(
      fc.integer({ max: -1 }),
      fc.integer({ min: 1_000_000 }),
      fc.double().filter((number) => !Number.isInteger(number)),
      fc.string(),
    );
    const senseless = fc.oneof(
      fc.record({ formatLength: outside, formatTail: fc.constant('Cn0') }),
      fc.record({ formatLength: fc.constant(1), formatTail: fc.integer() }),
      fc.record({ formatTail: fc.string() }),
      fc.array(fc.integer()),
    );
    const header = fc.oneof(
      fc.integer(),
      fc.string(),
      senseless.map((value) => base64url(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(header, (protectedHeader) => {
        const bytes = bytesOf({ signatures: [{ protected: protectedHeader }] });
        expect(schema1Payload(bytes)).toBe(bytes);
      }),
    );
  });

  test('may be asked of any bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(schema1Payload(bytes)).toBe(bytes);
        },
      ),
    );
  });
});
