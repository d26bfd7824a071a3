//! What an endpoint says about itself: who signs users in, for which audience, and where registrations are.

use serde_json::Value;

use super::error::Unreachable;
use super::http;

/// Where the public cloud keeps registrations; its metadata does not always say.
const PUBLIC_GRAPH: &str = "https://graph.microsoft.com/";

/// An endpoint's surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cloud {
    /// The directory, without a trailing slash.
    pub(crate) authority: String,
    /// The audience of management tokens, as the endpoint writes it.
    pub(crate) audience: String,
    /// The audience and address of the registrations.
    pub(crate) graph: String,
    /// The tenant to sign in to when none is named.
    pub(crate) tenant: Option<String>,
}

impl Cloud {
    /// Asks an endpoint.
    pub(crate) async fn of(client: &reqwest::Client, endpoint: &str) -> anyhow::Result<Self> {
        let url = format!("{endpoint}/metadata/endpoints?api-version=2022-09-01");
        let response = client.get(url).send().await.map_err(|error| Unreachable::new(endpoint, &error))?;
        Self::read(&http::reply(response, endpoint).await?.body, endpoint)
    }

    fn read(metadata: &Value, endpoint: &str) -> anyhow::Result<Self> {
        let clouds = metadata.as_array().map_or(std::slice::from_ref(metadata), Vec::as_slice);
        let ours = |cloud: &&Value| cloud["resourceManager"].as_str().is_some_and(|url| same(url, endpoint));
        let cloud = clouds.iter().find(ours).or(clouds.first()).unwrap_or(&Value::Null);
        let authentication = &cloud["authentication"];
        let Some(authority) = authentication["loginEndpoint"].as_str() else {
            anyhow::bail!("{endpoint} does not say where to sign in; is it a management endpoint?");
        };
        let audiences: Vec<&str> =
            authentication["audiences"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let own = audiences.iter().find(|audience| same(audience, endpoint));
        let authority = authority.trim_end_matches('/').to_owned();
        let graph = match cloud["microsoftGraphResourceId"].as_str().filter(|text| !text.is_empty()) {
            Some(graph) => graph.to_owned(),
            None if authority == "https://login.microsoftonline.com" => PUBLIC_GRAPH.to_owned(),
            None => endpoint.to_owned(),
        };
        Ok(Self {
            audience: (*own.or(audiences.first()).unwrap_or(&endpoint)).to_owned(),
            graph,
            tenant: authentication["tenant"].as_str().filter(|tenant| *tenant != "common").map(str::to_owned),
            authority,
        })
    }

    /// Whether the directory is the public cloud's.
    pub(crate) fn is_public(authority: &str) -> bool {
        url::Url::parse(authority)
            .is_ok_and(|url| url.host_str().is_some_and(|host| host.starts_with("login.microsoftonline.")))
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('/').eq_ignore_ascii_case(b.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_of_both_clouds_is_understood() {
        let own = json!({
            "resourceManager": "https://localhost:9443",
            "authentication": {
                "loginEndpoint": "https://localhost:9443",
                "audiences": ["https://management.azure.com/", "https://localhost:9443"],
                "tenant": "t",
            },
            "microsoftGraphResourceId": "https://localhost:9443",
        });
        let cloud = Cloud::read(&own, "https://localhost:9443").unwrap();
        assert_eq!(cloud.audience, "https://localhost:9443");
        assert_eq!(cloud.tenant.as_deref(), Some("t"));

        let public = json!([
            { "resourceManager": "https://management.example.cn/", "authentication": {} },
            {
                "resourceManager": "https://management.azure.com/",
                "authentication": {
                    "loginEndpoint": "https://login.microsoftonline.com/",
                    "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
                    "tenant": "common",
                },
            },
        ]);
        let cloud = Cloud::read(&public, "https://management.azure.com").unwrap();
        assert_eq!(cloud.authority, "https://login.microsoftonline.com");
        assert_eq!(cloud.audience, "https://management.azure.com/");
        assert_eq!(cloud.graph, PUBLIC_GRAPH);
        assert_eq!(cloud.tenant, None);
        assert!(Cloud::is_public(&cloud.authority) && !Cloud::is_public("https://localhost:9443"));

        assert!(Cloud::read(&json!({}), "https://localhost").is_err());
    }
}
