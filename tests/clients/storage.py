"""Looks at and damages a container as its owner could, with Microsoft's storage client."""

import json
import os

from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient

given = json.loads(os.environ["INPUT"])
account = given["url"].rsplit("/", 1)[1]
service = BlobServiceClient(given["url"], credential=AzureNamedKeyCredential(account, given["key"]))
container = service.get_container_client(given["container"])
action = given["action"]
if action == "create":
    container.create_container()
    print("null")
elif action == "list":
    print(json.dumps([{"name": blob.name, "size": blob.size} for blob in container.list_blobs()]))
else:
    blob = container.get_blob_client(next(container.list_blobs()).name)
    content = bytearray(blob.download_blob().readall())
    if action == "flip":
        content[len(content) * 3 // 4] ^= 1
    elif action == "cut":
        content = content[: len(content) * 2 // 3]
    blob.upload_blob(bytes(content), overwrite=True)
    print("null")
