//! `evergate app`: registers applications, consents to them, and gives them roles.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use comfy_table::Table;
use evergate_identity::objects::{MANAGEMENT_API, USER_IMPERSONATION, USER_IMPERSONATION_ID};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::client::error::{ClientError, Usage};
use crate::globals::{Globals, Output};

/// The api-version of role assignments and definitions.
const AUTHORIZATION: &str = "api-version=2022-04-01";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Registers an application that asks for `user_impersonation` on the management API.
    Create(Create),
    /// Consents, as an administrator, to what an application asks for, and can give it a role.
    Grant(Grant),
    /// Lists applications.
    List,
    /// Makes a further secret for a confidential application.
    Secret(Named),
    /// Deletes an application with its consent and its roles.
    Delete(Named),
}

#[derive(clap::Args)]
struct Create {
    /// What people call it.
    #[arg(long)]
    display_name: String,
    /// Native runs on its user's device; confidential keeps a secret.
    #[arg(long = "type", value_enum, default_value_t)]
    kind: Kind,
    /// Where sign-ins may return to; repeatable.
    #[arg(long, default_value = "http://localhost")]
    redirect_uri: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[default]
    Native,
    Confidential,
}

#[derive(clap::Args)]
struct Named {
    /// The application (client) id or the display name.
    application: String,
}

#[derive(clap::Args)]
struct Grant {
    #[command(flatten)]
    named: Named,
    /// Give this role as well, by name: Owner, Contributor, Reader, "API Management Service Operator Role", …
    #[arg(long)]
    role: Option<String>,
    /// Where the role counts: a resource-manager id, or / for everything. Without it, the subscription.
    #[arg(long, requires = "role")]
    scope: Option<String>,
}

pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let mut client = Client::connect(globals).await?;
    let shown = match args.command {
        Command::Create(create) => register(&mut client, create).await?,
        Command::Grant(grant) => consent(&mut client, grant).await?,
        Command::List => list(&mut client).await?,
        Command::Secret(named) => {
            let application = find(&mut client, &named.application).await?;
            let secret = add_secret(&mut client, &application).await?;
            Shown::One(json!({ "appId": application["appId"], "clientSecret": secret }))
        }
        Command::Delete(named) => {
            let application = find(&mut client, &named.application).await?;
            let path = format!("/v1.0/applications/{}", text(&application, "id"));
            client.graph(Method::DELETE, &path, None).await?;
            Shown::One(json!({ "appId": application["appId"], "deleted": true }))
        }
    };
    print(&shown, globals.output);
    Ok(ExitCode::SUCCESS)
}

/// A command's result.
enum Shown {
    One(Value),
    Many(Vec<Value>),
}

async fn register(client: &mut Client, create: Create) -> anyhow::Result<Shown> {
    let native = create.kind == Kind::Native;
    let platform = if native { "publicClient" } else { "web" };
    let mut body = json!({
        "displayName": create.display_name,
        "isFallbackPublicClient": native,
        "signInAudience": "AzureADMyOrg",
        "requiredResourceAccess": [{
            "resourceAppId": MANAGEMENT_API.to_string(),
            "resourceAccess": [{ "id": USER_IMPERSONATION_ID.to_string(), "type": "Scope" }],
        }],
    });
    body[platform] = json!({ "redirectUris": create.redirect_uri });
    let application = client.graph(Method::POST, "/v1.0/applications", Some(&body)).await?.body;
    let mut shown = json!({
        "appId": application["appId"],
        "displayName": application["displayName"],
        "type": if native { "Native" } else { "Confidential" },
        "redirectUris": create.redirect_uri,
        "tenant": client.session().tenant,
    });
    if !native {
        shown["clientSecret"] = add_secret(client, &application).await?.into();
    }
    Ok(Shown::One(shown))
}

async fn add_secret(client: &mut Client, application: &Value) -> anyhow::Result<String> {
    let path = format!("/v1.0/applications/{}/addPassword", text(application, "id"));
    let body = json!({ "passwordCredential": { "displayName": "evergate app" } });
    let made = client.graph(Method::POST, &path, Some(&body)).await?.body;
    Ok(text(&made, "secretText").to_owned())
}

async fn consent(client: &mut Client, grant: Grant) -> anyhow::Result<Shown> {
    let application = find(client, &grant.named.application).await?;
    let principal = ensure_principal(client, text(&application, "appId")).await?;
    let resource = principal_of(client, &MANAGEMENT_API.to_string()).await?;
    let resource = resource.ok_or_else(|| {
        anyhow::anyhow!("the directory has no service principal for the management API {MANAGEMENT_API}")
    })?;
    let body = json!({
        "clientId": principal["id"],
        "consentType": "AllPrincipals",
        "resourceId": resource["id"],
        "scope": USER_IMPERSONATION,
    });
    let granted = client.graph(Method::POST, "/v1.0/oauth2PermissionGrants", Some(&body)).await;
    unless_there(granted.map(drop))?;
    let mut shown = json!({
        "appId": application["appId"],
        "displayName": application["displayName"],
        "principalId": principal["id"],
        "granted": USER_IMPERSONATION,
    });
    if let Some(role) = &grant.role {
        let scope = match grant.scope {
            Some(scope) => scope,
            None => format!("/subscriptions/{}", client.subscription().await?),
        };
        assign(client, role, &scope, text(&principal, "id")).await?;
        shown["role"] = role.as_str().into();
        shown["scope"] = scope.into();
    }
    Ok(Shown::One(shown))
}

