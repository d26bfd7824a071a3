//! `evergate login`: signs in to a management endpoint and remembers it for the other commands.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use evergate_model::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::client::cloud::Cloud;
use crate::client::error::Usage;
use crate::client::oauth::{self, Application, Grant, Tokens, Wanted};
use crate::client::session::{Credentials, Session, Sessions};
use crate::client::{Client, browser, build_http, device};
use crate::globals::{Globals, Output};

/// How a sign-in is done. The secret of an application is never an argument: other users of the machine see
/// those.
#[derive(clap::Args)]
pub(crate) struct Method {
    /// Sign in as the application itself, with its secret from `EVERGATE_CLIENT_SECRET` or
    /// `AZURE_CLIENT_SECRET`, or asked for.
    #[arg(long, conflicts_with_all = ["device_code", "browser"])]
    pub(crate) service_principal: bool,
    /// Sign in as a user with a browser on another device.
    #[arg(long, conflicts_with = "browser")]
    pub(crate) device_code: bool,
    /// Sign in as a user with the browser here (the default).
    #[arg(long)]
    pub(crate) browser: bool,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The tenant; without it, the one the endpoint names.
    #[arg(long)]
    tenant: Option<String>,
    /// The application (client) id; without it, the command line's own, which every Evergate knows.
    #[arg(long, short = 'u')]
    application: Option<String>,
    /// Where the browser returns to, as it is registered; from a placeholder, its address is asked for.
    #[arg(long)]
    redirect_uri: Option<String>,
    /// Take endpoint, tenant, application and secret from a server's bootstrap.json.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tenant", "service_principal", "device_code", "browser"])]
    bootstrap: Option<PathBuf>,
    #[command(flatten)]
    method: Method,
}

/// What `serve` writes at its first start, as far as a sign-in needs it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bootstrap {
    management_endpoint: String,
    ca_file: Option<PathBuf>,
    tenant_id: String,
    subscription_id: Option<String>,
    application_id: String,
    client_secret: String,
}

/// Everything a sign-in needs.
struct Asked {
    endpoint: String,
    ca_file: Option<PathBuf>,
    tenant: Option<String>,
    application: Option<String>,
    secret: Option<Secret>,
    subscription: Option<String>,
}

pub(crate) async fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let asked = match &args.bootstrap {
        Some(path) => from_bootstrap(path, globals)?,
        None => from_arguments(&args, globals)?,
    };
    let http = build_http(asked.ca_file.as_deref())?;
    let cloud = Cloud::of(&http, &asked.endpoint).await?;
    let tenant = asked.tenant.or_else(|| cloud.tenant.clone()).unwrap_or_else(|| "organizations".to_owned());
    let application = application_id(asked.application, &cloud.authority)?;
    let mut session = Session::new(&asked.endpoint, &cloud, &tenant, &application);
    session.ca_file = asked.ca_file.map(|path| std::path::absolute(&path).unwrap_or(path));
    session.subscription = asked.subscription;
    let as_itself = args.method.service_principal
        || args.bootstrap.is_some()
        || (asked.secret.is_some() && !by_user(&args.method));
    let application = Application { authority: cloud.authority, tenant, id: application, secret: None };
    let application = if as_itself {
        Application {
            secret: Some(asked.secret.map_or_else(|| ask_secret(&application.id), Ok)?),
            ..application
        }
    } else {
        application
    };
    let how = if as_itself { How::Itself } else { How::of_user(&args.method, args.redirect_uri.as_deref()) };
    let tokens = sign_in(&http, &application, &Wanted::everything_on(&session.audience), &how).await?;
    session.client_secret.clone_from(&application.secret);
    let audience = session.audience.clone();
    session.remember(&audience, &tokens, jiff::Timestamp::now());
    Sessions::sign_in(&session)?;
    finish(session, globals).await
}

