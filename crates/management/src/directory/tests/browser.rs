//! Sign-ins of people: the page, codes, refresh tokens, devices.

use serde_json::json;
use url::Url;

use super::*;

const REDIRECT: &str = "http://localhost:50123/back";

/// A page's form: the cookie and the sealed field.
fn page(answer: &Answer) -> (String, String) {
    let cookie = answer.header("set-cookie");
    for word in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let sealed = answer.text.split("name=\"page\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    (cookie.split(';').next().unwrap().to_owned(), sealed.to_owned())
}

fn challenge() -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

impl Server {
    fn authorize_path(&self, client: &str, change: &[(&str, Option<&str>)]) -> String {
        let challenge = challenge();
        let mut query = vec![
            ("client_id", client),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", "https://localhost:9443//.default openid profile offline_access"),
            ("state", "the state"),
            ("nonce", "the-nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in change {
            query.retain(|(known, _)| known != name);
            query.extend(value.map(|value| (*name, value)));
        }
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        self.path(&format!("/oauth2/v2.0/authorize?{query}"))
    }

    /// Signs the administrator in and returns where the browser is sent.
    async fn sign_in(&self, path: &str) -> Answer {
        let shown = self.get(path).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
        let (cookie, sealed) = page(&shown);
        let form = [
            ("page", sealed.as_str()),
            ("user_name", self.made.user_name.as_str()),
            ("password", self.made.password.expose()),
            ("action", "sign-in"),
        ];
        self.post_from_browser(&self.path("/oauth2/v2.0/authorize"), &cookie, &form).await
    }

    async fn code(&self, client: &str) -> String {
        let answer = self.sign_in(&self.authorize_path(client, &[])).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        parameter(&Url::parse(answer.header("location")).unwrap(), "code")
    }

    async fn redeem(&self, client: &str, code: &str, verifier: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier),
        ])
        .await
    }

    async fn refresh(&self, client: &str, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
        self.token(&form).await
    }
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn text(answer: &Answer, name: &str) -> String {
    answer.json[name].as_str().unwrap_or_default().to_owned()
}

async fn native(server: &Server) -> String {
    server.application("desk", ApplicationKind::Native, true).await.0.id.to_string()
}

#[tokio::test]
async fn a_person_signs_in_with_the_browser() {
    let server = Server::start().await;
    let client = native(&server).await;
    let answer = server.sign_in(&server.authorize_path(&client, &[])).await;
    let location = Url::parse(answer.header("location")).unwrap();
    assert!(location.as_str().starts_with(&format!("{REDIRECT}?")), "{location}");
    assert_eq!(parameter(&location, "state"), "the state");
    let tokens = server.redeem(&client, &parameter(&location, "code"), VERIFIER).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.text);

    let access = claims(&text(&tokens, "access_token"));
    assert_eq!((&access["scp"], &access["idtyp"]), (&json!("user_impersonation"), &json!("user")));
    assert_eq!(access["upn"], server.made.user_name);
    let identity = claims(&text(&tokens, "id_token"));
    assert_eq!((&identity["aud"], &identity["nonce"]), (&json!(client), &json!("the-nonce")));
    assert_eq!(identity["preferred_username"], server.made.user_name);
    assert_eq!(identity["iss"], format!("{AUTHORITY}/{}/v2.0", server.made.tenant_id));
    // The client library finds the token in its cache by the words it asked with.
    let scope = text(&tokens, "scope");
    assert!(scope.split(' ').any(|word| word == "https://localhost:9443//.default"), "{scope}");
    assert!(!text(&tokens, "client_info").is_empty());

    let principal = server.authenticate(&text(&tokens, "access_token")).await.unwrap();
    server
        .directory
        .authorize(&principal, "Microsoft.ApiManagement/service/write", "/subscriptions/s")
        .unwrap();
}

