//! The sign-in page of the authorization endpoint.
//!
//! The page carries the checked request, signed, and is bound to the browser by a cookie: another site can
//! neither make up a request nor post somebody's password or its own into it. The answer goes only to a URI
//! that the client registered.

pub(super) mod device;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use evergate_identity::flow::Asked;
use evergate_identity::flow::authorize::{AuthorizationProblem, AuthorizationRequest, ResponseMode};
use evergate_identity::{Directory, Form, TokenProblem, TokenVersion};
use http::header::{CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::answer::{self, Ids};
use super::pages::{self, Page, escape, hidden};
use super::token::{body_of, caller};

/// What sealed pages of this endpoint are for.
const PURPOSE: &str = "sign-in";
const COOKIE_NAME: &str = "__Host-evergate-signin";

/// Where an answer goes.
struct Target<'a> {
    redirect_uri: &'a str,
    mode: ResponseMode,
    state: Option<&'a str>,
}

/// `GET`: shows the page, or says why not.
pub(super) async fn show(
    State(directory): State<Arc<Directory>>,
    Path(tenant): Path<String>,
    request: Request,
) -> Response {
    let ids = Ids::of(request.headers(), request.uri().query());
    let version = if request.uri().path().contains("/v2.0/") { TokenVersion::V2 } else { TokenVersion::V1 };
    let form = match Form::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        Ok(form) => form,
        Err(error) => return problem_page(&TokenProblem::malformed(error.to_string()), &ids),
    };
    let asked = Asked { tenant, version, form, basic: None, from: caller(&request) };
    match directory.authorization_request(&asked) {
        Ok(checked) => sign_in_page(&directory, &checked, &browser(request.headers()), None),
        Err(AuthorizationProblem::Shown(problem)) => problem_page(&problem, &ids),
        Err(AuthorizationProblem::Sent { problem, redirect_uri, response_mode, state }) => {
            let target = Target { redirect_uri: &redirect_uri, mode: response_mode, state: state.as_deref() };
            let description = answer::description(&problem, &ids, jiff::Timestamp::now());
            let error =
                if problem.suberror == Some("consent_required") { "consent_required" } else { problem.error };
            deliver(&target, &[("error", error), ("error_description", &description)])
        }
    }
}

/// `POST`: checks the password and sends the code.
pub(super) async fn answer(State(directory): State<Arc<Directory>>, request: Request) -> Response {
    let ids = Ids::of(request.headers(), None);
    let from = caller(&request);
    let (browser, form) = match posted(request).await {
        Ok(posted) => posted,
        Err(Refused::Problem(problem)) => return problem_page(&problem, &ids),
        Err(Refused::Answer(response)) => return response,
    };
    let checked: AuthorizationRequest = match open(&directory, PURPOSE, &form, &browser) {
        Ok(checked) => checked,
        Err(problem) => return problem_page(&problem, &ids),
    };
    let target = Target {
        redirect_uri: &checked.redirect_uri,
        mode: checked.response_mode,
        state: checked.state.as_deref(),
    };
    if form.get("action") == Some("cancel") {
        let description = "AADSTS65004: the user declined the sign-in";
        return deliver(&target, &[("error", "access_denied"), ("error_description", description)]);
    }
    let password = form.secret("password").cloned().unwrap_or_default();
    let user_name = form.get("user_name").unwrap_or_default();
    let user = match directory.sign_in(checked.tenant, user_name, &password, from).await {
        Ok(user) => user,
        Err(problem) => return sign_in_page(&directory, &checked, &browser, Some((&problem, user_name))),
    };
    match directory.issue_code(&checked, &user).await {
        Ok(code) => deliver(&target, &[("code", code.expose())]),
        Err(problem) => problem_page(&problem, &ids),
    }
}

fn sign_in_page(
    directory: &Directory,
    request: &AuthorizationRequest,
    browser: &str,
    failed: Option<(&TokenProblem, &str)>,
) -> Response {
    let sealed = directory.seal_page(&bound(PURPOSE, browser), request);
    let name = failed.map(|(_, name)| name).or(request.login_hint.as_deref()).unwrap_or_default();
    let content = format!(
        "{problem}<p>to continue to <strong>{client}</strong></p>\n<form method=\"post\">{page}{fields}\
         <div class=\"actions\"><button class=\"quiet\" name=\"action\" value=\"cancel\" formnovalidate>Cancel</button>\
         <button name=\"action\" value=\"sign-in\">Sign in</button></div></form>",
        problem = failed.map(|(problem, _)| problem_line(problem)).unwrap_or_default(),
        client = escape(&request.client_name),
        page = hidden("page", &sealed),
        fields = credential_fields(name),
    );
    let page = Page {
        status: if failed.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK },
        title: "Sign in",
        content,
        form_target: Some(&request.redirect_uri),
        submits_itself: false,
    };
    with_cookie(page.render(), browser)
}

