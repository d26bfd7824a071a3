"""Creates, lists, backs up and restores a service with azure-mgmt-apimanagement."""

import json
import os

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.apimanagement import ApiManagementClient

given = json.loads(os.environ["INPUT"])
endpoint, group, name = given["endpoint"], given["group"], given["service"]
credential = ClientSecretCredential(
    given["tenant"],
    given["application"],
    given["secret"],
    authority=endpoint,
    disable_instance_discovery=True,
)
client = ApiManagementClient(
    credential, given["subscription"], base_url=endpoint, credential_scopes=[endpoint + "/.default"]
)
services = client.api_management_service

if given["step"] == "create":
    service = services.begin_create_or_update(
        group,
        name,
        {
            "location": "westeurope",
            "sku": {"name": "Developer", "capacity": 1},
            "publisher_name": "Lab",
            "publisher_email": "a@b.example",
        },
    ).result()
    listed = [one.name for one in services.list_by_resource_group(group)]
    print(json.dumps({"name": service.name, "listed": listed}))
else:

    def parameters(request):
        return {
            "storage_account": request["storageAccount"],
            "access_key": request["accessKey"],
            "container_name": request["containerName"],
            "backup_name": request["backupName"],
            "access_type": "AccessKey",
        }

    backup = services.begin_backup(group, name, parameters(given["storage"])).result()
    apis = [api.name for api in client.api.list_by_service(group, name)]
    restore = services.begin_restore(group, name, parameters(given["storage"])).result()
    try:
        services.begin_restore(group, name, parameters(given["missing"])).result()
        failure = None
    except HttpResponseError as error:
        failure = error.message
    print(json.dumps({"backup": backup.name, "apis": apis, "restore": restore.name, "failure": failure}))
