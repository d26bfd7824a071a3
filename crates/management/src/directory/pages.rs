//! The few HTML pages: plain, without scripts but the one that forwards a form, and closed to other sites.

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderValue, StatusCode};
use url::Url;
use uuid::Uuid;

const STYLE: &str = include_str!("pages.css");

/// A text as HTML shows it, in an element or in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A hidden field.
pub(super) fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
}

/// A page. Its content is HTML already; its forms may go to this server and to `form_target`.
pub(super) struct Page<'a> {
    pub(super) status: StatusCode,
    pub(super) title: &'a str,
    pub(super) content: String,
    pub(super) form_target: Option<&'a str>,
    pub(super) submits_itself: bool,
}

impl Page<'_> {
    pub(super) fn render(&self) -> Response {
        let nonce = Uuid::new_v4().simple();
        let title = escape(self.title);
        let script = if self.submits_itself {
            format!("<script nonce=\"{nonce}\">document.forms[0].submit()</script>")
        } else {
            String::new()
        };
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} · Evergate</title>\n<style nonce=\"{nonce}\">{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<p class=\"brand\">Evergate</p>\n<h1>{title}</h1>\n{}\n</main>\n{script}</body>\n</html>\n",
            self.content
        );
        let target = self.form_target.map(form_source).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'; \
             frame-ancestors 'none'; form-action 'self'{target}"
        );
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        let policy = HeaderValue::from_str(&policy)
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        response
    }
}

/// The source expression that lets a form, or the redirect after it, go to a URI.
fn form_source(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            format!(" {}", url.origin().ascii_serialization())
        }
        Ok(url) => format!(" {}:", url.scheme()),
        Err(_) => String::new(),
    }
}

/// A page that says something and asks nothing.
pub(super) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    let content = format!("<p>{}</p>", escape(text));
    Page { status, title, content, form_target: None, submits_itself: false }.render()
}
