// Creates, lists, backs up and restores a service with @azure/arm-apimanagement 10.

import { ApiManagementClient } from "@azure/arm-apimanagement";
import { ClientSecretCredential } from "@azure/identity";

const given = JSON.parse(process.env.INPUT);
const { endpoint, group, service: name } = given;
const credential = new ClientSecretCredential(given.tenant, given.application, given.secret, {
  authorityHost: endpoint,
  disableInstanceDiscovery: true,
});
const client = new ApiManagementClient(credential, given.subscription, {
  endpoint,
  credentialScopes: [`${endpoint}/.default`],
});
const services = client.apiManagementService;

async function names(pages) {
  const found = [];
  for await (const one of pages) found.push(one.name);
  return found;
}

if (given.step === "create") {
  const service = await services.beginCreateOrUpdateAndWait(group, name, {
    location: "westeurope",
    sku: { name: "Developer", capacity: 1 },
    publisherName: "Lab",
    publisherEmail: "a@b.example",
  });
  const listed = await names(services.listByResourceGroup(group));
  console.log(JSON.stringify({ name: service.name, listed }));
} else {
  const backup = await services.beginBackupAndWait(group, name, given.storage);
  const apis = await names(client.api.listByService(group, name));
  const restore = await services.beginRestoreAndWait(group, name, given.storage);
  let failure = null;
  try {
    await services.beginRestoreAndWait(group, name, given.missing);
  } catch (error) {
    failure = error.message;
  }
  console.log(JSON.stringify({ backup: backup.name, apis, restore: restore.name, failure }));
}
