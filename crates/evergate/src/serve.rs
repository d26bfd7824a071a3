//! `evergate serve`: one process that is control plane, directory, gateway and storage account.
//!
//! The order of a start matters: what can be refused comes first, listeners are bound before any URL is
//! made, the gateway serves the last good snapshot before the control plane answers, and readiness is
//! announced last.

mod accounts;
mod certificates;
mod checkpoints;
mod control_plane;
mod data_directory;
mod data_plane;
mod endpoints;
mod first_start;
mod health;
mod instance;
mod listener;
mod metrics;
mod recovery_keys;
mod shutdown;
mod stranded;
pub(crate) mod telemetry;
mod tls;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use evergate_store::sqlite::Clock;
use evergate_store::{InstanceKey, SharedStore, SqliteStore};
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use accounts::Told;
use certificates::Certificates;
use control_plane::ControlPlane;
use data_directory::DataDirectory;
use data_plane::DataPlane;
use endpoints::Listeners;
use first_start::{Bootstrap, Endpoints, Running};
use health::Health;
use instance::Instance;
use listener::Server;
use recovery_keys::KeyRing;
use tls::Tls;

/// What every part of a running server is made from.
pub(crate) struct Ground {
    config: Config,
    data: DataDirectory,
    instance: Instance,
    key: InstanceKey,
    store: SharedStore,
    /// Where clients reach the management API.
    endpoint: String,
    stop: CancellationToken,
}

/// Runs until a signal asks for the end.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    shutdown::listen(stop.clone())?;
    let data = DataDirectory::open(&config.data_dir)?;
    let (accounts, told) = accounts::open(&config, &data)?;
    let keys = KeyRing::open(&data, &config.recovery_keys)?;
    let instance = Instance::load_or_create(&data, config.region.as_ref(), Timestamp::now())?;
    let running = Running::prepare(&data)?;
    let listeners = Listeners::bind(&config).await?;
    let endpoint = listeners.management_endpoint(&config)?;
    let certificates = Certificates::new(&data, &instance.id, certificate_names(&config))?;
    let ca_file = certificates.ca_file();
    let tls = Tls::new(certificates)?;
    let recovery_key_file = keys.own_file.clone();
    let (key, store) = match open_store(&data, Arc::new(config.clock())).await {
        Ok(opened) => opened,
        Err(error) => return stranded::run(&config, &data, listeners, &tls, error, stop).await,
    };
    let mut ground = Ground { config, data, instance, key, store, endpoint, stop };

    let mut registry = Registry::default();
    let data_plane = DataPlane::start(&ground, &tls, &mut registry).await?;
    let control = ControlPlane::build(&ground, data_plane.addresses(), accounts, keys, &mut registry).await?;
    let endpoints = Endpoints {
        management_endpoint: ground.endpoint.clone(),
        gateway_endpoint: data_plane.addresses().endpoint().unwrap_or_default(),
        gateway_https_endpoint: data_plane.addresses().https_endpoint(),
        metrics_endpoint: listeners.metrics_endpoint()?,
    };
    let listening = listeners.management.local_addr()?;
    let tasks = TaskTracker::new();
    serve(&ground, listeners, &tls, &control, registry, &tasks)?;
    tasks.spawn(tls.keep_fresh(ground.stop.clone()));
    tasks.spawn(control.keep_house(ground.stop.clone()));
    let resumed = control.recovery.resume().await?;
    tasks.spawn(control.look_after_operations(ground.stop.clone()));
    tracing::info!(region = ground.instance.region, endpoint = ground.endpoint, %listening, resumed, "ready");
    announce(&mut ground, &running, &endpoints, &control, &told, ca_file, recovery_key_file)?;

    ground.stop.cancelled().await;
    drop(running);
    tasks.close();
    tasks.wait().await;
    control.recovery.shutdown().await;
    data_plane.stopped().await;
    tracing::info!("stopped");
    Ok(())
}

