// Creates, lists, backs up and restores a service with @azure/arm-apimanagement 5.1.1 (api-version 2019-01-01).

import arm from "@azure/arm-apimanagement-2019";
import msRest from "@azure/ms-rest-js";

const given = JSON.parse(process.env.INPUT);
const { endpoint, group, service: name } = given;
const answer = await fetch(`${endpoint}/${given.tenant}/oauth2/token`, {
  method: "POST",
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_id: given.application,
    client_secret: given.secret,
    resource: "https://management.azure.com/",
  }),
});
const { access_token: token } = await answer.json();
const client = new arm.ApiManagementClient(new msRest.TokenCredentials(token), given.subscription, {
  baseUri: endpoint,
  longRunningOperationRetryTimeout: 1,
});
const services = client.apiManagementService;

if (given.step === "create") {
  const service = await services.createOrUpdate(group, name, {
    location: "westeurope",
    sku: { name: "Developer", capacity: 1 },
    publisherName: "Lab",
    publisherEmail: "a@b.example",
  });
  const listed = (await services.listByResourceGroup(group)).map((one) => one.name);
  console.log(JSON.stringify({ name: service.name, listed }));
} else {
  const backup = await services.backup(group, name, given.storage);
  const apis = (await client.api.listByService(group, name)).map((api) => api.name);
  const restore = await services.restore(group, name, given.storage);
  let failure = null;
  try {
    await services.restore(group, name, given.missing);
  } catch (error) {
    // This old client leaves the message in the body.
    failure = error.message || error.response.bodyAsText;
  }
  console.log(JSON.stringify({ backup: backup.name, apis, restore: restore.name, failure }));
}
