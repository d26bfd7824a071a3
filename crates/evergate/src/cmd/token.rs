//! `evergate token`: prints an access token, for scripts and for clients that cannot sign in themselves.
//!
//! Without arguments it is the remembered sign-in's. With a tenant and an application it asks the directory
//! that is named, ours or the public cloud's, for any audience and in either dialect.

use std::process::ExitCode;

use evergate_model::Secret;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::login::{How, Method, application_id, ask_secret, sign_in};
use crate::client::cloud::Cloud;
use crate::client::error::Usage;
use crate::client::oauth::{Application, Wanted};
use crate::client::{Client, build_http};
use crate::globals::{Globals, Output};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The tenant whose directory to ask; without it, the remembered sign-in gives the token.
    #[arg(long)]
    tenant: Option<String>,
    /// The application (client) id.
    #[arg(long, requires = "tenant")]
    application: Option<String>,
    /// The redirect URI that is registered for the application.
    #[arg(long, requires = "application")]
    redirect_uri: Option<String>,
    /// The directory, such as `https://login.microsoftonline.com`; without it, the one the endpoint names.
    #[arg(long, requires = "tenant")]
    authority: Option<String>,
    /// Ask the v1 endpoint for this audience.
    #[arg(long, conflicts_with = "scope")]
    resource: Option<String>,
    /// Ask the v2 endpoint for these scopes, such as `https://management.azure.com/.default`.
    #[arg(long)]
    scope: Option<String>,
    #[command(flatten)]
    method: Method,
}

/// A token to print.
struct Printed {
    token: Secret,
    expires_at: Option<Timestamp>,
    tenant: String,
    scope: Option<String>,
}

pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let printed = match &args.tenant {
        None => remembered(&args, globals).await?,
        Some(tenant) => asked_for(&args, tenant, globals).await?,
    };
    print(&printed, globals.output);
    Ok(ExitCode::SUCCESS)
}

async fn remembered(args: &Args, globals: &Globals) -> anyhow::Result<Printed> {
    if args.scope.is_some() || args.method.device_code || args.method.browser || args.method.service_principal
    {
        return Err(Usage(
            "--tenant and --application say for whom; without them only --resource".to_owned(),
        )
        .into());
    }
    let mut client = Client::connect(globals).await?;
    let token = match &args.resource {
        Some(resource) => client.token_for(resource).await?,
        None => client.token().await?,
    };
    Ok(Printed { token, expires_at: None, tenant: client.session().tenant.clone(), scope: None })
}

async fn asked_for(args: &Args, tenant: &str, globals: &Globals) -> anyhow::Result<Printed> {
    let http = build_http(globals.ca_file.as_deref())?;
    let (authority, audience) = match (&args.authority, &globals.endpoint) {
        (Some(authority), _) => {
            let audience = "https://management.azure.com/";
            (authority.trim_end_matches('/').to_owned(), audience.to_owned())
        }
        (None, Some(endpoint)) => {
            let cloud = Cloud::of(&http, endpoint.trim_end_matches('/')).await?;
            (cloud.authority, cloud.audience)
        }
        (None, None) => {
            return Err(Usage("--authority or --endpoint says which directory to ask".to_owned()).into());
        }
    };
    let id = application_id(args.application.clone(), &authority)?;
    let secret = if args.method.service_principal { Some(ask_secret(&id)?) } else { None };
    let how = match &secret {
        Some(_) => How::Itself,
        None => How::of_user(&args.method, args.redirect_uri.as_deref()),
    };
    let wanted = match (&args.resource, &args.scope) {
        (Some(resource), _) => Wanted::Resource(resource.clone()),
        (None, Some(scope)) => Wanted::Scope(scope.clone()),
        (None, None) => Wanted::everything_on(&audience),
    };
    let application = Application { authority, tenant: tenant.to_owned(), id, secret };
    let tokens = sign_in(&http, &application, &wanted, &how).await?;
    let expires_at = Timestamp::now().saturating_add(SignedDuration::from_secs(tokens.expires_in)).ok();
    Ok(Printed { token: tokens.access_token, expires_at, tenant: application.tenant, scope: tokens.scope })
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn print(printed: &Printed, output: Output) {
    match output {
        // The bare token, so that $(evergate token) is it.
        Output::Table => println!("{}", printed.token.expose()),
        Output::Json => println!(
            "{:#}",
            json!({
                "accessToken": printed.token.expose(),
                "expiresOn": printed.expires_at.map(|at| at.to_string()),
                "scope": printed.scope,
                "tenant": printed.tenant,
                "tokenType": "Bearer",
            })
        ),
    }
}