/// The names the server's certificate is for.
fn certificate_names(config: &Config) -> Vec<String> {
    let suffix = config.host_suffix();
    let fixed = ["localhost", "127.0.0.1", "::1", "*.gateway.localhost"].map(str::to_owned);
    let public = config.public_endpoint.as_ref().map(crate::config::HttpsOrigin::host);
    let mut names: Vec<String> = Vec::new();
    let wanted = fixed.into_iter().chain([format!("*.{suffix}"), suffix.to_owned()]).chain(public);
    for name in wanted.chain(config.certificate_names.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Opens the embedded store; its key is made before it.
async fn open_store(data: &DataDirectory, clock: Clock) -> anyhow::Result<(InstanceKey, SharedStore)> {
    let (key_file, directory) = (data.join("instance.key"), data.join("store"));
    if directory.exists() && !key_file.exists() {
        anyhow::bail!(
            "{} is missing: without it the store in {} cannot be read; bring it back from your copy",
            key_file.display(),
            directory.display()
        );
    }
    let open = move || -> anyhow::Result<_> {
        let key = InstanceKey::load_or_create(&key_file)?;
        let store = SqliteStore::open_with_clock(&directory, key.clone(), clock)
            .with_context(|| format!("the store in {} cannot be opened", directory.display()))?;
        Ok((key, Arc::new(store) as SharedStore))
    };
    tokio::task::spawn_blocking(open).await?
}

/// Starts the listeners of the control plane.
fn serve(
    ground: &Ground,
    listeners: Listeners,
    tls: &Tls,
    control: &ControlPlane,
    mut registry: Registry,
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    let health = Health { store: Arc::clone(&ground.store), stop: ground.stop.clone() };
    let grace = Duration::from_secs(ground.config.shutdown_grace);
    let api = control.router.clone().merge(health.clone().router());
    let api = metrics::count_requests(api, &mut registry);
    for listener in [Some(listeners.management), listeners.management_ipv6].into_iter().flatten() {
        let server = Server { listener, tls: Some(tls.server_config()?), router: api.clone(), grace };
        tasks.spawn(server.run(ground.stop.clone()));
    }
    if let Some(listener) = listeners.metrics {
        let router = health::metrics_router(Arc::new(registry)).merge(health.router());
        tasks.spawn(Server { listener, tls: None, router, grace }.run(ground.stop.clone()));
    }
    Ok(())
}

/// Tells people and programs that the server answers, and what a first start made.
fn announce(
    ground: &mut Ground,
    running: &Running,
    endpoints: &Endpoints,
    control: &ControlPlane,
    told: &Told,
    ca_file: PathBuf,
    recovery_key_file: PathBuf,
) -> anyhow::Result<()> {
    let ready = first_start::ready_text(&ground.instance.region, endpoints);
    let Some(made) = &control.bootstrap else {
        first_start::refresh(&ground.data, endpoints)?;
        running.announce(endpoints)?;
        say(&ready);
        return Ok(());
    };
    let bootstrap = Bootstrap {
        management_endpoint: endpoints.management_endpoint.clone(),
        gateway_endpoint: endpoints.gateway_endpoint.clone(),
        ca_file,
        tenant_id: made.tenant_id.to_string(),
        subscription_id: ground.instance.subscription_id.clone(),
        application_id: made.application_id.to_string(),
        client_secret: made.client_secret.expose().to_owned(),
        user_name: made.user_name.clone(),
        user_password: made.password.expose().to_owned(),
        storage_account: told.name.clone(),
        access_key: told.access_key.expose().to_owned(),
        recovery_key_file,
        region: ground.instance.region.clone(),
    };
    // The secrets are on disk before the first start counts as done; who waits for either file finds both.
    bootstrap.write(&ground.data)?;
    ground.instance.become_ready(&ground.data)?;
    running.announce(endpoints)?;
    let root = ground.data.root();
    let besides = if control.recovered {
        first_start::recovered_text(root)
    } else {
        first_start::first_start_text(root, &bootstrap, told)
    };
    say(&format!("{ready}{besides}"));
    Ok(())
}

/// Writes to standard output; that nobody reads it is no reason to stop serving.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
