//! Which source of a value wins, and what wrong values are answered with.

use std::fmt::Write as _;

use super::keys::{Form, KEYS, Key};
use super::*;

fn flags(given: &[(&str, &str)]) -> Vec<(&'static Key, Vec<String>)> {
    let key = |flag: &str| KEYS.iter().find(|key| key.flag == flag).unwrap();
    given.iter().map(|(flag, value)| (key(flag), vec![(*value).to_owned()])).collect()
}

fn environment(given: &[(&str, &str)]) -> Vec<(String, String)> {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Loads a configuration whose file is called `evergate.toml` in messages.
fn load(file: &str, variables: &[(&str, &str)], given: &[(&str, &str)]) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("evergate.toml");
    std::fs::write(&path, file).unwrap();
    Config::load(Some(&path), environment(variables), flags(given))
        .map_err(|error| error.to_string().replace(&path.display().to_string(), "evergate.toml"))
}

#[test]
fn a_default_is_overruled_by_file_then_environment_then_flag() {
    let file = "region = 'fromfile'\n[storage-accounts]\nfirst = 'file:///a'\nsecond = 'file:///b'";
    let variables =
        [("EVERGATE_REGION", "fromenvironment"), ("EVERGATE_STORAGE_ACCOUNTS", "second=file:///c")];
    let check = |file: &str, variables: &[(&str, &str)], given: &[(&str, &str)], expected: Option<&str>| {
        let config = load(file, variables, given).unwrap();
        assert_eq!(config.region.map(|region| region.0).as_deref(), expected);
    };
    check("", &[], &[], None);
    check(file, &[], &[], Some("fromfile"));
    check(file, &variables, &[], Some("fromenvironment"));
    check(file, &variables, &[("region", "From Flag")], Some("fromflag"));

    let config = load(file, &variables, &[("storage-account", "third=file:///d")]).unwrap();
    let accounts: Vec<_> =
        config.storage_accounts.iter().map(|(name, url)| (name.0.as_str(), url.as_str())).collect();
    assert_eq!(accounts, [("first", "file:///a"), ("second", "file:///c"), ("third", "file:///d")]);
}

#[test]
fn the_gateway_listens_with_tls_by_default_only_beside_its_default_address() {
    let check = |given: &[(&str, &str)], expected: Option<&str>| {
        let https = load("", &[], given).unwrap().gateway_https().0;
        assert_eq!(https.map(|address| address.to_string()).as_deref(), expected);
    };
    check(&[], Some("127.0.0.1:8443"));
    check(&[("gateway", "127.0.0.1:0")], None);
    check(&[("gateway-https", "off")], None);
    check(&[("gateway", "off"), ("gateway-https", "0.0.0.0:443")], Some("0.0.0.0:443"));
}