async fn assign(client: &mut Client, role: &str, scope: &str, principal: &str) -> anyhow::Result<()> {
    let scope = scope.trim_end_matches('/');
    if !scope.is_empty() && !scope.starts_with('/') {
        return Err(Usage(format!("the scope '{scope}' does not begin with a slash")).into());
    }
    let filter = encode(&format!("roleName eq '{role}'"));
    let path =
        format!("{scope}/providers/Microsoft.Authorization/roleDefinitions?{AUTHORIZATION}&$filter={filter}");
    let definitions = client.get(&path).await?;
    let definition = definitions["value"][0]["id"].as_str();
    let definition = definition.ok_or_else(|| Usage(format!("there is no role '{role}'")))?;
    let name = uuid::Uuid::new_v4();
    let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?{AUTHORIZATION}");
    let body = json!({
        "properties": {
            "roleDefinitionId": definition,
            "principalId": principal,
            "principalType": "ServicePrincipal",
        },
    });
    unless_there(client.put(&path, &body).await.map(drop))
}

/// What exists already was asked for as well.
fn unless_there(result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.downcast_ref::<ClientError>().is_some_and(|error| error.status == 409) => Ok(()),
        other => other,
    }
}

async fn ensure_principal(client: &mut Client, application: &str) -> anyhow::Result<Value> {
    if let Some(principal) = principal_of(client, application).await? {
        return Ok(principal);
    }
    let body = json!({ "appId": application });
    Ok(client.graph(Method::POST, "/v1.0/servicePrincipals", Some(&body)).await?.body)
}

async fn principal_of(client: &mut Client, application: &str) -> anyhow::Result<Option<Value>> {
    let path = format!("/v1.0/servicePrincipals?$filter={}", encode(&format!("appId eq '{application}'")));
    let listed = client.graph(Method::GET, &path, None).await?.body;
    Ok(listed["value"].get(0).cloned())
}

/// An application by its id, or by its display name if that is unique.
async fn find(client: &mut Client, named: &str) -> anyhow::Result<Value> {
    let property = if uuid::Uuid::parse_str(named).is_ok() { "appId" } else { "displayName" };
    let filter = encode(&format!("{property} eq '{}'", named.replace('\'', "''")));
    let listed = client.graph(Method::GET, &format!("/v1.0/applications?$filter={filter}"), None).await?.body;
    match listed["value"].as_array().map(Vec::as_slice) {
        Some([only]) => Ok(only.clone()),
        Some([_, _, ..]) => {
            Err(Usage(format!("several applications are called '{named}'; name the id")).into())
        }
        _ => Err(ClientError {
            status: 404,
            code: "ApplicationNotFound".to_owned(),
            message: format!("there is no application '{named}'"),
        }
        .into()),
    }
}

async fn list(client: &mut Client) -> anyhow::Result<Shown> {
    let mut shown = Vec::new();
    let mut path = "/v1.0/applications".to_owned();
    loop {
        let listed = client.graph(Method::GET, &path, None).await?.body;
        for application in listed["value"].as_array().into_iter().flatten() {
            let native = application["isFallbackPublicClient"].as_bool().unwrap_or(false);
            let platform = if native { "publicClient" } else { "web" };
            shown.push(json!({
                "appId": application["appId"],
                "displayName": application["displayName"],
                "type": if native { "Native" } else { "Confidential" },
                "redirectUris": application[platform]["redirectUris"],
            }));
        }
        let graph = client.session().graph.trim_end_matches('/').to_owned();
        match listed["@odata.nextLink"].as_str().and_then(|next| next.strip_prefix(&graph)) {
            Some(next) => next.clone_into(&mut path),
            None => return Ok(Shown::Many(shown)),
        }
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn print(shown: &Shown, output: Output) {
    match (shown, output) {
        (Shown::One(value), Output::Json) => println!("{value:#}"),
        (Shown::Many(values), Output::Json) => println!("{:#}", json!(values)),
        (Shown::One(value), Output::Table) => {
            let members = value.as_object().into_iter().flatten();
            for (name, value) in members {
                println!("{name:<13} {}", plain(value));
            }
        }
        (Shown::Many(values), Output::Table) => {
            let mut table = Table::new();
            table.load_style(comfy_table::presets::NOTHING);
            table.set_header(["APPLICATION ID", "NAME", "TYPE", "REDIRECT URIS"]);
            for value in values {
                table.add_row(
                    ["appId", "displayName", "type", "redirectUris"].map(|name| plain(&value[name])),
                );
            }
            println!("{table}");
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