#[tokio::test]
async fn refresh_tokens_work_once_and_a_second_use_withdraws_the_line() {
    let server = Server::start().await;
    let client = native(&server).await;
    let first = server.redeem(&client, &server.code(&client).await, VERIFIER).await;
    let first = text(&first, "refresh_token");
    let second = server.refresh(&client, &first).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.text);
    let second = text(&second, "refresh_token");
    let third = text(&server.refresh(&client, &second).await, "refresh_token");
    assert!(!third.is_empty() && third != second && second != first);
    // A twin: refused, and nobody is hurt.
    assert_eq!(server.refresh(&client, &second).await.json["error_codes"], json!([70_008]));
    let fourth = text(&server.refresh(&client, &third).await, "refresh_token");
    assert!(!fourth.is_empty());
    server.pass(31);
    assert_eq!(server.refresh(&client, &third).await.json["error_codes"], json!([70_008]));
    assert_eq!(server.refresh(&client, &fourth).await.json["error"], "invalid_grant");

    let first = text(&server.redeem(&client, &server.code(&client).await, VERIFIER).await, "refresh_token");
    let second = text(&server.refresh(&client, &first).await, "refresh_token");
    let third = text(&server.refresh(&client, &second).await, "refresh_token");
    assert_eq!(server.refresh(&client, &first).await.json["error_codes"], json!([70_008]));
    assert_eq!(server.refresh(&client, &third).await.json["error"], "invalid_grant");
}

