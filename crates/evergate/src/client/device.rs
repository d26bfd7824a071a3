//! Signs in on another device's browser (RFC 8628).

use std::time::Duration;

use evergate_model::Secret;

use super::oauth::{self, Application, Grant, Tokens, Wanted};

/// Asks for a code, lets `show` tell the user, and waits for the sign-in.
pub(crate) async fn sign_in(
    client: &reqwest::Client,
    application: &Application,
    wanted: &Wanted,
    show: impl FnOnce(&str),
) -> anyhow::Result<Tokens> {
    let (name, value) = wanted.parameter(true);
    let form = [("client_id", application.id.clone()), (name, value)];
    let url = application.url(wanted, "devicecode");
    let code = oauth::post(client, application, &url, &form).await?.map_err(oauth::Refused::into_error)?;
    show(code["message"].as_str().unwrap_or_default());
    let grant = Grant::DeviceCode(Secret::new(code["device_code"].as_str().unwrap_or_default()));
    let seconds = oauth::number(&code["interval"]).and_then(|seconds| u64::try_from(seconds).ok());
    let mut interval = Duration::from_secs(seconds.unwrap_or(5));
    loop {
        tokio::time::sleep(interval).await;
        match oauth::redeem(client, application, wanted, &grant).await? {
            Ok(tokens) => return Ok(tokens),
            Err(refused) => match refused.error.as_str() {
                "authorization_pending" => {}
                "slow_down" => interval += Duration::from_secs(5),
                _ => return Err(refused.into_error()),
            },
        }
    }
}