#[test]
fn a_wrong_value_is_refused_with_its_place() {
    let mut told = String::new();
    for (file, variables, given) in [
        ("regoin = 'x'", [].as_slice(), [].as_slice()),
        ("region = 'eu'\nregion = 'us'", &[], &[]),
        ("recovery-keys = 'a.key'", &[], &[]),
        ("region = 7", &[], &[]),
        ("region = 'a/b'", &[], &[]),
        ("management = ", &[], &[]),
        ("management = 'localhost'", &[], &[]),
        ("log-format = 'xml'", &[], &[]),
        ("shutdown-grace = 'long'", &[], &[]),
        ("[storage-accounts]\nBackups = 'file:///a'", &[], &[]),
        ("[[external-issuers]]\nissuer = 'https://x'\naudience = []", &[], &[]),
        ("", &[("EVERGATE_GATEWAY", "8080")], &[]),
        ("", &[("EVERGATE_PUBLIC_CLOUD_STORAGE", "perhaps")], &[]),
        ("", &[("EVERGATE_STORAGE_ACCOUNTS", "file:///a")], &[]),
        ("", &[], &[("public-endpoint", "http://x/y")]),
        ("", &[], &[("gateway-url", "https://x")]),
        ("", &[], &[("log", "info,=x=")]),
        ("", &[], &[("gateway-workers", "-1")]),
    ] {
        writeln!(told, "{}", load(file, variables, given).unwrap_err()).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    evergate.toml: `regoin`: there is no such key; the keys are `data-dir`, `region`, `management`, `gateway`, `gateway-https`, `public-endpoint`, `gateway-host-suffix`, `gateway-url`, `gateway-workers`, `upstream-authorities`, `certificate-names`, `metrics`, `storage-accounts`, `public-cloud-storage`, `recovery-keys`, `token-audiences`, `external-issuers`, `log-format`, `log`, `shutdown-grace`
    evergate.toml: TOML parse error at line 2, column 1
      |
    2 | region = 'us'
      | ^
    duplicate key `region` in document root
    evergate.toml: `recovery-keys`: 'a.key' is not an array
    evergate.toml: `region`: '7' is not a text in quotes
    evergate.toml: `region`: 'a/b' is not a region name: it takes letters, digits and hyphens, as westeurope
    evergate.toml: TOML parse error at line 1, column 14
      |
    1 | management = 
      |              ^
    evergate.toml: `management`: 'localhost' is not an address such as 127.0.0.1:9443
    evergate.toml: `log-format`: 'xml' is neither text nor json
    evergate.toml: `shutdown-grace`: 'long' is not a number of 0 or more
    evergate.toml: `storage-accounts.Backups`: 'Backups' is not a storage account name: 3 to 24 lower-case letters and digits
    evergate.toml: `external-issuers.0.audience`: there is no such key; the keys are `issuer`, `audiences`, `tenants`
    EVERGATE_GATEWAY: '8080' is neither an address such as 127.0.0.1:8080 nor 'off'
    EVERGATE_PUBLIC_CLOUD_STORAGE: 'perhaps' is not true or false
    EVERGATE_STORAGE_ACCOUNTS: 'file:///a' is not of the form NAME=VALUE, or a table in the file
    --public-endpoint: 'http://x/y' is not an origin: https, a host, perhaps a port, and nothing after it
    --gateway-url: 'https://x' is not a URL with {service}, such as https://{service}.example.com
    --log: 'info,=x=' is not a log filter: invalid filter directive
    --gateway-workers: '-1' is not a number of 0 or more
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Some(Path::new("/nowhere/evergate.toml")), [], vec![]).unwrap_err();
    insta::assert_snapshot!(error, @"/nowhere/evergate.toml: the configuration file cannot be read");
}

#[test]
fn a_variable_nobody_reads_is_reported() {
    let given = environment(&[("EVERGATE_REGOIN", "x"), ("EVERGATE_REGION", "x"), ("EVERGATE_CA_FILE", "x")]);
    assert_eq!(unknown_variables(&given, &["EVERGATE_CA_FILE".to_owned()]), ["EVERGATE_REGOIN"]);
}

#[test]
fn every_key_is_a_field_and_every_field_a_key() {
    for key in KEYS {
        let error = load(&format!("{} = {{ not-of-this-type = true }}", key.name), &[], &[]);
        assert!(!error.is_err_and(|text| text.contains("no such key")), "{}", key.name);
    }
    let listed = load("nothing = 1", &[], &[]).unwrap_err();
    assert_eq!(listed.matches(", `").count() + 1, KEYS.iter().filter(|key| !key.hidden).count());
}

/// The table of docs/configuration.md; `UPDATE_DOCS=1` writes it.
#[test]
fn the_reference_page_is_up_to_date() {
    let mut table =
        String::from("| key | flag and variable | default | meaning |\n| --- | --- | --- | --- |\n");
    for key in KEYS.iter().filter(|key| !key.hidden) {
        let outside = match (key.form, key.variable()) {
            (Form::FileOnly, _) | (_, None) => "file only".to_owned(),
            (form, Some(variable)) => {
                let repeats = if matches!(form, Form::List | Form::Map) { " (repeatable)" } else { "" };
                format!("`--{} {}`{repeats}<br>`{variable}`", key.flag, key.value_name)
            }
        };
        let default = match (key.default_text, key.default) {
            ("", Some(json)) => format!("`{}`", json.trim_matches('"')),
            (text, _) => text.to_owned(),
        };
        writeln!(table, "| `{}` | {outside} | {default} | {} |", key.name, key.meaning).unwrap();
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (begin, end) = ("<!-- keys: begin -->\n", "<!-- keys: end -->");
    let (head, rest) = text.split_once(begin).unwrap();
    let (found, tail) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, format!("{head}{begin}{table}{end}{tail}")).unwrap();
    } else {
        assert!(found == table, "docs/configuration.md is out of date: run this test with UPDATE_DOCS=1");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn no_text_is_a_panic(file: String, key in 0..KEYS.len(), value: String) {
        let key = &KEYS[key];
        let _ = load(&file, &[], &[]);
        let _ = load(&format!("{} = {value}", key.name), &[], &[]);
        let _ = load("", &[(key.variable().unwrap_or_default().as_str(), value.as_str())], &[]);
        let _ = load("", &[], &[(key.flag, value.as_str())]);
    }
}
