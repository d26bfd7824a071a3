//! `evergate serve` as a process: what it refuses, what a first start makes, what a second one keeps.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

fn serve(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evergate"));
    command.env_clear().args([
        "serve",
        "--management",
        "127.0.0.1:0",
        "--gateway",
        "127.0.0.1:0",
        "--data-dir",
    ]);
    command.arg(data).args(arguments);
    command
}

/// A server that has said it is ready.
struct Server {
    child: Child,
    told: String,
}

impl Server {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = serve(data, arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        while !told.ends_with("\n\n") {
            assert_ne!(lines.read_line(&mut told).unwrap(), 0, "it ended: {told}");
        }
        // Nobody reads on: keep the pipe, or the next line would end the server.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Self { child, told }
    }

    fn end(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn document(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn refused(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn wrong_configuration_ends_with_code_two_and_names_the_key() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let file = place.path().join("evergate.toml");
    std::fs::write(&file, "regoin = 'eu'").unwrap();
    let file = file.to_str().unwrap();
    let missing = place.path().join("missing.key");
    let check = |arguments: &[&str], expected: &str| {
        let (code, text) = refused(&serve(&data, arguments).output().unwrap());
        assert_eq!(code, Some(2), "{text}");
        assert!(text.starts_with("error: ") && text.contains(expected), "{text}");
    };
    check(&["--config", file], "evergate.toml: `regoin`: there is no such key");
    check(&["--config", "/nowhere.toml"], "/nowhere.toml: the configuration file cannot be read");
    check(&["--metrics", "9464"], "--metrics: '9464' is neither an address");
    check(&["--recovery-key", missing.to_str().unwrap()], "`recovery-keys`: ");
    check(&["--storage-account", "backups=ftp://x/y"], "`storage-accounts`: ");
    assert!(!data.join("store").exists(), "nothing was begun");
}

#[cfg(unix)]
#[test]
fn a_second_start_keeps_what_the_first_made() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let first = Server::start(&data, &["--region", "West Europe"]);
    assert!(first.told.starts_with("Evergate is ready in region 'westeurope'."), "{}", first.told);
    let bootstrap = document(&data.join("bootstrap.json"));
    for file in ["bootstrap.json", "bootstrap.env", "recovery.key", "instance.key"] {
        let mode = std::fs::metadata(data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    for key in
        ["managementEndpoint", "gatewayEndpoint", "tenantId", "clientSecret", "storageAccount", "accessKey"]
    {
        assert!(bootstrap[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    for key in ["caFile", "recoveryKeyFile"] {
        assert!(Path::new(bootstrap[key].as_str().unwrap()).exists(), "{key}");
    }
    let (code, text) = refused(&serve(&data, &[]).output().unwrap());
    assert!(code == Some(1) && text.contains("is used by another evergate process"), "{text}");
    assert!(first.end().success());
    assert!(!data.join("running.json").exists());

    let second = Server::start(&data, &[]);
    let (running, again) = (document(&data.join("running.json")), document(&data.join("bootstrap.json")));
    assert_eq!(running["processId"], second.child.id());
    for (key, value) in bootstrap.as_object().unwrap() {
        let expected = if key.ends_with("Endpoint") { &running[key] } else { value };
        assert_eq!(&again[key], expected, "{key}");
    }
    assert!(second.end().success());

    std::fs::remove_file(data.join("bootstrap.json")).unwrap();
    let third = Server::start(&data, &["--recover-access"]);
    let recovered = document(&data.join("bootstrap.json"));
    for key in ["clientSecret", "userPassword"] {
        assert_ne!(recovered[key], bootstrap[key], "{key}");
    }
    for key in ["tenantId", "applicationId", "subscriptionId", "userName", "accessKey"] {
        assert_eq!(recovered[key], bootstrap[key], "{key}");
    }
    assert!(third.end().success());
    let (code, text) = refused(&serve(&data, &["--region", "eastus"]).output().unwrap());
    assert!(code == Some(1) && text.contains("belongs to region 'westeurope', not 'eastus'"), "{text}");
}

#[tokio::test]
async fn health_is_for_everybody_and_metrics_have_their_own_listener() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data, &["--metrics", "127.0.0.1:0"]);
    let bootstrap = document(&data.join("bootstrap.json"));
    let client = client(&data);
    let endpoint = bootstrap["managementEndpoint"].as_str().unwrap();
    let metrics = document(&data.join("running.json"));
    let metrics = metrics["metricsEndpoint"].as_str().unwrap();
    let ask = async |url: String| {
        let answer = client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for origin in [endpoint, metrics] {
        assert_eq!(ask(format!("{origin}/healthz")).await, (200, "ok\n".to_owned()));
        assert_eq!(ask(format!("{origin}/readyz")).await, (200, "ready\n".to_owned()));
    }
    assert_eq!(ask(format!("{endpoint}/metrics")).await.0, 401);
    let (status, text) = ask(format!("{metrics}/metrics")).await;
    assert_eq!(status, 200);
    for line in [
        "evergate_build_info{version=",
        "evergate_management_requests_total{method=\"GET\",status=\"401\"} 1\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    drop(server);
}

/// Publishes `/hello`, answered by a policy.
async fn publish(client: &reqwest::Client, bootstrap: &Value) {
    let text = |key: &str| bootstrap[key].as_str().unwrap();
    let endpoint = text("managementEndpoint");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", text("applicationId")),
        ("client_secret", text("clientSecret")),
        ("resource", "https://management.azure.com/"),
    ];
    let token = client.post(format!("{endpoint}/{}/oauth2/token", text("tenantId"))).form(&form);
    let token: Value = token.send().await.unwrap().json().await.unwrap();
    let group = format!("{endpoint}/subscriptions/{}/resourceGroups/rg1", text("subscriptionId"));
    let service = format!("{group}/providers/Microsoft.ApiManagement/service/shop");
    let policy = "<policies><inbound><return-response><set-status code='200' reason='OK'/><set-body>served</set-body>\
                  </return-response></inbound><backend/><outbound/></policies>";
    for (url, body) in [
        (group, json!({"location": "local"})),
        (
            service.clone(),
            json!({"location": "local", "sku": {"name": "Developer", "capacity": 1},
                   "properties": {"publisherEmail": "a@example.com", "publisherName": "A"}}),
        ),
        (
            format!("{service}/apis/hello"),
            json!({"properties": {"displayName": "Hello", "path": "", "protocols": ["http"], "subscriptionRequired": false,
                                  "serviceUrl": "http://127.0.0.1:1"}}),
        ),
        (
            format!("{service}/apis/hello/operations/get"),
            json!({"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/hello"}}),
        ),
        (
            format!("{service}/apis/hello/policies/policy"),
            json!({"properties": {"format": "xml", "value": policy}}),
        ),
    ] {
        let put = client.put(format!("{url}?api-version=2022-08-01")).json(&body);
        let answer = put.bearer_auth(token["access_token"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{url}: {}", answer.text().await.unwrap());
    }
}

fn client(data: &Path) -> reqwest::Client {
    let ca = std::fs::read(data.join("tls/ca.pem")).unwrap();
    let ca = reqwest::Certificate::from_pem(&ca).unwrap();
    reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap()
}

// Two threads, so that the client closes its connections while the test waits for the server's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn traffic_goes_on_when_the_store_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(&data, &[]);
    let client = client(&data);
    publish(&client, &document(&data.join("bootstrap.json"))).await;
    assert!(server.end().success());
    std::fs::write(data.join("store/evergate.db"), "this was a database").unwrap();

    let stranded = Server::start(&data, &["--metrics", "127.0.0.1:0"]);
    assert!(stranded.told.starts_with("The store cannot be opened"), "{}", stranded.told);
    let gateway = stranded.told.split_whitespace().last().unwrap();
    let answer = client.get(format!("{gateway}/hello")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "served");
    assert!(!stranded.end().success(), "the reason is not forgotten");
}
