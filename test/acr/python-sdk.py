"""Azure's SDK for Python (azure-containerregistry) as it is, against the registry at REGISTRY_URL."""

import io
import json
import os
import time

from azure.containerregistry import (
    ArtifactManifestOrder,
    ArtifactTagOrder,
    ContainerRegistryClient,
)
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

REPOSITORY = "team/app"
CONFIG = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
IMAGE = "application/vnd.oci.image.manifest.v1+json"


class Credential:
    def get_token(self, *_scopes, **_options):
        return AccessToken(os.environ["ENTRA_TOKEN"], int(time.time()) + 3600)


client = ContainerRegistryClient(
    os.environ["REGISTRY_URL"], Credential(), connection_verify=os.environ["REGISTRY_CA"]
)


def push(tag):
    layer, layer_size = client.upload_blob(REPOSITORY, io.BytesIO(f"layer {tag}".encode()))
    config, config_size = client.upload_blob(REPOSITORY, io.BytesIO(CONFIG))
    manifest = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config,
            "size": config_size,
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer,
                "size": layer_size,
            }
        ],
    }
    return client.set_manifest(REPOSITORY, manifest, tag=tag)


def expect(actual, expected):
    assert actual == expected, f"{actual!r} instead of {expected!r}"


def expect_refused(call):
    try:
        call()
    except HttpResponseError as error:
        expect(error.status_code, 405)
    else:
        raise AssertionError("the lock did not hold")


digests = [push(tag) for tag in ("v1", "v2", "v3")]
expect(list(client.list_repository_names()), [REPOSITORY])

repository = client.get_repository_properties(REPOSITORY)
expect((repository.name, repository.manifest_count, repository.tag_count), (REPOSITORY, 3, 3))

tags = client.list_tag_properties(
    REPOSITORY, order_by=ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING, results_per_page=2
)
expect([tag.name for tag in tags], ["v3", "v2", "v1"])

manifests = list(
    client.list_manifest_properties(
        REPOSITORY, order_by=ArtifactManifestOrder.LAST_UPDATED_ON_ASCENDING, results_per_page=2
    )
)
expect([manifest.digest for manifest in manifests], digests)
expect([manifest.tags for manifest in manifests], [["v1"], ["v2"], ["v3"]])
expect({manifest.architecture.value for manifest in manifests}, {"amd64"})
expect({manifest.size_in_bytes for manifest in manifests}, {len(CONFIG) + len("layer v1")})
expect(client.get_manifest_properties(REPOSITORY, "v2").digest, digests[1])

locked = client.update_tag_properties(REPOSITORY, "v1", can_write=False, can_delete=False)
expect((locked.can_write, locked.can_delete, locked.can_read), (False, False, True))
expect_refused(lambda: client.delete_tag(REPOSITORY, "v1"))
expect_refused(lambda: client.delete_manifest(REPOSITORY, "v1"))
expect_refused(lambda: client.delete_repository(REPOSITORY))
client.update_tag_properties(REPOSITORY, "v1", can_write=True, can_delete=True)

expect(client.update_manifest_properties(REPOSITORY, digests[0], can_read=False).can_read, False)
expect_refused(lambda: client.get_manifest(REPOSITORY, "v1"))
client.update_manifest_properties(REPOSITORY, digests[0], can_read=True)

expect(client.update_repository_properties(REPOSITORY, can_list=False).can_list, False)
expect(list(client.list_repository_names()), [])
client.update_repository_properties(REPOSITORY, can_list=True)

pulled = client.get_manifest(REPOSITORY, "v1")
expect(pulled.digest, digests[0])
layer_digest = pulled.manifest["layers"][0]["digest"]
expect(b"".join(client.download_blob(REPOSITORY, layer_digest)), b"layer v1")

client.delete_tag(REPOSITORY, "v1")
client.delete_tag(REPOSITORY, "v1")
client.delete_manifest(REPOSITORY, digests[0])
client.delete_repository(REPOSITORY)
client.delete_repository(REPOSITORY)
try:
    client.get_repository_properties(REPOSITORY)
except ResourceNotFoundError:
    print("everything as it should be")
else:
    raise AssertionError("the repository is still there")
