//! What the first start writes and says, to the letter.

use evergate_model::Secret;

use super::*;

fn bootstrap() -> Bootstrap {
    Bootstrap {
        management_endpoint: "https://localhost:9443".into(),
        gateway_endpoint: "http://127.0.0.1:8080".into(),
        ca_file: "/data/my region/tls/ca.pem".into(),
        tenant_id: "tenant".into(),
        subscription_id: "subscription".into(),
        application_id: "application".into(),
        client_secret: "it's secret".into(),
        user_name: "admin@evergate.local".into(),
        user_password: "password".into(),
        storage_account: "evergatestore".into(),
        access_key: "key".into(),
        recovery_key_file: "/data/my region/recovery.key".into(),
        region: "eu".into(),
    }
}

fn endpoints(management: &str) -> Endpoints {
    Endpoints {
        management_endpoint: management.into(),
        gateway_endpoint: "http://127.0.0.1:8080".into(),
        gateway_https_endpoint: None,
        metrics_endpoint: None,
    }
}

#[cfg(unix)]
#[test]
fn bootstrap_files_are_private_and_follow_the_ports() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(place.path()).unwrap();
    refresh(&data, &endpoints("https://localhost:1")).unwrap();
    assert!(!data.join(JSON).exists());

    bootstrap().write(&data).unwrap();
    for file in [JSON, ENVIRONMENT] {
        let mode = std::fs::metadata(data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    refresh(&data, &endpoints("https://localhost:2")).unwrap();
    let read: Bootstrap = serde_json::from_str(&read_optional(&data.join(JSON)).unwrap().unwrap()).unwrap();
    let expected = Bootstrap { management_endpoint: "https://localhost:2".into(), ..bootstrap() };
    assert!(read == expected);
}

#[test]
fn a_server_that_runs_says_so_until_it_ends() {
    let place = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(place.path()).unwrap();
    std::fs::write(data.join(RUNNING), "left by a process that was killed").unwrap();
    let running = Running::prepare(&data).unwrap();
    assert!(!data.join(RUNNING).exists());
    running.announce(&endpoints("https://localhost:1")).unwrap();
    assert!(read_optional(&data.join(RUNNING)).unwrap().unwrap().contains("https://localhost:1"));
    drop(running);
    assert!(!data.join(RUNNING).exists());
}

#[test]
fn the_environment_survives_a_shell() {
    let environment = bootstrap().environment();
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            &format!("{environment}\nprintf '%s|%s' \"$AZURE_CLIENT_SECRET\" \"$EVERGATE_CA_FILE\""),
        ])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's secret|/data/my region/tls/ca.pem");
}

#[test]
fn the_first_start_tells_the_next_commands_and_no_secret() {
    let account = Told {
        name: "evergatestore".into(),
        folder: "/data/my region/storage".into(),
        access_key: Secret::new("key"),
    };
    let text = first_start_text(Path::new("/data/my region"), &bootstrap(), &account);
    for secret in ["it's secret", "password"] {
        assert!(!text.contains(secret));
    }
    insta::assert_snapshot!(text, @r#"

    This was the first start. Made in /data/my region:
      bootstrap.json  how to reach this server and sign in as its owner; also as bootstrap.env for shells
      tls/ca.pem      the certificate authority that clients must trust
      recovery.key    opens this region's backups. COPY IT AWAY FROM THIS MACHINE NOW: a backup can be
                      restored elsewhere only with it
    Storage account 'evergatestore' is the folder /data/my region/storage.

    Next, in another terminal, with our command line:

      evergate login --bootstrap '/data/my region/bootstrap.json'
      evergate storage container create backups --storage-url file:///data/my%20region/storage

    or with Azure's:

      . '/data/my region/bootstrap.env'
      az cloud register -n Evergate --endpoint-resource-manager https://localhost:9443
      az cloud set -n Evergate
      az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID"
      az group create -n rg1 -l eu
      az apim create -g rg1 -n SERVICE --publisher-email YOU@EXAMPLE.COM --publisher-name YOU --sku-name Developer
    "#);
}
