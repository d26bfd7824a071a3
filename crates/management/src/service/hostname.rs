//! Custom host names: the built-in one is shown and not stored, certificates' secrets are kept apart and sealed.

use evergate_model::kind::service::CERTIFICATE_SECRETS;
use evergate_model::{Properties, ServiceId};
use evergate_store::Record;
use serde_json::{Value, json};

use crate::error::{ApiError, internal};
use crate::parts::App;

const COLLECTION: &str = "serviceCertificates";

fn host(gateway: &str) -> Option<String> {
    url::Url::parse(gateway).ok()?.host_str().map(str::to_owned)
}

/// Adds the built-in gateway host to what is shown.
pub(super) fn complete(properties: &mut Properties, gateway: &str) {
    let Some(host) = host(gateway) else { return };
    let mut hosts = match properties.remove("hostnameConfigurations") {
        Some(Value::Array(hosts)) => hosts,
        _ => Vec::new(),
    };
    let has_default = hosts.iter().any(|host| host["type"] == "Proxy" && host["defaultSslBinding"] == true);
    let builtin = json!({
        "type": "Proxy",
        "hostName": host,
        "negotiateClientCertificate": false,
        "defaultSslBinding": !has_default,
        "certificateSource": "BuiltIn",
    });
    hosts.insert(0, builtin);
    properties.insert("hostnameConfigurations".to_owned(), Value::Array(hosts));
}

/// Takes the built-in host, which clients send back to us, and all secrets out of what will be stored.
/// Returns the secrets by place.
pub(super) fn strip(properties: &mut Properties, gateway: &str) -> Properties {
    if let (Some(host), Some(Value::Array(hosts))) =
        (host(gateway), properties.get_mut("hostnameConfigurations"))
    {
        hosts
            .retain(|entry| !entry["hostName"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&host)));
    }
    let mut secrets = Properties::new();
    for (list, label) in [("hostnameConfigurations", "hostName"), ("certificates", "storeName")] {
        let Some(Value::Array(entries)) = properties.get_mut(list) else { continue };
        for (index, entry) in entries.iter_mut().filter_map(Value::as_object_mut).enumerate() {
            let label = entry.get(label).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
            let mut own = Properties::new();
            for name in CERTIFICATE_SECRETS {
                if let Some(secret) = entry.remove(*name) {
                    own.insert((*name).to_owned(), secret);
                }
            }
            if !own.is_empty() {
                let place = if list == "certificates" { index.to_string() } else { label };
                secrets.insert(format!("{list}/{place}"), Value::Object(own));
            }
        }
    }
    secrets
}

/// Refuses host names at which another service here answers: its clients would send us their keys.
pub(super) async fn unclaimed(app: &App, id: &ServiceId, body: &Properties) -> Result<(), ApiError> {
    let wanted: Vec<&str> = names(body).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    for other in app.store.services().await?.iter().filter(|other| other.id != *id) {
        let own = host(&(app.instance.gateway_url)(&other.id.name));
        let mut taken = names(&other.body).chain(own.as_deref());
        let claimed = taken.find(|taken| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(taken)));
        if let Some(claimed) = claimed {
            return Err(ApiError::invalid(
                "hostnameConfigurations",
                format!("The host name '{claimed}' is not available: another service has it."),
            ));
        }
    }
    Ok(())
}

fn names(body: &Properties) -> impl Iterator<Item = &str> {
    let hosts = body.get("properties").and_then(|properties| properties.get("hostnameConfigurations"));
    hosts.and_then(Value::as_array).into_iter().flatten().filter_map(|entry| entry["hostName"].as_str())
}

/// Seals certificates' secrets beside the service; those not given again stay.
pub(super) async fn keep(app: &App, id: &ServiceId, secrets: Properties) -> Result<(), ApiError> {
    if secrets.is_empty() {
        return Ok(());
    }
    let key = id.to_string().to_ascii_lowercase();
    let mut all = match app.store.record(COLLECTION, &key).await? {
        Some(record) => {
            serde_json::from_slice::<Properties>(&record.value).map_err(|error| internal(&error))?
        }
        None => Properties::new(),
    };
    all.extend(secrets);
    let value = serde_json::to_vec(&all).map_err(|error| internal(&error))?;
    Ok(app.store.put_record(Record { collection: COLLECTION.to_owned(), key, value }).await?)
}

/// Forgets them with the service.
pub(super) async fn forget(app: &App, id: &ServiceId) -> Result<(), ApiError> {
    app.store.take_record(COLLECTION, &id.to_string().to_ascii_lowercase()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_host_goes_round_and_secrets_stay_behind() {
        let gateway = "http://svc1.gateway.localhost:8080";
        let Value::Object(mut properties) = json!({"hostnameConfigurations": [
            {"type": "Proxy", "hostName": "api.example.org", "encodedCertificate": "c", "certificatePassword": "p",
             "defaultSslBinding": true}
        ]}) else {
            panic!("an object")
        };
        let secrets = strip(&mut properties, gateway);
        assert_eq!(secrets["hostnameConfigurations/api.example.org"]["certificatePassword"], "p");
        assert!(!Value::Object(properties.clone()).to_string().contains("certificatePassword"));
        let stored = properties.clone();
        complete(&mut properties, gateway);
        assert_eq!(properties["hostnameConfigurations"][0]["hostName"], "svc1.gateway.localhost");
        strip(&mut properties, gateway);
        assert_eq!(properties, stored);
    }
}
