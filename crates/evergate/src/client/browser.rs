//! Signs in with the browser: authorization code with PKCE, answered to a loopback port (RFC 8252), or, where
//! the registered redirect URI is a placeholder that nothing listens on, pasted by the user.

use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergate_model::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::error::{NotSignedIn, Usage};
use super::oauth::{self, Application, Grant, Tokens, Wanted};

/// How long the user may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// A request line with a code is far shorter.
const LONGEST_REQUEST: usize = 16 * 1024;

/// Where the browser brings the answer.
struct Return {
    /// None when the URI is not on this machine.
    listeners: Vec<TcpListener>,
    uri: Url,
    /// As it is registered, or with the port that was taken.
    text: String,
}

/// Opens the browser at the directory's page and waits for the answer; `show` tells the user the address.
pub(crate) async fn sign_in(
    client: &reqwest::Client,
    application: &Application,
    wanted: &Wanted,
    redirect_uri: Option<&str>,
    show: impl FnOnce(&str),
) -> anyhow::Result<Tokens> {
    let returned = Return::prepare(redirect_uri).await?;
    let verifier = Secret::new(random());
    let state = random();
    let url = authorization_url(application, wanted, returned.uri(), &verifier, &state)?;
    show(url.as_str());
    let code = tokio::time::timeout(PATIENCE, async {
        if returned.listeners.is_empty() {
            returned.pasted(&state).await
        } else {
            returned.answer(&state).await
        }
    });
    let code = code.await.map_err(|_| NotSignedIn("nobody signed in in time".to_owned()))??;
    let grant = Grant::AuthorizationCode { code, verifier, redirect_uri: returned.uri().to_owned() };
    oauth::redeem(client, application, wanted, &grant).await?.map_err(oauth::Refused::into_error)
}

fn authorization_url(
    application: &Application,
    wanted: &Wanted,
    redirect_uri: &str,
    verifier: &Secret,
    state: &str,
) -> anyhow::Result<Url> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.expose().as_bytes());
    let mut url = Url::parse(&application.url(wanted, "authorize"))?;
    let (name, value) = wanted.parameter(true);
    url.query_pairs_mut()
        .append_pair("client_id", &application.id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", redirect_uri)
        .append_pair(name, &value)
        .append_pair("state", state)
        .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(digest))
        .append_pair("code_challenge_method", "S256")
        .append_pair("prompt", "select_account");
    Ok(url)
}

fn random() -> String {
    let mut bytes = [0; 32];
    // The generator is seeded from the operating system when the process starts and does not fail later.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator answers");
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Return {
    /// Listens on the redirect URI's port, or on a free one. `localhost` may mean either address family to a
    /// browser, so both are taken where both are there.
    async fn prepare(redirect_uri: Option<&str>) -> anyhow::Result<Self> {
        let mut uri = Url::parse(redirect_uri.unwrap_or("http://localhost"))
            .map_err(|error| Usage(format!("the redirect URI is not a URI: {error}")))?;
        if uri.scheme() != "http" || !matches!(uri.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            return Ok(Self {
                listeners: Vec::new(),
                uri,
                text: redirect_uri.unwrap_or_default().to_owned(),
            });
        }
        let wished = uri.port().unwrap_or(0);
        let first = match uri.host_str() {
            Some("[::1]") => TcpListener::bind(("::1", wished)).await,
            _ => TcpListener::bind(("127.0.0.1", wished)).await,
        };
        let first = first.context("no port can be opened for the browser's answer")?;
        let port = first.local_addr()?.port();
        let mut listeners = vec![first];
        if uri.host_str() == Some("localhost") {
            listeners.extend(TcpListener::bind(("::1", port)).await);
        }
        uri.set_port(Some(port)).map_err(|()| Usage("the redirect URI cannot have a port".to_owned()))?;
        // Registered without a path, it is compared without one.
        let text = uri.as_str();
        let text = if uri.path() == "/" { text.trim_end_matches('/') } else { text }.to_owned();
        Ok(Self { listeners, uri, text })
    }

    fn uri(&self) -> &str {
        &self.text
    }

    /// The code, from the address that the user copies out of the browser.
    async fn pasted(&self, state: &str) -> anyhow::Result<Secret> {
        let prompt = "The browser will end at an address that does not load. Paste that address here: ";
        let line = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt)).await?;
        let line = line.map_err(|_| {
            let message = "there is no terminal to paste the browser's address into; use --device-code, or register \
                           http://localhost as a redirect URI";
            Usage(message.to_owned())
        })?;
        match Url::parse(line.trim()).ok().and_then(|url| self.answer_at(&url, state)) {
            Some(found) => found.map_err(|description| NotSignedIn(description).into()),
            None => Err(NotSignedIn("that address is not the answer to this sign-in".to_owned()).into()),
        }
    }

    /// The code, from the first request that has our state; others (icons, strangers) get 404.
    async fn answer(&self, state: &str) -> anyhow::Result<Secret> {
        loop {
            let stream = match self.listeners.as_slice() {
                [one] => one.accept().await?.0,
                [one, other, ..] => tokio::select! {
                    accepted = one.accept() => accepted?.0,
                    accepted = other.accept() => accepted?.0,
                },
                [] => anyhow::bail!("nothing listens for the browser's answer"),
            };
            let read = tokio::time::timeout(Duration::from_secs(10), self.read(stream, state));
            if let Ok(Ok(Some(result))) = read.await {
                return result.map_err(|description| NotSignedIn(description).into());
            }
        }
    }

    /// The answer in a request, if it is one.
    async fn read(
        &self,
        mut stream: TcpStream,
        state: &str,
    ) -> anyhow::Result<Option<Result<Secret, String>>> {
        let mut head = Vec::new();
        while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < LONGEST_REQUEST {
            if stream.read_buf(&mut head).await? == 0 {
                break;
            }
        }
        let head = String::from_utf8_lossy(&head);
        let found = head.lines().next().and_then(|line| self.answer_in(line, state));
        let (status, text) = match &found {
            Some(Ok(_)) => ("200 OK", "Signed in. You can close this page and go back to the terminal."),
            Some(Err(_)) => ("200 OK", "Not signed in. The terminal says why."),
            None => ("404 Not Found", "There is nothing here."),
        };
        let page = format!("<!doctype html><meta charset=\"utf-8\"><title>Evergate</title><p>{text}</p>");
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
             connection: close\r\ncache-control: no-store\r\n\r\n{page}",
            page.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        Ok(found)
    }

    fn answer_in(&self, request_line: &str, state: &str) -> Option<Result<Secret, String>> {
        let target = request_line.strip_prefix("GET ")?.split(' ').next()?;
        self.answer_at(&self.uri.join(target).ok()?, state)
    }

    fn answer_at(&self, url: &Url, state: &str) -> Option<Result<Secret, String>> {
        let value = |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value);
        if url.host() != self.uri.host() || url.path() != self.uri.path() || value("state")? != state {
            return None;
        }
        match (value("code"), value("error_description").or_else(|| value("error"))) {
            (Some(code), _) => Some(Ok(Secret::new(code))),
            (None, Some(error)) => Some(Err(error.split(" Trace ID:").next().unwrap_or_default().to_owned())),
            (None, None) => None,
        }
    }
}