#[tokio::test]
async fn refresh_tokens_end_with_the_password_the_consent_the_client_and_time() {
    let server = Server::start().await;
    let client = native(&server).await;
    let other = server.application("other", ApplicationKind::Native, true).await.0.id.to_string();
    let fresh = async || {
        let code = server.code(&client).await;
        text(&server.redeem(&client, &code, VERIFIER).await, "refresh_token")
    };
    let token = fresh().await;
    assert_eq!(server.refresh(&other, &token).await.json["error_codes"], json!([70_000]));
    let token = text(&server.refresh(&client, &token).await, "refresh_token");
    assert!(!token.is_empty(), "another client's attempt does no harm");
    server.pass(91 * 24 * 3600);
    assert_eq!(server.refresh(&client, &token).await.json["error_codes"], json!([70_008]));

    let token = fresh().await;
    server.pass(1);
    let tenant = server.made.tenant_id;
    let user = server.directory.user(tenant, &server.made.user_name).unwrap().id;
    server.directory.set_password(tenant, user, &Secret::new("another good password")).await.unwrap();
    assert_eq!(server.refresh(&client, &token).await.json["error_codes"], json!([70_008]));
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once() {
    let server = Server::start().await;
    let client = native(&server).await;
    let tokens = server.redeem(&client, &server.code(&client).await, VERIFIER).await;
    let tenant = server.made.tenant_id;
    let user = server.directory.user(tenant, &server.made.user_name).unwrap().id;
    server.directory.set_enabled(tenant, user, false).await.unwrap();
    let error = server.authenticate(&text(&tokens, "access_token")).await.unwrap_err();
    assert!(error.contains("disabled"), "{error}");
    assert_eq!(
        server.refresh(&client, &text(&tokens, "refresh_token")).await.status,
        StatusCode::BAD_REQUEST
    );
    let again = server.sign_in(&server.authorize_path(&client, &[])).await;
    assert!(again.text.contains("The user name or the password is not right"), "{}", again.text);
}

#[tokio::test]
async fn a_code_works_once_for_its_client_with_its_verifier() {
    let server = Server::start().await;
    let client = native(&server).await;
    let other = server.application("other", ApplicationKind::Native, true).await.0.id.to_string();

    let code = server.code(&client).await;
    let tokens = server.redeem(&client, &code, VERIFIER).await;
    assert_eq!(server.redeem(&client, &code, VERIFIER).await.json["error_codes"], json!([54_005]));
    let refreshed = server.refresh(&client, &text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.json["error"], "invalid_grant", "the tokens of a stolen code are withdrawn");

    let code = server.code(&client).await;
    assert_eq!(server.redeem(&client, &code, "another verifier").await.json["error_codes"], json!([501_481]));
    let code = server.code(&client).await;
    assert_eq!(server.redeem(&other, &code, VERIFIER).await.json["error_codes"], json!([70_000]));
    let code = server.code(&client).await;
    server.pass(601);
    assert_eq!(server.redeem(&client, &code, VERIFIER).await.json["error_codes"], json!([70_008]));
}

#[tokio::test]
async fn no_sign_in_leads_to_a_place_that_is_not_registered() {
    let server = Server::start().await;
    let client = native(&server).await;
    let nobody = uuid::Uuid::nil().to_string();
    for (client, change, expected) in [
        (client.as_str(), ("redirect_uri", Some("https://evil.example/")), "is not registered"),
        (client.as_str(), ("redirect_uri", Some("http://localhost:1/other")), "is not registered"),
        (client.as_str(), ("redirect_uri", None), "redirect_uri"),
        (client.as_str(), ("response_mode", Some("web_message")), "response mode"),
        (nobody.as_str(), ("x", None), "no application"),
    ] {
        let answer = server.get(&server.authorize_path(client, &[change])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{change:?}");
        assert_eq!(answer.header("location"), "", "{change:?}");
        assert!(pages_text(&answer).contains(expected), "{}", answer.text);
    }
    let (unconsented, _) = server.application("fresh", ApplicationKind::Native, false).await;
    let unconsented = unconsented.id.to_string();
    for (client, change, expected) in [
        (&client, ("code_challenge", None), "invalid_request"),
        (&client, ("code_challenge_method", Some("plain")), "invalid_request"),
        (&client, ("response_type", Some("token")), "unsupported_response_type"),
        (&client, ("prompt", Some("none")), "login_required"),
        (&client, ("scope", Some("https://other/.default")), "invalid_resource"),
        (&unconsented, ("x", None), "consent_required"),
    ] {
        let answer = server.get(&server.authorize_path(client, &[change])).await;
        let location = Url::parse(answer.header("location")).unwrap();
        assert_eq!(location.host_str(), Some("localhost"), "{change:?}");
        assert_eq!(parameter(&location, "error"), expected, "{change:?}");
        assert_eq!(parameter(&location, "state"), "the state");
    }
}

fn pages_text(answer: &Answer) -> String {
    answer.text.replace("&#39;", "'")
}

#[tokio::test]
async fn the_page_is_bound_to_its_browser_and_closed_to_other_sites() {
    let server = Server::start().await;
    let client = native(&server).await;
    let shown =
        server.get(&server.authorize_path(&client, &[("login_hint", Some("\"><script>x</script>"))])).await;
    assert!(!shown.text.contains("<script>x"), "{}", shown.text);
    let policy = shown.header("content-security-policy");
    assert!(
        policy.contains("frame-ancestors 'none'") && policy.contains("http://localhost:50123"),
        "{policy}"
    );
    let (cookie, sealed) = page(&shown);
    let post = async |cookie: &str, sealed: &str| {
        let form = [
            ("page", sealed),
            ("user_name", server.made.user_name.as_str()),
            ("password", server.made.password.expose()),
        ];
        server.post_from_browser(&server.path("/oauth2/v2.0/authorize"), cookie, &form).await
    };
    let stranger = format!("__Host-evergate-signin={}", "0".repeat(32));
    let altered = format!("{}A", &sealed[..sealed.len() - 1]);
    for (cookie, sealed) in [("", sealed.as_str()), (&stranger, &sealed), (&cookie, &altered), (&cookie, "")]
    {
        let answer = post(cookie, sealed).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""), "{cookie}");
    }
    assert_eq!(post(&cookie, &sealed).await.status, StatusCode::SEE_OTHER);
    server.pass(601);
    assert_eq!(post(&cookie, &sealed).await.status, StatusCode::BAD_REQUEST, "too old");
}