/// Finds the subscription, remembers it, and says what was done.
async fn finish(mut session: Session, globals: &Globals) -> anyhow::Result<ExitCode> {
    let globals = Globals { endpoint: Some(session.endpoint.clone()), ..globals.clone() };
    let mut client = Client::connect(&globals).await?;
    if let Ok(subscription) = client.subscription().await {
        session = client.session().clone();
        session.subscription = Some(subscription);
        Sessions::sign_in(&session)?;
    }
    report(&session, globals.output);
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn report(session: &Session, output: Output) {
    match output {
        Output::Json => println!(
            "{:#}",
            json!({
                "endpoint": session.endpoint,
                "tenant": session.tenant,
                "application": session.application,
                "subscription": session.subscription,
            })
        ),
        Output::Table => {
            println!("Signed in to {}", session.endpoint);
            println!("  tenant       {}", session.tenant);
            println!("  application  {}", session.application);
            println!("  subscription {}", session.subscription.as_deref().unwrap_or("none is visible"));
        }
    }
}

fn from_bootstrap(path: &std::path::Path, globals: &Globals) -> anyhow::Result<Asked> {
    let text = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let bootstrap: Bootstrap = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a server's bootstrap.json", path.display()))?;
    Ok(Asked {
        endpoint: bootstrap.management_endpoint.trim_end_matches('/').to_owned(),
        ca_file: globals.ca_file.clone().or(bootstrap.ca_file),
        tenant: Some(bootstrap.tenant_id),
        application: Some(bootstrap.application_id),
        secret: Some(Secret::new(bootstrap.client_secret)),
        subscription: globals.subscription.clone().or(bootstrap.subscription_id),
    })
}

fn from_arguments(args: &Args, globals: &Globals) -> anyhow::Result<Asked> {
    let remembered = Sessions::open()?;
    let known = match &globals.endpoint {
        Some(endpoint) => remembered.of(endpoint.trim_end_matches('/')),
        None => remembered.current(),
    };
    let endpoint = globals.endpoint.clone().or_else(|| known.as_ref().map(|known| known.endpoint.clone()));
    let endpoint = endpoint.ok_or_else(|| {
        Usage("--endpoint names the management endpoint, such as https://localhost:9443".to_owned())
    })?;
    let environment = Credentials::from_environment();
    // The environment's application is meant for scripts; a person who signs in with the browser names one.
    let as_itself = args.method.service_principal || (args.application.is_some() && !by_user(&args.method));
    let application = args.application.clone().or(environment.application.filter(|_| as_itself));
    Ok(Asked {
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        ca_file: globals.ca_file.clone().or_else(|| known?.ca_file),
        tenant: args.tenant.clone().or(environment.tenant),
        secret: environment.secret.filter(|_| as_itself),
        application,
        subscription: globals.subscription.clone(),
    })
}

fn by_user(method: &Method) -> bool {
    method.device_code || method.browser
}

/// The application to sign in with. Evergate knows this command line; other directories do not.
pub(super) fn application_id(named: Option<String>, authority: &str) -> anyhow::Result<String> {
    match named {
        Some(named) => Ok(named),
        None if Cloud::is_public(authority) => {
            let message = "this directory does not know the command line: register a native application in your \
                           tenant and name it with --application";
            Err(Usage(message.to_owned()).into())
        }
        None => Ok(evergate_identity::objects::COMMAND_LINE.to_string()),
    }
}

/// A secret that the environment does not have is asked for, without showing it.
pub(super) fn ask_secret(application: &str) -> anyhow::Result<Secret> {
    let secret = match Credentials::from_environment().secret {
        Some(secret) => secret,
        None => rpassword::prompt_password(format!("Secret of application {application}: "))
            .map(Secret::new)
            .map_err(|_| Usage("set EVERGATE_CLIENT_SECRET: there is no terminal to ask at".to_owned()))?,
    };
    if secret.expose().is_empty() {
        return Err(Usage("the secret is empty".to_owned()).into());
    }
    Ok(secret)
}

/// The ways to a first token.
pub(super) enum How<'a> {
    Itself,
    Device,
    Browser { redirect_uri: Option<&'a str> },
}

impl<'a> How<'a> {
    pub(super) fn of_user(method: &Method, redirect_uri: Option<&'a str>) -> Self {
        if method.device_code { Self::Device } else { Self::Browser { redirect_uri } }
    }
}

/// Gets the first token.
pub(super) async fn sign_in(
    http: &reqwest::Client,
    application: &Application,
    wanted: &Wanted,
    how: &How<'_>,
) -> anyhow::Result<Tokens> {
    match how {
        How::Itself => {
            let answer = oauth::redeem(http, application, wanted, &Grant::ClientCredentials).await?;
            answer.map_err(oauth::Refused::into_error)
        }
        How::Device => device::sign_in(http, application, wanted, tell).await,
        How::Browser { redirect_uri } => {
            let show = |url: &str| {
                tell(&format!("Sign in with your browser. If it does not open by itself, go to\n{url}"));
                browser::open(url);
            };
            browser::sign_in(http, application, wanted, *redirect_uri, show).await
        }
    }
}

/// What the user must do goes to the error stream: the output is for the result.
#[expect(clippy::print_stderr, reason = "an instruction for the user")]
fn tell(text: &str) {
    eprintln!("{text}");
}