/// Starts the user's browser; whether that worked is seen by the user, who has the address as well.
pub(crate) fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = if cfg!(windows) {
        let mut command = std::process::Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else {
        std::process::Command::new(program)
    };
    let null = std::process::Stdio::null;
    drop(command.arg(url).stdin(null()).stdout(null()).stderr(null()).spawn());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_answer_with_our_state_counts() {
        let returned = Return::prepare(None).await.unwrap();
        assert!(returned.uri().starts_with("http://localhost:") && !returned.uri().ends_with('/'));
        let check = |line: &str, expected: Option<Result<&str, &str>>| {
            let found = returned.answer_in(line, "s");
            let found =
                found.as_ref().map(|found| found.as_ref().map(Secret::expose).map_err(String::as_str));
            assert_eq!(found, expected, "{line}");
        };
        check("GET /?code=c%2B&state=s HTTP/1.1", Some(Ok("c+")));
        check("GET /?error=access_denied&state=s HTTP/1.1", Some(Err("access_denied")));
        check("GET /?code=c&state=other HTTP/1.1", None);
        check("GET /?code=c HTTP/1.1", None);
        check("GET /favicon.ico HTTP/1.1", None);
        check("POST /?code=c&state=s HTTP/1.1", None);
        check("nonsense", None);
    }

    #[tokio::test]
    async fn the_browser_brings_the_code_to_the_loopback_port() {
        let returned = Return::prepare(Some("http://127.0.0.1/back")).await.unwrap();
        let address = returned.listeners[0].local_addr().unwrap();
        let browser = async {
            for target in ["/favicon.ico", "/back?code=the-code&state=s"] {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
            }
        };
        let (code, ()) = tokio::join!(returned.answer("s"), browser);
        assert_eq!(code.unwrap().expose(), "the-code");
    }

    #[tokio::test]
    async fn an_answer_elsewhere_is_taken_from_the_address() {
        let returned = Return::prepare(Some("http://resources")).await.unwrap();
        assert_eq!(returned.uri(), "http://resources");
        for (address, code) in [
            ("http://resources/?code=c&state=s", Some("c")),
            ("http://resources/?code=c&state=other", None),
            ("http://elsewhere/?code=c&state=s", None),
        ] {
            let found = returned.answer_at(&Url::parse(address).unwrap(), "s");
            assert_eq!(found.map(|found| found.unwrap().expose().to_owned()).as_deref(), code, "{address}");
        }
        assert!(Return::prepare(Some("nonsense")).await.is_err());
    }
}
