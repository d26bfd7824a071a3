//! The page where a person enters the code that a device shows, signs in, and says yes or no.
//!
//! The last step names the application once more: a code can come from somebody who wants a person's sign-in
//! on his own device.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use evergate_identity::flow::device::Waiting;
use evergate_identity::{Directory, Form, ObjectId, TokenProblem};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::answer::Ids;
use super::super::pages::{self, Page, escape, hidden};
use super::super::token::caller;
use super::{
    Refused, bound, browser, credential_fields, open, posted, problem_line, problem_page, with_cookie,
};

const ENTRY: &str = "device";
const CONFIRMATION: &str = "device-confirmation";

#[derive(Serialize, Deserialize)]
struct Confirmation {
    waiting: Waiting,
    user: ObjectId,
}

/// `GET`: asks for code, name and password.
pub(crate) async fn show(State(directory): State<Arc<Directory>>, request: Request) -> Response {
    let query = Form::parse(request.uri().query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let code = query.get("user_code").or_else(|| query.get("otc")).unwrap_or_default().to_owned();
    entry_page(&directory, &browser(request.headers()), &code, "", None)
}

/// `POST`: checks all three and asks for a yes.
pub(crate) async fn sign_in(State(directory): State<Arc<Directory>>, request: Request) -> Response {
    let (ids, from) = (Ids::of(request.headers(), None), caller(&request));
    let (browser, form) = match posted(request).await {
        Ok(posted) => posted,
        Err(Refused::Problem(problem)) => return problem_page(&problem, &ids),
        Err(Refused::Answer(response)) => return response,
    };
    if let Err(problem) = open::<()>(&directory, ENTRY, &form, &browser) {
        return problem_page(&problem, &ids);
    }
    let code = form.get("user_code").unwrap_or_default();
    let name = form.get("user_name").unwrap_or_default();
    let result = async {
        let waiting = directory.waiting_device(code, from).await?;
        let password = form.secret("password").cloned().unwrap_or_default();
        let user = directory.sign_in(waiting.tenant, name, &password, from).await?;
        Ok((waiting, user))
    };
    match result.await {
        Ok((waiting, user)) => {
            let value = Confirmation { waiting, user: user.id };
            confirmation_page(&directory, &browser, &value, &user.user_name)
        }
        Err(problem) => entry_page(&directory, &browser, code, name, Some(&problem)),
    }
}

/// `POST` of the confirmation.
pub(crate) async fn confirm(State(directory): State<Arc<Directory>>, request: Request) -> Response {
    let ids = Ids::of(request.headers(), None);
    let (browser, form) = match posted(request).await {
        Ok(posted) => posted,
        Err(Refused::Problem(problem)) => return problem_page(&problem, &ids),
        Err(Refused::Answer(response)) => return response,
    };
    let result = async {
        let confirmation: Confirmation = open(&directory, CONFIRMATION, &form, &browser)?;
        let waiting = confirmation.waiting;
        let user = directory.user(waiting.tenant, &confirmation.user.to_string());
        let user = user.map_err(|_| TokenProblem::stale_page())?;
        let yes = form.get("action") == Some("allow");
        directory.answer_device(&waiting, yes.then_some(user.as_ref())).await?;
        Ok(yes)
    };
    match result.await {
        Ok(true) => pages::message(
            StatusCode::OK,
            "Signed in",
            "Your device goes on by itself. You can close this page.",
        ),
        Ok(false) => pages::message(StatusCode::OK, "Declined", "The device was not signed in."),
        Err(problem) => problem_page(&problem, &ids),
    }
}

fn entry_page(
    directory: &Directory,
    browser: &str,
    code: &str,
    name: &str,
    problem: Option<&TokenProblem>,
) -> Response {
    let sealed = directory.seal_page(&bound(ENTRY, browser), &());
    let content = format!(
        "{problem}<form method=\"post\" action=\"/devicelogin\">{page}<label for=\"user_code\">Code</label>\
         <input id=\"user_code\" name=\"user_code\" class=\"code\" value=\"{code}\" autocomplete=\"off\" \
         spellcheck=\"false\" maxlength=\"12\" required>{fields}\
         <div class=\"actions\"><button>Next</button></div></form>",
        problem = problem.map(problem_line).unwrap_or_default(),
        page = hidden("page", &sealed),
        code = escape(code),
        fields = credential_fields(name),
    );
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = Page {
        status,
        title: "Enter the code your device shows",
        content,
        form_target: None,
        submits_itself: false,
    };
    with_cookie(page.render(), browser)
}

fn confirmation_page(
    directory: &Directory,
    browser: &str,
    value: &Confirmation,
    user_name: &str,
) -> Response {
    let client = escape(&value.waiting.client_name);
    let sealed = directory.seal_page(&bound(CONFIRMATION, browser), value);
    let content = format!(
        "<p>It will act as <strong>{}</strong>. Say yes only if you started this sign-in yourself, \
         on a device in front of you.</p>\n<form method=\"post\" action=\"/devicelogin/confirm\">{}\
         <div class=\"actions\"><button class=\"quiet\" name=\"action\" value=\"decline\">No</button>\
         <button name=\"action\" value=\"allow\">Yes, sign in {client}</button></div></form>",
        escape(user_name),
        hidden("page", &sealed),
    );
    let title = "Sign in on your device?";
    Page { status: StatusCode::OK, title, content, form_target: None, submits_itself: false }.render()
}