#[tokio::test]
async fn answers_travel_as_the_client_asked() {
    let server = Server::start().await;
    let client = native(&server).await;
    let fragment =
        server.sign_in(&server.authorize_path(&client, &[("response_mode", Some("fragment"))])).await;
    let location = Url::parse(fragment.header("location")).unwrap();
    assert!(location.query().is_none() && location.fragment().unwrap().contains("code="), "{location}");

    let posted =
        server.sign_in(&server.authorize_path(&client, &[("response_mode", Some("form_post"))])).await;
    assert_eq!(posted.status, StatusCode::OK);
    assert!(posted.text.contains(&format!("action=\"{REDIRECT}\"")) && posted.text.contains("name=\"code\""));

    let (cookie, sealed) = page(&server.get(&server.authorize_path(&client, &[])).await);
    let form = [("page", sealed.as_str()), ("action", "cancel")];
    let cancelled = server.post_from_browser(&server.path("/oauth2/v2.0/authorize"), &cookie, &form).await;
    let location = Url::parse(cancelled.header("location")).unwrap();
    assert_eq!(parameter(&location, "error"), "access_denied");
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down() {
    let server = Server::start().await;
    let tenant = server.made.tenant_id;
    let wrong = Secret::new("not the password");
    for _ in 0..6 {
        let error = server.directory.sign_in(tenant, &server.made.user_name, &wrong, None).await.unwrap_err();
        assert_eq!(error.number, 50_126);
    }
    let sign_in = || server.directory.sign_in(tenant, &server.made.user_name, &server.made.password, None);
    assert_eq!(sign_in().await.unwrap_err().number, 50_053);
    server.pass(2);
    sign_in().await.unwrap();
}

#[tokio::test]
async fn a_device_waits_until_its_person_said_yes() {
    let server = Server::start().await;
    let client = native(&server).await;
    let begin = async || {
        let form =
            [("client_id", client.as_str()), ("scope", "https://localhost:9443/.default offline_access")];
        server.post(&server.path("/oauth2/v2.0/devicecode"), &form).await
    };
    let poll = async |code: &str| {
        server
            .token(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("client_id", &client),
                ("device_code", code),
            ])
            .await
    };
    let sign_in = async |user_code: &str, password: &str| {
        let (cookie, sealed) = page(&server.get("/devicelogin").await);
        let form = [
            ("page", sealed.as_str()),
            ("user_code", user_code),
            ("user_name", server.made.user_name.as_str()),
            ("password", password),
        ];
        (cookie.clone(), server.post_from_browser("/devicelogin", &cookie, &form).await)
    };
    let confirm = async |cookie: &str, shown: &Answer, action: &str| {
        let sealed = shown.text.split("name=\"page\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let form = [("page", sealed), ("action", action)];
        server.post_from_browser("/devicelogin/confirm", cookie, &form).await
    };
    let password = server.made.password.expose();

    let begun = begin().await;
    assert_eq!(text(&begun, "verification_uri"), format!("{AUTHORITY}/devicelogin"));
    let (code, user_code) = (text(&begun, "device_code"), text(&begun, "user_code"));
    assert_eq!(poll(&code).await.json["error"], "authorization_pending");
    assert_eq!(poll(&code).await.json["error"], "slow_down");
    server.pass(5);
    assert_eq!(poll(&code).await.json["error"], "authorization_pending");
    assert_eq!(sign_in("XXXX-XXXX", password).await.1.status, StatusCode::BAD_REQUEST);
    assert_eq!(sign_in(&user_code, "wrong password").await.1.status, StatusCode::BAD_REQUEST);
    let (cookie, shown) = sign_in(&user_code.to_lowercase().replace('-', " "), password).await;
    assert!(shown.text.contains("sign in desk"), "{}", shown.text);
    server.pass(5);
    assert_eq!(poll(&code).await.json["error"], "authorization_pending", "not before the yes");
    assert_eq!(confirm(&cookie, &shown, "allow").await.status, StatusCode::OK);
    let tokens = poll(&code).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.text);
    server.authenticate(&text(&tokens, "access_token")).await.unwrap();
    assert!(!text(&tokens, "refresh_token").is_empty());
    assert_eq!(poll(&code).await.json["error"], "expired_token", "once");

    let begun = begin().await;
    let (cookie, shown) = sign_in(&text(&begun, "user_code"), password).await;
    confirm(&cookie, &shown, "decline").await;
    assert_eq!(poll(&text(&begun, "device_code")).await.json["error"], "authorization_declined");

    for _ in 0..100 {
        begin().await;
    }
    assert_eq!(
        begin().await.json["error"],
        "temporarily_unavailable",
        "anybody may begin, but not fill the store"
    );
    server.pass(60);
    let begun = begin().await;
    server.pass(901);
    assert_eq!(poll(&text(&begun, "device_code")).await.json["error"], "expired_token");
    server.directory.maintain().await.unwrap();
}