fn credential_fields(name: &str) -> String {
    format!(
        "<label for=\"user_name\">User name</label>\
         <input id=\"user_name\" name=\"user_name\" value=\"{}\" autocomplete=\"username\" autocapitalize=\"none\" \
         spellcheck=\"false\" required autofocus>\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>",
        escape(name)
    )
}

fn problem_line(problem: &TokenProblem) -> String {
    let mut text = problem.message.clone();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("<p class=\"problem\" role=\"alert\">{}.</p>", escape(&text))
}

/// A problem that nobody but the person can be told about.
fn problem_page(problem: &TokenProblem, ids: &Ids) -> Response {
    let content = format!(
        "{}<p>{}</p>",
        problem_line(problem),
        escape(&answer::description(problem, ids, jiff::Timestamp::now()))
    );
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let status = if status == StatusCode::UNAUTHORIZED { StatusCode::BAD_REQUEST } else { status };
    Page { status, title: "The sign-in cannot go on", content, form_target: None, submits_itself: false }
        .render()
}

/// Sends the answer to the client's URI.
fn deliver(target: &Target<'_>, parameters: &[(&str, &str)]) -> Response {
    let all = parameters.iter().copied().chain(target.state.map(|state| ("state", state)));
    let Ok(mut url) = Url::parse(target.redirect_uri) else {
        return pages::message(
            StatusCode::BAD_REQUEST,
            "The sign-in cannot go on",
            "The redirect URI is no URI.",
        );
    };
    match target.mode {
        ResponseMode::Query => drop(url.query_pairs_mut().extend_pairs(all)),
        ResponseMode::Fragment => {
            let fragment = Serializer::new(String::new()).extend_pairs(all).finish();
            url.set_fragment(Some(&fragment));
        }
        ResponseMode::FormPost => {
            let fields: String = all.map(|(name, value)| hidden(name, value)).collect();
            let content = format!(
                "<form method=\"post\" action=\"{}\">{fields}<button>Continue</button></form>",
                escape(target.redirect_uri)
            );
            let form_target = Some(target.redirect_uri);
            let page = Page {
                status: StatusCode::OK,
                title: "Signed in",
                content,
                form_target,
                submits_itself: true,
            };
            return page.render();
        }
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(url.as_str()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The browser's mark: the one its cookie has, or a new one.
fn browser(headers: &HeaderMap) -> String {
    cookie(headers).unwrap_or_else(|| Uuid::new_v4().simple().to_string())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
    (value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| value.to_owned())
}

fn with_cookie(mut response: Response, browser: &str) -> Response {
    let cookie = format!("{COOKIE_NAME}={browser}; Path=/; Secure; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

enum Refused {
    Problem(TokenProblem),
    Answer(Response),
}

/// The browser's mark and the form it posted.
async fn posted(request: Request) -> Result<(String, Form), Refused> {
    let stale =
        || Refused::Problem(TokenProblem::malformed("this browser keeps no cookies, or the page is too old"));
    let browser = cookie(request.headers()).ok_or_else(stale)?;
    let body = body_of(request).await.map_err(Refused::Answer)?;
    let form = Form::parse(&body);
    let form = form.map_err(|error| Refused::Problem(TokenProblem::malformed(error.to_string())))?;
    Ok((browser, form))
}

/// What the page carried, if it is ours and this browser's.
fn open<T: serde::de::DeserializeOwned>(
    directory: &Directory,
    purpose: &str,
    form: &Form,
    browser: &str,
) -> Result<T, TokenProblem> {
    directory.open_page(&bound(purpose, browser), form.get("page").unwrap_or_default())
}

/// A page's purpose in one browser: what was sealed for another does not open.
fn bound(purpose: &str, browser: &str) -> String {
    format!("{purpose}:{browser}")
}
